"""The HTML report in a real browser: no network, no complaint, both languages, filters, narrow and wide."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kijun import reporting
from tests.browser.chromium import Page, browser
from tests.reports import museums

HOSTILE = "<img src=x onerror='window.hurt=1'></td></table><script>window.hurt=1</script>" + "W" * 300
WIDTHS = (360, 768, 1280)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Page]:
    with browser() as page:
        yield page


def written(folder: Path, name: str, hosts: int, **more: object) -> Path:
    path = folder / name
    reporting.write(path, reporting.render(museums(hosts, **more), "html", "ja"))
    return path


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), "seven.html", 7)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), "hostile.html", 5, text=HOSTILE)


def seen(page: Page, lang: str) -> int:
    """Return how many of the page's texts of one language are shown."""
    return int(
        page(f"[...document.querySelectorAll('span[lang={lang}]')].filter(e => e.offsetParent).length")
    )


def rows(page: Page) -> dict[str, int]:
    """Return how many rows of which status are shown under the hosts that are unfolded."""
    counted = page(
        "Object.fromEntries(['pass','fail','unknown','excepted','not_applicable'].map(s =>"
        "[s, [...document.querySelectorAll('#hosts tr.' + s)].filter(e => e.offsetParent).length]))"
    )
    return dict(counted)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_it_opens_without_network_and_without_complaint(chromium: Page, seven: Path, script: bool) -> None:
    chromium.open(seven, script=script)
    for click in ("label[for=lang-en]", "#show-pass", "nav a[href='#coverage']", "#hosts summary"):
        chromium.click(click)
    assert chromium("document.title").startswith("Conformity" if script else "適合")
    assert chromium.requests == [seven.as_uri()]
    assert chromium.complaints == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_one_language_is_shown_and_the_other_a_click_away(chromium: Page, seven: Path, script: bool) -> None:
    chromium.open(seven, script=script)
    shown = seen(chromium, "ja")
    assert shown > 500
    assert seen(chromium, "en") == 0
    chromium.click("label[for=lang-en]")
    assert seen(chromium, "en") == shown
    assert seen(chromium, "ja") == 0
    assert chromium("document.documentElement.lang") == ("en" if script else "ja")
    chromium.click("label[for=lang-ja]")
    assert seen(chromium, "ja") == shown


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_filters_by_status(chromium: Page, seven: Path, script: bool) -> None:
    chromium.open(seven, script=script)
    before = rows(chromium)
    assert all(before.values())
    chromium.click("#show-pass")
    chromium.click("#show-unknown")
    assert rows(chromium) == {**before, "pass": 0, "unknown": 0}
    chromium.click("#show-pass")
    assert rows(chromium) == {**before, "unknown": 0}


def test_search_by_host_and_by_control(chromium: Page, seven: Path) -> None:
    chromium.open(seven)
    hosts = "[...document.querySelectorAll('.host')].filter(e => e.offsetParent).map(e => e.id)"
    chromium.type("#search", "museum-3")
    assert chromium(hosts) == ["host-3"]
    assert chromium("document.getElementById('shown').innerText").startswith("1 / 7")
    chromium("document.getElementById('search').select()")
    chromium.type("#search", "source_routes")
    assert len(chromium(hosts)) == 7
    assert sum(rows(chromium).values()) <= 7
    chromium("document.getElementById('search').select()")
    chromium.type("#search", "no such thing")
    assert chromium(hosts) == []


def test_the_search_is_offered_only_where_it_works(chromium: Page, seven: Path) -> None:
    for script in (True, False):
        chromium.open(seven, script=script)
        assert bool(chromium("document.getElementById('search').offsetParent !== null")) is script


@pytest.mark.parametrize("name", ["seven", "hostile"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out(chromium: Page, request: pytest.FixtureRequest, name: str, width: int) -> None:
    chromium.open(request.getfixturevalue(name), width=width, dark=width == 768)
    chromium("document.querySelectorAll('details').forEach(d => d.open = true)")
    for lang in ("en", "ja"):
        chromium.click(f"label[for=lang-{lang}]")
        assert chromium("document.documentElement.scrollWidth") == width
        # Nor is anything cut off: what is wider than its place is in a region that scrolls.
        shown = "e.offsetParent && !e.closest('.wide, .unseen, svg')"
        out = f"{shown} && e.getBoundingClientRect().right > {width} + 1"
        assert chromium(f"[...document.querySelectorAll('main *')].filter(e => {out}).length") == 0


def test_what_a_host_says_does_nothing(chromium: Page, hostile: Path) -> None:
    chromium.open(hostile)
    assert chromium("window.hurt") is None
    assert chromium("document.images.length + document.scripts.length") == 1
    assert HOSTILE[:70] in chromium("document.querySelector('.host .said').innerText")
    assert chromium.requests == [hostile.as_uri()]
    assert chromium.complaints == []


def test_a_link_unfolds_what_it_leads_to(chromium: Page, seven: Path) -> None:
    chromium.open(seven)
    chromium.click("#close-all")
    assert chromium("document.querySelectorAll('.host[open]').length") == 0
    chromium.click(".matrix a[href='#host-5']")
    chromium.wait("document.getElementById('host-5').open")
    chromium("location.hash = '#R-4.1'")
    chromium.wait("document.getElementById('R-4.1').closest('details').open")


@pytest.mark.parametrize("width", [360, 1280])
def test_tables_stay_tables_for_those_who_listen(chromium: Page, seven: Path, width: int) -> None:
    chromium.open(seven, width=width)
    nodes = chromium.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert roles.count("rowheader") > 200
    assert roles.count("columnheader") > 40
    assert roles.count("main") == roles.count("navigation") == 1


def test_it_prints_with_everything_unfolded(chromium: Page, seven: Path) -> None:
    chromium.open(seven)
    pdf = chromium.printed()
    assert pdf.startswith(b"%PDF")
    assert chromium("document.querySelectorAll('.host:not([open])').length") == 0


def test_two_hundred_hosts_can_be_opened(chromium: Page, tmp_path: Path) -> None:
    crowd = written(tmp_path, "crowd.html", 200)
    chromium.open(crowd)
    assert chromium("document.querySelectorAll('.host').length") == 200
    chromium.type("#search", "museum-157")
    assert chromium("document.getElementById('shown').innerText").startswith("1 / 200")

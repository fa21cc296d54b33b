"""The house keeps its shape: five rooms a topic, small files, nothing of one machine, true documentation."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from kijun.cli import build_app
from kijun.topics import all_topics

ROOT = Path(__file__).parents[2]
LEAST_SABOTAGES = 8
MOST_LINES = 400
CODE = {".py", ".sh", ".yml", ".yaml", ".toml", ".cfg", ".j2", ".md", ""}
# What is data, or written by a program, may be longer.
LONG = ("standards/", "docs/coverage", "docs/topics/", "tests/unit/data/", "LICENSE", "requirements.lock")
# Put together from parts, so that this file does not contain what it forbids.
FORBIDDEN = [
    *("pypi" + ".org", "python" + "hosted.org", "deb.debian" + ".org", "security.debian" + ".org"),
    *("archive.ubuntu" + ".com", "registry.npmjs" + ".org", "ftp.debian" + ".org"),
    *(
        "/wor" + "k/main",
        "/wor" + "k/shared",
        "/tmp/" + "dev",
        "/tmp/" + "v/",
        "/root/" + ".pyenv",
        "/opt/" + "pypi",
    ),
]


def project_files():
    """Return every file of the project: what git tracks or would track, or all where there is no git."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return sorted(path for path in paths if path.is_file())


FILES = project_files()
SLUGS = sorted(all_topics())
MARKDOWN = [path for path in FILES if path.suffix == ".md"]


def name(path):
    return str(path.relative_to(ROOT))


def test_there_are_topics_and_files():
    assert {"account_lockout", "password_policy"} <= set(SLUGS)
    assert len(FILES) > 100


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "room",
    [
        "standards/osaka-museums/controls/{}.yml",
        "kijun/topics/{}.py",
        "roles/{}/tasks/main.yml",
        "roles/{}/meta/argument_specs.yml",
        "roles/{}/defaults/main.yml",
        "tests/proofs/test_{}.py",
    ],
)
def test_every_topic_has_its_rooms(slug, room):
    assert (ROOT / room.format(slug)).is_file()


@pytest.mark.parametrize("slug", SLUGS)
def test_every_topic_can_be_broken_in_many_ways(slug):
    assert len(list((ROOT / "tests/sabotage" / slug).glob("*.sh"))) >= LEAST_SABOTAGES


@pytest.mark.parametrize("slug", SLUGS)
def test_every_topic_has_unit_tests(slug):
    assert list((ROOT / "tests/unit").glob(f"test_topic_{slug}*.py"))


@pytest.mark.parametrize("suffix", ["", ".ja"])
def test_every_topic_is_found_from_the_documentation(suffix):
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs/topics").glob(f"*{suffix}.md")}
    assert pages
    assert not {name for name in pages if f"(topics/{name})" not in index}


def test_no_room_belongs_to_no_topic():
    rooms = {path.name for path in (ROOT / "roles").iterdir() if any(path.rglob("*.yml"))} - {"change_guard"}
    rooms |= {path.name for path in (ROOT / "tests/sabotage").iterdir() if path.is_dir()}
    rooms |= {path.stem for path in (ROOT / "standards/osaka-museums/controls").glob("*.yml")}
    rooms |= {path.stem.removeprefix("test_") for path in (ROOT / "tests/proofs").glob("test_*.py")}
    assert rooms == set(SLUGS)


SABOTAGES = [path for path in FILES if name(path).startswith("tests/sabotage/") and path.suffix == ".sh"]


@pytest.mark.parametrize("script", SABOTAGES, ids=name)
def test_every_sabotage_says_what_it_breaks_and_who_catches_it(script):
    text = script.read_text(encoding="utf-8")
    slug = script.parent.name
    controls = yaml.safe_load(
        (ROOT / f"standards/osaka-museums/controls/{slug}.yml").read_text(encoding="utf-8")
    )
    known = {control["id"] for control in controls["controls"]}
    breaks = re.search(r"^# breaks: (.+)$", text, re.MULTILINE)
    assert text.startswith("#!/bin/sh\n")
    assert breaks, "no '# breaks:' line"
    assert {one.strip() for one in breaks[1].split(",")} <= known
    assert re.search(r"^# caught-by: (reading|proof)$", text, re.MULTILINE)
    assert re.search(r"^# what: \S.+$", text, re.MULTILINE)


def test_no_file_needs_scrolling_for_ever():
    long = {}
    for path in FILES:
        if path.suffix in CODE and not name(path).startswith(LONG):
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > MOST_LINES:
                long[name(path)] = lines
    assert not long


def test_nothing_names_a_registry_or_a_path_of_one_machine():
    found = []
    for path in FILES:
        content = path.read_bytes()
        found += [f"{name(path)}: {word}" for word in FORBIDDEN if word.encode() in content]
    assert not found


def scenarios():
    return sorted(path.parent for path in (ROOT / "molecule").glob("*/molecule.yml"))


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda path: path.name)
def test_every_molecule_scenario_verifies_something(scenario):
    """Molecule takes a missing playbook for a warning and no tests for a skip, so this looks itself."""
    if scenario.name == "default":
        for playbook in ("create.yml", "destroy.yml"):
            assert (scenario / playbook).is_file()
        return
    files = (ROOT / ".config/molecule/config.yml", scenario / "molecule.yml")
    shared, own = (yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in files)
    verifier = {**shared.get("verifier", {}), **own.get("verifier", {})}
    assert verifier["name"] == "testinfra"
    assert "verify" in own.get("scenario", {}).get("test_sequence", ["verify"])
    assert (scenario / "converge.yml").is_file()
    folder = Path(verifier["directory"].replace("${MOLECULE_PROJECT_DIRECTORY}", str(ROOT)))
    tests = [path for path in folder.glob("test_*.py") if "def test_" in path.read_text(encoding="utf-8")]
    assert tests, f"no test in {folder}"


def test_there_are_molecule_scenarios():
    assert {"default", "accounts"} <= {path.name for path in scenarios()}


def links():
    for path in MARKDOWN:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith(("#", "mailto:")):
                yield path, target.split("#")[0]


@pytest.mark.parametrize(
    ("path", "target"), list(links()), ids=lambda value: str(value).removeprefix(f"{ROOT}/")
)
def test_every_link_leads_somewhere(path, target):
    assert (path.parent / target).exists()


def code_of(path):
    """Return the lines and spans of `path` that are set as code."""
    text = path.read_text(encoding="utf-8")
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(fenced + re.findall(r"`([^`\n]+)`", text))


def make_targets():
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", MARKDOWN, ids=name)
def test_every_make_target_in_the_documentation_exists(path):
    assert set(re.findall(r"(?:^|=\S+ )make ([a-z]+)", code_of(path), re.MULTILINE)) <= make_targets()


@pytest.mark.parametrize("path", MARKDOWN, ids=name)
def test_every_command_and_option_in_the_documentation_exists(path):
    verbs = get_command(build_app()).commands
    for line in re.findall(r"\bkijun ([a-z]+[^\n#|]*)", code_of(path)):
        verb, *words = line.split()
        assert verb in verbs, f"kijun {line}"
        command = verbs[verb]
        if words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words[0]]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        asked = {
            word.split("=")[0].strip("[]…").split("|")[0]
            for word in words
            if word.lstrip("[").startswith("-")
        }
        assert asked <= known, f"kijun {line}: {asked - known}"


def test_every_command_is_documented():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    verbs = {verb for verb, command in get_command(build_app()).commands.items() if not command.hidden}
    assert len(verbs) > 5
    assert not {verb for verb in verbs if f"`kijun {verb}" not in index}


@pytest.mark.parametrize("path", ["README.md", "README.ja.md"])
def test_every_topic_that_is_there_is_named(path):
    _, _, text = (ROOT / path).read_text(encoding="utf-8").partition("26")
    listed = text.partition("docs/coverage")[0]
    assert sorted(re.findall(r"`([a-z_]+)`", listed)) == sorted(SLUGS)


def test_make_help_lists_every_target_with_one_line():
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = {line.split()[1] for line in shown.splitlines()}
    assert listed == make_targets()
    assert all(len(line.split(maxsplit=2)) == 3 for line in shown.splitlines())

"use strict";
(() => {
  const root = document.documentElement;
  const title = document.querySelector("title");
  const hosts = [...document.querySelectorAll("details.host")].map((element) => ({
    element,
    name: element.querySelector(".name").textContent.toLowerCase(),
    rows: [...element.querySelectorAll("tr.row")].map((row) => ({
      row,
      status: row.classList[1],
      control: `${row.dataset.control} ${row.querySelector(".title").textContent}`.toLowerCase(),
    })),
  }));
  const search = document.getElementById("search");
  const boxes = [...document.querySelectorAll(".filters input[type=checkbox]")];

  function speak(lang) {
    root.lang = lang;
    root.dataset.lang = lang;
    title.textContent = title.dataset[lang];
  }

  // A host stays where its name is what is looked for, or where one of its controls is; emptied hosts go.
  function filter() {
    const wanted = search.value.trim().toLowerCase();
    const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    root.dataset.hide = [...off].join(" ");
    let shown = 0;
    for (const host of hosts) {
      const named = host.name.includes(wanted);
      let left = 0;
      for (const { row, status, control } of host.rows) {
        row.hidden = !named && !control.includes(wanted);
        if (!row.hidden && !off.has(status)) left += 1;
      }
      host.element.hidden = left === 0 && !(named && host.rows.length === 0);
      if (!host.element.hidden) shown += 1;
    }
    document.getElementById("shown-hosts").textContent = String(shown);
  }

  function fold(open) {
    for (const { element } of hosts) if (!element.hidden) element.open = open;
  }

  // What a link leads to may be folded away, or filtered away.
  function reveal() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const folded = target.closest("details");
    if (folded) {
      folded.hidden = false;
      folded.open = true;
      target.scrollIntoView();
    }
  }

  for (const radio of document.querySelectorAll("input[name=lang]")) {
    radio.addEventListener("change", () => speak(radio.value));
    if (radio.checked) speak(radio.value); // a browser may restore the choice when it reloads
  }
  for (const box of boxes) box.addEventListener("change", filter);
  search.addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open-all").addEventListener("click", () => fold(true));
  document.getElementById("close-all").addEventListener("click", () => fold(false));
  document.querySelector(".scripted").hidden = false;
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => fold(true));
  filter();
  reveal();
})();

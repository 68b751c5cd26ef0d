"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = [...document.querySelectorAll("#layers tbody tr")];
  const body = rows.length ? rows[0].parentNode : null;
  const nodes = [...document.querySelectorAll("g.node")];
  const lines = [...document.querySelectorAll(".line")];
  const panel = document.getElementById("layer");
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const text = (tag, words) => {
    const made = document.createElement(tag);
    made.textContent = words;
    return made;
  };
  let chosen = -1;

  const mark = (index) => {
    for (const row of rows) {
      row.classList.toggle("now", +row.dataset.u === index);
      row.setAttribute("aria-selected", String(+row.dataset.u === index));
    }
    for (const node of nodes) {
      const on = index >= +node.dataset.a && index < +node.dataset.b;
      node.classList.toggle("now", on);
    }
    for (const line of lines)
      line.classList.toggle("now", (line.dataset.u || "").split(" ").includes(String(index)));
  };

  const describe = (index) => {
    panel.replaceChildren();
    panel.classList.toggle("none", index < 0);
    if (index < 0) {
      panel.append(text("h2", "Selected layer"));
      panel.append(text("p", "Choose a layer in the drawing, the table or the file."));
      panel.append(text("p", "Keys: / filter, j and k next and previous, Esc none."));
      return;
    }
    const layer = data.layers[index];
    const cells = rows.find((row) => +row.dataset.u === index).children;
    const heads = ["", "", "output", "params", "macs", "flops", "share of MACs"];
    const close = text("button", "\u00d7");
    close.className = "plain";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => select(-1));
    panel.append(close, text("h3", cells[0].textContent), text("p", cells[1].textContent));
    const list = document.createElement("dl");
    list.className = "total";
    const figures = heads.map((name, place) => [name, cells[place].textContent]);
    for (const [name, value] of [...figures, ["field", layer.field]]) {
      if (!name || !value) continue;
      const pair = document.createElement("div");
      pair.append(text("dt", name), text("dd", value));
      list.append(pair);
    }
    panel.append(list);
    panel.append(text("pre", layer.lines.map((n) => data.strings[n]).join("\n")));
  };

  const select = (index, scroll) => {
    chosen = index;
    mark(index);
    describe(index);
    const row = rows.find((one) => +one.dataset.u === index);
    history.replaceState(null, "", row ? "#" + row.id : location.pathname + location.search);
    for (const one of rows) one.tabIndex = -1;
    if (row) row.tabIndex = 0;
    else if (rows.length) rows[0].tabIndex = 0;
    if (row && scroll) row.scrollIntoView({ block: "nearest" });
  };

  const visible = () => [...body.children].filter((row) => !row.hidden);
  const step = (by) => {
    const all = visible();
    if (!all.length) return;
    const at = all.findIndex((row) => +row.dataset.u === chosen);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    select(+next.dataset.u, true);
    next.focus({ preventScroll: true });
  };

  const narrow = () => {
    const words = filter.value.toLowerCase().replace(/(\d)x(?=\d)/g, "$1\u00d7").split(/\s+/).filter(Boolean);
    let macs = 0;
    for (const row of rows) {
      const hay = row.textContent.toLowerCase().replace(/(\d)x(?=\d)/g, "$1\u00d7");
      row.hidden = !words.every((word) => hay.includes(word));
      if (!row.hidden) macs += +row.dataset.macs;
    }
    const count = rows.filter((row) => !row.hidden).length;
    const share = data.macs ? ((100 * macs) / data.macs).toFixed(1) : "0.0";
    shown.textContent = count + " of " + rows.length + " layers, " + share + "% of the MACs";
  };

  rows.forEach((row) => {
    row.tabIndex = -1;
    row.addEventListener("click", () => select(+row.dataset.u));
  });
  if (rows.length) rows[0].tabIndex = 0;
  for (const node of nodes) {
    node.tabIndex = 0;
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", node.querySelector("title").textContent.split("\n")[0]);
    // A folded node stands for several layers: the first of them that computes something.
    const first = () => {
      for (let at = +node.dataset.a; at < +node.dataset.b; at++) if (data.layers[at]) return at;
      return -1;
    };
    node.addEventListener("click", () => first() >= 0 && select(first(), true));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        if (first() >= 0) select(first(), true);
      }
    });
  }
  for (const line of lines)
    if (line.dataset.u) line.addEventListener("click", () => select(+line.dataset.u.split(" ")[0], true));

  document.querySelectorAll("#layers thead th").forEach((head, place) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    let turn = 0;
    button.addEventListener("click", () => {
      turn = (turn + 1) % 3;
      document.querySelectorAll("#layers thead th").forEach((other) => other.removeAttribute("aria-sort"));
      const key = (row) => row.children[place].dataset.n ?? row.children[place].textContent;
      const sorted = [...rows];
      const number = rows.length && rows[0].children[place].dataset.n !== undefined;
      if (turn) {
        sorted.sort((a, b) => (number ? +key(b) - +key(a) : key(a).localeCompare(key(b))));
        if (turn === 2) sorted.reverse();
        head.setAttribute("aria-sort", (turn === 1) === !!number ? "descending" : "ascending");
      }
      body.append(...sorted);
    });
  });

  filter.addEventListener("input", narrow);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === filter;
    if (event.key === "Escape") {
      if (typing) filter.blur();
      select(-1);
    } else if (typing) return;
    else if (event.key === "/") {
      event.preventDefault();
      filter.focus();
    } else if (event.key === "j" || event.key === "ArrowDown") {
      event.preventDefault();
      step(1);
    } else if (event.key === "k" || event.key === "ArrowUp") {
      event.preventDefault();
      step(-1);
    }
  });
  document.querySelector(".controls").hidden = false;
  narrow();
  const start = rows.find((row) => "#" + row.id === decodeURIComponent(location.hash));
  if (start) select(+start.dataset.u, true);
  else describe(-1);
})();

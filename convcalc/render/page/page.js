// Links the views of the page: one selected layer, a filter, an order of the table, and keys.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = [...document.querySelectorAll("#layers tbody tr")];
  const body = rows.length ? rows[0].parentNode : null;
  const lines = [...document.querySelectorAll(".line")];
  const boxes = [...document.querySelectorAll(".chart [data-a]")];
  const rowOf = new Map(rows.map((row) => [+row.dataset.u, row]));
  const panel = document.getElementById("layer");
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const text = (tag, words) => make(tag, "", words);
  let chosen = -1;

  const heads = [...document.querySelectorAll("#layers th")].map((head) => head.textContent);
  let slide = null;

  const band = document.querySelector("#memory .at");
  const rest = band && [band.getAttribute("x"), band.getAttribute("width")];
  // The steps of a layer in the chart of memory; the peak where none is chosen.
  const moveBand = (layer) => {
    if (!band) return;
    const scale = 720 / band.ownerSVGElement.dataset.steps;
    const place = layer && layer.steps ? layer.steps.map((step) => step * scale) : rest;
    band.setAttribute("x", place[0]);
    band.setAttribute("width", place[1]);
  };
  // The receptive field of the middle unit over the input; what lies outside of it is dashed.
  const fieldView = ([height, width, y, x, down, across]) => {
    const [top, left] = [Math.min(0, y), Math.min(0, x)];
    const [bottom, right] = [Math.max(height, y + down), Math.max(width, x + across)];
    const scale = 180 / Math.max(bottom - top, right - left);
    const rect = (x, y, w, h, kind) => svg("rect", { x: (x - left) * scale + 1, y: (y - top) * scale + 1, width: Math.max(w * scale, 1), height: Math.max(h * scale, 1), class: kind });
    const [a, b] = [Math.max(0, x), Math.max(0, y)];
    const [w, h] = [Math.min(width, x + across) - a, Math.min(height, y + down) - b];
    const picture = svg("svg", { width: (right - left) * scale + 2, height: (bottom - top) * scale + 2, "aria-hidden": "true", class: "seen" });
    picture.append(rect(0, 0, width, height, "input"), rect(x, y, across, down, "cell padding read"), rect(a, b, w, h, "cell read"));
    const out = Math.round(100 - (100 * w * h) / (across * down));
    return make("div", "", text("h4", "Receptive field"), picture, text("p", `The middle unit sees ${down}\u00d7${across} of ${height}\u00d7${width}${out ? `, ${out}% of it padding` : ""}.`));
  };

  const marked = new Set();
  const mark = (index) => {
    for (const one of marked) one.classList.remove("now");
    marked.clear();
    const row = rowOf.get(index);
    const found = boxes.filter((one) => index >= +one.dataset.a && index < +one.dataset.b);
    const written = lines.filter((line) => (line.dataset.u || "").split(" ").includes(String(index)));
    for (const one of [row, ...found, ...written]) if (one) marked.add(one);
    for (const one of marked) one.classList.add("now");
    drawn.mark(index);
    moveBand(index >= 0 && data.layers[index]);
    return written[0];
  };

  const describe = (index) => {
    panel.replaceChildren();
    slide = null;
    panel.classList.toggle("none", index < 0);
    if (index < 0) {
      panel.append(text("h2", "Selected layer"));
      panel.append(text("p", "Choose a layer in the drawing, the table or the file."));
      panel.append(text("p", "Keys: / filter, j and k next and previous, o open or close around, m other cost, p play, comma and period step, Esc none."));
      return;
    }
    const layer = data.layers[index];
    const cells = rowOf.get(index).children;
    const close = make("button", "plain close", "\u00d7");
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => select(-1));
    panel.append(close, text("h3", cells[0].textContent), text("p", cells[1].textContent));
    const list = make("dl", "total");
    const figures = heads.map((name, place) => [name, cells[place].textContent]).slice(2);
    for (const [name, value] of [...figures, ["field", layer.field]]) {
      if (!value) continue;
      list.append(make("div", "", text("dt", name), text("dd", value)));
    }
    panel.append(list);
    slide = layer.window === undefined ? null : windowView(data.windows[layer.window], data.numbers);
    if (slide) panel.append(slide.element);
    if (layer.seen) panel.append(fieldView(layer.seen));
    layer.lines.forEach((numbers, place) => {
      const [first, ...rest] = numbers.map((n) => data.strings[n]);
      const pre = text("pre", rest.join("\n"));
      pre.tabIndex = 0;
      if (!place) return panel.append(text("h4", "Formulas"), pre);
      panel.append(make("details", "", text("summary", `then ${first.slice(first.indexOf(": ") + 2)}`), pre));
    });
  };

  // A node that stands for several layers selects the first of them that computes something.
  const selectFrom = (index) => {
    let at = index;
    while (at < data.layers.length && !data.layers[at]) at++;
    if (data.layers[at]) select(at, false);
  };

  const select = (index, scroll) => {
    chosen = index;
    const written = mark(index);
    for (const one of rows) one.removeAttribute("aria-current");
    if (rowOf.has(index)) rowOf.get(index).setAttribute("aria-current", "true");
    describe(index);
    const row = rowOf.get(index);
    history.replaceState(null, "", row ? "#" + row.id : location.pathname + location.search);
    for (const one of rows) one.tabIndex = -1;
    if (row) row.tabIndex = 0;
    else if (rows.length) rows[0].tabIndex = 0;
    if (row && scroll) row.scrollIntoView({ block: "nearest" });
    // The file scrolls in itself, and the page stays where it is.
    if (written) written.parentNode.scrollTop = written.offsetTop - written.parentNode.offsetTop - written.parentNode.clientHeight / 3;
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
    shown.textContent = `${count} of ${rows.length} layers${data.change ? "" : `, ${share}% of the MACs`}`;
  };

  rows.forEach((row) => {
    row.tabIndex = -1;
    row.addEventListener("click", () => select(+row.dataset.u));
  });
  if (rows.length) rows[0].tabIndex = 0;
  const sums = [0];
  data.layers.forEach((_, index) => {
    const row = rowOf.get(index);
    sums.push(sums[index] + (row ? +row.dataset.macs : 0));
  });
  const place = document.getElementById("network");
  place.querySelector("svg").classList.add("still");
  const drawn = drawNetwork(place, data.drawing, sums, selectFrom);
  const tools = make("div", "pick");
  for (const [label, open] of [["Open all", true], ["Fold all", false]]) {
    const made = make("button", "plain", label);
    made.addEventListener("click", () => drawn.all(open));
    tools.append(made);
  }
  if (data.drawing.items.some((item) => item.c)) place.querySelector("h2").after(tools);
  // Pointing at a layer shows it in all views; what is selected comes back afterwards.
  const pointed = (event) => {
    const one = event.target.closest("tr[data-u], .line[data-u], [data-a]");
    if (one) mark(+(one.dataset.a ?? one.dataset.u.split(" ")[0]));
  };
  for (const view of ["costs", "layers", "file"]) {
    const found = document.getElementById(view);
    if (!found) continue;
    found.addEventListener("pointerover", pointed);
    found.addEventListener("pointerleave", () => mark(chosen));
  }
  for (const box of boxes) box.addEventListener("click", () => selectFrom(+box.dataset.a));
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
    } else if (event.key === "o" && chosen >= 0) drawn.around(chosen);
    else if (event.key === "m") {
      const costs = [...document.querySelectorAll("input[name=cost]")];
      if (costs.length) costs[(costs.findIndex((one) => one.checked) + 1) % costs.length].checked = true;
    } else if (event.key === "p" && slide) slide.play();
    else if ((event.key === "," || event.key === ".") && slide) slide.step(event.key === "." ? 1 : -1);
    else if (event.key === "j" || event.key === "ArrowDown") {
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

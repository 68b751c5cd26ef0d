// Elements of the page and of pictures in it, which all scripts make so.
const make = (tag, classes, ...inner) => {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.append(...inner);
  return made;
};
const svg = (tag, attributes, inner = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(inner);
  return made;
};

// Draws the network as boxes that open and close. Boxes are laid out by the browser; lines and
// shapes are drawn as one SVG behind them, measured from where the boxes are.
const drawNetwork = (place, net, macs, select) => {
  const flow = make("div", "flow");
  place.append(flow);
  const opened = new Set();
  const every = [];
  let count = 0;
  const number = (items) => {
    for (const item of items) {
      item.lo = count;
      if (item.c) {
        every.push(item);
        if (item.o) opened.add(item);
        number(item.c);
      } else if (item.r) {
        for (const arm of item.r) number(arm.c || []);
        if (item.j) item.j.lo = count++;
        if (item.j) item.j.hi = count;
      } else count++;
      item.hi = count;
    }
  };
  number(net.items);
  let nodes, home, flows, frames, longest;

  const cost = (item) => Math.abs(macs[item.b] - macs[item.a]);
  const node = (item, cols) => {
    const form = item.f || "box";
    const button = make("button", `node ${form} k${form === "box" ? item.k || 0 : 0} ${item.m || ""}`);
    if (form === "circle") {
      button.setAttribute("aria-label", { "+": "add", "\u00d7": "multiply", "\u2212": "subtract" }[item.t] || "divide");
      button.append(item.t);
      if (item.s) button.append(make("small", "aside", item.s));
    } else {
      const first = make("span", "first", make("b", "", item.t));
      if (item.h) first.append(make("span", "share", item.h));
      if (item.x) first.append(make("b", "", `\u00d7${item.x}`));
      button.append(first);
      if (item.s) button.append(make("small", "", item.s));
      if (item.x) button.classList.add("several");
      if (item.h === "?") button.classList.add("unknown");
      else if (form === "box" && cost(item)) {
        const bar = make("i", "bar");
        bar.style.setProperty("--part", cost(item) / longest);
        button.append(bar);
      }
    }
    if (item.c) {
      button.setAttribute("aria-expanded", "false");
      button.title = item.p;
      button.addEventListener("click", () => toggle(item));
    } else button.addEventListener("click", () => select(item.a));
    return register(button, item, cols);
  };
  const register = (element, item, cols) => {
    const made = { id: nodes.length, element, item, cols, into: [], out: [], ways: [] };
    nodes.push(made);
    for (let at = item.lo; at < item.hi; at++) home[at] = made;
    return made;
  };
  // A column of items. Each becomes {element, entries, exit}: where lines enter and leave it.
  const column = (items, cols, classes) => {
    const self = { element: make("div", `col ${classes}`), lanes: [] };
    let pills = [];
    items.forEach((item, at) => {
      const inner = [...cols, { col: self, at }];
      const made = build(item, inner);
      // Inputs between a value and its reader stand beside that, and so does what was removed.
      const following = items.slice(at + 1).some((other) => !other.z);
      if (item.z && !following) self.side.append(made.element);
      else if (item.z || (item.f === "pill" && self.last && following)) pills.push(made);
      else {
        self.side = make("div", "beside", ...pills.map((pill) => pill.element));
        const row = make("div", "item", self.side, made.element);
        for (const pill of pills) if (!pill.item.z) flows.push({ from: pill.exit, to: made.entries, beside: true });
        if (self.last) flows.push({ from: self.last.exit, to: made.entries, row, under: self.last.element });
        self.first = self.first || made;
        self.last = made;
        self.element.append(row);
        pills = [];
      }
    });
    return self;
  };
  const build = (item, cols) => {
    if (item.c && opened.has(item)) {
      const title = make("button", "title", `\u2212 ${item.t}${item.x ? ` \u00d7${item.x}` : ""}`);
      title.title = item.p;
      title.setAttribute("aria-expanded", "true");
      title.addEventListener("click", () => toggle(item));
      const head = make("div", "head", title, make("span", "share", item.h || ""));
      const inner = column(item.c, cols, "");
      const frame = make("div", `frame${item.x ? " several" : ""} ${item.m || ""}`, head, inner.element);
      frames.push({ element: frame, item, title });
      return { element: frame, entries: inner.first.entries, exit: inner.last.exit, item };
    }
    if (!item.r) {
      const made = node(item, cols);
      return { element: made.element, entries: [{ node: made, buses: [] }], exit: made, item };
    }
    const row = { element: make("div", "row"), tracks: [] };
    const arms = item.r.map((arm) => {
      if (!arm.c) return { arm, element: make("div", "lane") };
      const inner = column(arm.c, cols, "arm");
      return { arm, element: inner.element, inner };
    });
    row.element.append(...arms.map((one) => one.element));
    // Without a join, branches end for good.
    const join = item.j && node(item.j, cols);
    const fan = make("div", "fan", row.element, ...(join ? [join.element] : []));
    const entries = [];
    for (const { arm, element, inner } of arms) {
      const bus = { row, element };
      if (!inner) {
        const entry = { node: join, buses: [bus], value: arm.v };
        entries.push(entry);
        join.ways.push(entry);
        continue;
      }
      for (const entry of inner.first.entries) {
        entries.push({ ...entry, buses: [bus, ...entry.buses] });
        if (!entry.buses.length) entry.node.ways.push({ node: entry.node, buses: [bus] });
      }
      if (join) flows.push({ from: inner.last.exit, to: [{ node: join, buses: [] }], name: arm.n, row: fan, under: inner.last.element });
    }
    return { element: fan, entries, exit: join, item };
  };

  const shape = (value) => net.shapes[value];
  const connect = () => {
    const edges = new Map();
    for (const [value, source, target] of net.edges) {
      const from = home[source];
      const to = home[target];
      if (from === to) continue;
      const key = `${value} ${from.id} ${to.id}`;
      if (edges.has(key)) continue;
      const edge = { value, from, to };
      edges.set(key, edge);
      from.out.push(edge);
      to.into.push(edge);
    }
    // What goes from an item to the next one, to or from a branch, or from an input at the side.
    for (const { from, to, beside, name, under } of flows)
      for (const entry of to)
        for (const edge of from.out)
          if (edge.to === entry.node && !edge.entry && (entry.value === undefined || entry.value === edge.value)) {
            Object.assign(edge, { entry, beside, name, under });
            break;
          }
    for (const one of nodes) {
      const entering = new Set(one.into.map((edge) => shape(edge.value)));
      const flowing = one.out.find((edge) => edge.entry && !edge.beside);
      if (!flowing || one.item.f === "pill") continue;
      const text = shape(flowing.value);
      const same = entering.size === 1 && entering.has(text);
      one.label = [flowing.name, same ? "" : text].filter(Boolean).join(" ");
      one.under = flowing.under;
    }
    // Every other line runs in a lane beside the innermost column that holds both of its ends.
    const ways = new Map();
    for (const edge of edges.values()) {
      if (edge.entry) continue;
      let depth = 0;
      const { from, to } = edge;
      while (from.cols[depth + 1] && to.cols[depth + 1] && from.cols[depth + 1].col === to.cols[depth + 1].col) depth++;
      const { col } = from.cols[depth];
      const ends = [from.cols[depth].at, to.cols[depth].at];
      const key = `${edge.value} ${from.id}`;
      const way = ways.get(key) || { col, low: Infinity, high: -Infinity };
      if (way.col !== col && !way.col.element.contains(col.element)) way.col = col;
      way.low = Math.min(way.low, ...ends);
      way.high = Math.max(way.high, ...ends);
      ways.set(key, way);
      edge.way = way;
      // To a branch it comes in a track above the branches.
      edge.over = to.ways.find((entry) => entry.value === undefined || entry.value === edge.value);
      if (!edge.over) continue;
      const { row } = edge.over.buses[0];
      if (!row.tracks.includes(key)) row.tracks.push(key);
      edge.track = row.tracks.indexOf(key);
      row.element.style.paddingTop = `${20 + 9 * row.tracks.length}px`;
    }
    for (const way of [...ways.values()].sort((a, b) => a.high - a.low - (b.high - b.low))) {
      const { lanes } = way.col;
      let lane = 0;
      while (lanes[lane] && lanes[lane].some((other) => other.low <= way.high && way.low <= other.high)) lane++;
      (lanes[lane] = lanes[lane] || []).push(way);
      way.lane = lane;
      way.col.element.style.paddingInline = `${16 + 12 * lanes.length}px`;
    }
    return edges.values();
  };

  // A line with round corners and an arrow head.
  const line = (given, mark = "") => {
    const points = given.filter(([x, y], at) => !at || Math.abs(x - given[at - 1][0]) + Math.abs(y - given[at - 1][1]) > 0.5);
    if (points.length < 2) return [];
    const toward = ([ax, ay], [bx, by], far) => {
      const long = Math.hypot(bx - ax, by - ay) || 1;
      return [ax + ((bx - ax) * far) / long, ay + ((by - ay) * far) / long];
    };
    const long = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    let path = `M${points[0]}`;
    for (let at = 1; at < points.length - 1; at++) {
      const corner = points[at];
      const radius = Math.min(6, long(points[at - 1], corner) / 2, long(corner, points[at + 1]) / 2);
      path += `L${toward(corner, points[at - 1], radius)}Q${corner} ${toward(corner, points[at + 1], radius)}`;
    }
    const end = points[points.length - 1];
    const before = points[points.length - 2];
    const back = toward(end, before, 6);
    const [dx, dy] = [(end[0] - back[0]) / 6, (end[1] - back[1]) / 6];
    path += `L${toward(end, before, 5)}`;
    const head = `M${end}L${back[0] - dy * 2.75} ${back[1] + dx * 2.75}L${back[0] + dy * 2.75} ${back[1] - dx * 2.75}Z`;
    return [svg("path", { d: path, class: `l ${mark}` }), svg("path", { d: head, class: `a ${mark}` })];
  };
  // The end of a line that comes from above: into the top, or into the side of a circle.
  const arrival = (points, t, form) => {
    const [x] = points[points.length - 1];
    const straight = Math.abs(x - t.cx) <= 1;
    if (form === "circle" && !straight) return [[x, t.cy], [x < t.cx ? t.x : t.r, t.cy]];
    if (straight || form === "bar") return [[x, t.y]];
    return [[x, t.y - 12], [t.cx, t.y - 12], [t.cx, t.y]];
  };
  const lines = (edges) => {
    const zero = flow.getBoundingClientRect();
    const box = (element) => {
      const found = element.getBoundingClientRect();
      const [x, y] = [found.left - zero.left, found.top - zero.top];
      return { x, y, w: found.width, h: found.height, cx: x + found.width / 2, cy: y + found.height / 2, r: x + found.width, b: y + found.height };
    };
    const boxes = new Map(nodes.map((one) => [one, box(one.element)]));
    const out = [];
    const sides = new Map();
    for (const edge of edges) {
      const s = boxes.get(edge.from);
      const t = boxes.get(edge.to);
      if (edge.beside) out.push(...line([[s.r, s.cy], [t.x - 12, s.cy], [t.x - 12, t.cy], [t.x, t.cy]]));
      else if (edge.entry) {
        const points = [[s.cx, s.b]];
        for (const { row, element } of edge.entry.buses) {
          const y = box(row.element).y + 8 + 9 * row.tracks.length;
          points.push([points[points.length - 1][0], y], [box(element).cx, y]);
        }
        out.push(...line([...points, ...arrival(points, t, edge.to.item.f)], edge.from.item.m === "removed" ? "removed" : ""));
      } else {
        const x = box(edge.way.col.element).x + parseFloat(getComputedStyle(edge.way.col.element).paddingLeft) - 14 - 12 * edge.way.lane;
        const points = [[s.x, s.cy], [x, s.cy]];
        if (edge.over) {
          const [{ row, element }] = edge.over.buses;
          const y = box(row.element).y + 8 + 9 * edge.track;
          points.push([x, y], [box(element).cx, y]);
          points.push(...arrival(points, t, edge.to.item.f));
        } else {
          const at = sides.get(edge.to) || 0;
          sides.set(edge.to, at + 1);
          const y = t.y + (t.h * (at + 1)) / (edge.to.into.filter((one) => one.way && !one.over).length + 1);
          points.push([x, y], [t.x, y]);
        }
        out.push(...line(points));
      }
    }
    for (const [one, s] of boxes)
      if (one.label) out.push(svg("text", { x: s.cx + 7, y: box(one.under).b + 15 }, one.label));
    const picture = svg("svg", { width: flow.scrollWidth, height: flow.scrollHeight, "aria-hidden": "true" });
    picture.append(...out);
    flow.append(picture);
  };
  const fit = () => {
    flow.style.zoom = 1;
    flow.style.zoom = Math.max(Math.min(1, (place.clientWidth - 2) / flow.scrollWidth), 0.55);
  };
  const render = () => {
    nodes = [];
    home = [];
    flows = [];
    frames = [];
    const visible = (items) => items.flatMap((item) => (item.c && opened.has(item) ? visible(item.c) : item.r ? [...(item.j ? [item.j] : []), ...item.r.flatMap((arm) => visible(arm.c || []))] : [item]));
    longest = Math.max(1, ...visible(net.items).map(cost));
    flow.style.zoom = 1;
    const top = column(net.items, [], "top");
    flow.replaceChildren(top.element);
    const edges = [...connect()];
    for (const { from, row } of flows) if (from.label && row) row.classList.add("named");
    // The boxes of a column are as wide as its widest.
    const widest = new Map();
    const boxed = nodes.filter(({ item }) => !item.f && !item.r);
    for (const { element, cols } of boxed) {
      const { col } = cols[cols.length - 1];
      widest.set(col, Math.max(widest.get(col) || 0, element.offsetWidth));
    }
    for (const { element, cols } of boxed) element.style.width = `${widest.get(cols[cols.length - 1].col)}px`;
    lines(edges);
    fit();
    const all = [...flow.querySelectorAll("button")];
    all.forEach((button, at) => (button.tabIndex = at ? -1 : 0));
  };
  const toggle = (item) => {
    if (!opened.delete(item)) opened.add(item);
    render();
    mark(marked);
    const shown = frames.find((one) => one.item === item);
    const found = shown ? shown.title : (nodes.find((one) => one.item === item) || {}).element;
    if (found) found.focus({ preventScroll: true });
  };
  let marked = -1;
  const around = (index) => {
    const found = [...nodes, ...frames].filter(({ item }) => item.a <= index && index < item.b);
    return found.sort((x, y) => x.item.b - x.item.a - (y.item.b - y.item.a))[0];
  };
  const mark = (index) => {
    marked = index;
    for (const { element } of [...nodes, ...frames]) element.classList.remove("now");
    const found = around(index);
    if (found) found.element.classList.add("now");
  };
  flow.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...flow.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement);
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    for (const one of all) one.tabIndex = one === next ? 0 : -1;
    next.focus();
  });
  addEventListener("resize", fit);
  render();
  return {
    mark,
    all: (open) => {
      opened.clear();
      if (open) for (const item of every) opened.add(item);
      render();
      mark(marked);
    },
    // Opens the folded group around a layer, or closes the open one.
    around: (index) => {
      const found = around(index);
      const inner = every.filter((item) => item.a <= index && index < item.b && opened.has(item)).pop();
      if (found && found.item.c && !opened.has(found.item)) toggle(found.item);
      else if (inner) toggle(inner);
    },
  };
};

// A layer's window that moves over its input: what it reads, and the products and sum of each place.
const windowView = (scene, known) => {
  const { rows, columns } = scene;
  const numbers = known[scene.numbers];
  const minus = (value) => String(value).replace("-", "\u2212");
  const places = [];
  for (let o = 0; o < scene.outputs; o++)
    for (let y = 0; y < rows.places; y++) for (let x = 0; x < columns.places; x++) places.push([o, y, x]);
  const read = (axis, place) => Array.from({ length: axis.taps }, (_, tap) => place * axis.stride - axis.before + tap * axis.dilation);
  const extent = (axis) => (axis.taps - 1) * axis.dilation + 1;

  // Maps stand beside each other as long as there is room, and then below.
  const ROOM = 274;
  const several = scene.inputs > 1;
  const longest = Math.max(columns.to - columns.from, columns.places);
  const size = Math.min(several ? 16 : 24, Math.floor((ROOM - 26) / longest));
  const picture = svg("svg", { role: "img", class: several ? "window small" : "window" });
  const about = svg("title", {});
  picture.append(about);
  let left = 0;
  let top = 0;
  let below = 0;
  let right = 0;
  // A map: its cells by place, and where they are.
  const map = (title, first, last, state, value) => {
    const across = 22 + (last[1] - first[1]) * size;
    if (left && left + across > ROOM) {
      left = 0;
      top = below + 8;
    }
    const zero = [left + 22, top + 30];
    picture.append(svg("text", { x: left, y: top + 12 }, title));
    const cells = new Map();
    const at = (row, column) => [zero[0] + (column - first[1]) * size, zero[1] + (row - first[0]) * size];
    for (let column = first[1]; column < last[1]; column++)
      picture.append(svg("text", { x: at(0, column)[0] + size / 2 - 1, y: zero[1] - 4, class: "index" }, minus(column)));
    for (let row = first[0]; row < last[0]; row++) {
      if (scene.rank > 1) picture.append(svg("text", { x: zero[0] - 5, y: at(row, 0)[1] + size / 2 + 3, class: "index end" }, minus(row)));
      for (let column = first[1]; column < last[1]; column++) {
        const kind = state(row, column);
        const [x, y] = at(row, column);
        const cell = svg("rect", { x, y, width: size - 2, height: size - 2, rx: 2, class: `cell ${kind}` });
        picture.append(cell);
        const text = value(row, column);
        const label = text === undefined || size < 13 ? null : svg("text", { x: x + size / 2 - 1, y: y + size / 2 + 3, class: "number" }, minus(text));
        if (label) picture.append(label);
        cells.set(`${row} ${column}`, { cell, kind, label });
      }
    }
    below = Math.max(below, at(last[0], 0)[1]);
    left += across + 4;
    right = Math.max(right, left);
    return { cells, at };
  };
  const state = (row, column) => {
    if (row < 0 || row >= rows.wide || column < 0 || column >= columns.wide) return "padding";
    return rows.read[row - rows.from] === "1" && columns.read[column - columns.from] === "1" ? "" : "unread";
  };
  const sizes = (which) => [rows[which], columns[which]].slice(2 - Math.min(scene.rank, 2)).join("\u00d7");
  const part = [rows, columns].some((axis) => axis.to < axis.wide || axis.places < axis.narrow);
  const wideMaps = () => {
    const wide = [];
    for (let channel = 0; channel < (scene.scatters ? 1 : scene.inputs); channel++) {
      const name = channel ? `channel ${channel}` : `${scene.scatters ? "output" : "input"} ${sizes("wide")}${several ? ", channel 0" : ""}`;
      const value = (row, column) => (numbers && !scene.scatters ? (numbers.input[channel][row] || [])[column] : undefined);
      wide.push(map(name, [rows.from, columns.from], [rows.to, columns.to], state, value));
    }
    return wide;
  };
  const narrowMap = () => map(`${scene.scatters ? "input" : "output"} ${sizes("narrow")}`, [0, 0], [rows.places, columns.places], () => "", (row, column) => (numbers && !scene.scatters ? numbers.output[0][row][column] : undefined));
  let narrow, wide;
  if (scene.scatters) {
    narrow = narrowMap();
    wide = wideMaps();
  } else {
    wide = wideMaps();
    narrow = narrowMap();
  }
  const outlines = wide.map(() => {
    const made = svg("rect", { class: "outline", rx: 2, width: extent(columns) * size - 2, height: extent(rows) * size - 2 });
    picture.append(made);
    return made;
  });
  picture.setAttribute("viewBox", `0 0 ${right} ${below + 4}`);
  picture.setAttribute("width", right);
  picture.setAttribute("height", below + 4);

  const words = make("p");
  const sums = make("div", "sums");
  sums.tabIndex = 0;
  const way = (axis, place, name) => {
    const found = read(axis, place);
    const steps = axis.dilation > 1 && found.length > 1 ? ` in steps of ${axis.dilation}` : "";
    if (found.length === 1) return `${name} ${minus(found[0])}`;
    return `${name}s ${minus(found[0])} to ${minus(found[found.length - 1])}${steps}`;
  };
  const sentence = ([, row, column]) => {
    const ways = scene.rank > 1 ? [way(rows, row, "row"), way(columns, column, "column")] : [way(columns, column, "position")];
    const inside = (axis, place) => read(axis, place).filter((at) => at >= 0 && at < axis.wide).length;
    const count = inside(rows, row) * inside(columns, column);
    const all = rows.taps * columns.taps;
    const cell = scene.rank > 1 ? `(${row}, ${column})` : column;
    const more = count < all ? `: ${count} of ${all} places lie inside` : "";
    return (scene.scatters ? `input ${cell} times the kernel is added to ${ways.join(", ")}` : `output ${cell} reads ${ways.join(", ")}`) + more;
  };
  // The products of a place, a line for each channel, and the sum that a run of the layer gave.
  const arithmetic = ([o, row, column]) => {
    if (!numbers || scene.scatters) return [];
    const lines = [];
    for (let channel = 0; channel < scene.inputs; channel++) {
      const terms = [];
      read(rows, row).forEach((y, i) =>
        read(columns, column).forEach((x, j) => {
          const value = (numbers.input[channel][y] || [])[x];
          if (numbers.weight.length) {
            const weight = numbers.weight[o][channel][i][j];
            terms.push(`${minus(value === undefined ? 0 : value)}\u00b7${weight < 0 ? `(${minus(weight)})` : weight}`);
          } else if (value !== undefined) terms.push(minus(value));
        }),
      );
      lines.push(numbers.weight.length ? terms.join(" + ") : `${scene.kind.slice(0, 3)}(${terms.join(", ")})`);
    }
    if (numbers.bias.length) lines.push(`bias ${minus(numbers.bias[o])}`);
    lines.push(`= ${minus(numbers.output[o][row][column])}`);
    return lines;
  };

  let at = Math.min(1, places.length - 1);
  let timer = 0;
  const show = () => {
    const [o, row, column] = places[at];
    const inRows = new Set(read(rows, row));
    const inColumns = new Set(read(columns, column));
    wide.forEach((one, channel) => {
      for (const [key, { cell, kind }] of one.cells) {
        const [y, x] = key.split(" ").map(Number);
        cell.setAttribute("class", `cell ${kind}${inRows.has(y) && inColumns.has(x) ? " read" : ""}`);
      }
      const [x, y] = one.at(row * rows.stride - rows.before, column * columns.stride - columns.before);
      outlines[channel].setAttribute("x", x);
      outlines[channel].setAttribute("y", y);
    });
    for (const [key, { cell, label }] of narrow.cells) {
      cell.setAttribute("class", `cell${key === `${row} ${column}` ? " made" : ""}`);
      if (label) {
        const [y, x] = key.split(" ").map(Number);
        label.textContent = minus(numbers.output[o][y][x]);
      }
    }
    words.textContent = (scene.outputs > 1 ? `channel ${o}: ` : "") + sentence(places[at]);
    about.textContent = words.textContent;
    sums.replaceChildren(...arithmetic(places[at]).map((text) => make("div", "", text)));
    counter.textContent = `${at + 1} of ${places.length}`;
  };
  const step = (by) => {
    at = (at + by + places.length) % places.length;
    show();
  };
  const button = (sign, label, act) => {
    const made = make("button", "plain", sign);
    made.setAttribute("aria-label", label);
    made.title = label;
    made.addEventListener("click", act);
    return made;
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    player.textContent = "\u25b6";
    player.setAttribute("aria-label", "Play");
  };
  const play = () => {
    if (timer) return stop();
    timer = setInterval(() => (element.isConnected ? step(1) : stop()), 900);
    player.textContent = "\u275a\u275a";
    player.setAttribute("aria-label", "Pause");
  };
  const moved = (by) => {
    stop();
    step(by);
  };
  const player = button("\u25b6", "Play", play);
  const counter = make("span");
  const controls = make("div", "moves", player, button("\u2039", "One back", () => moved(-1)), button("\u203a", "One on", () => moved(1)), counter);
  const element = make("div", "slide", make("h4", "", "Window"), controls, picture, words, sums);
  const notes = [];
  if (part) notes.push("the beginning of the maps");
  if (scene.rank > 2) notes.push("the last two axes");
  if (scene.channels > scene.inputs) notes.push(`${scene.inputs} of the ${scene.channels} channels that are summed`);
  if (notes.length) element.append(make("p", "note", `Shown: ${notes.join(", ")}.`));
  show();
  return { element, play, step: moved };
};

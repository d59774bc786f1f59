// Line charts as SVG. A chart is { x, y, series: [{ x, y, colour, dash, label, points }], marks, level, ... }.

const SVG = "http://www.w3.org/2000/svg";

function ticks(high, about) {
  const rough = high / about, decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * decade).find((size) => size >= rough * 0.999);
  const found = [];
  for (let k = 0; k * step <= high * 1.0001; k++) found.push(Number((k * step).toPrecision(6)));
  return found;
}

// The smallest round number that is not below what is drawn.
function roundUp(value) {
  if (!(value > 0)) return 1;
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((factor) => factor * decade).find((size) => size >= value * 0.999);
}

// At most two points, the lowest and the highest, in each column of half a pixel.
function thin(xs, ys, width) {
  if (xs.length <= 4 * width) return xs.map((x, k) => [x, ys[k]]);
  const size = Math.ceil(xs.length / (2 * width)), points = [];
  for (let from = 0; from < xs.length; from += size) {
    let low = from, high = from;
    for (let k = from; k < Math.min(from + size, xs.length); k++) {
      if (ys[k] < ys[low]) low = k;
      if (ys[k] > ys[high]) high = k;
    }
    for (const k of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) points.push([xs[k], ys[k]]);
  }
  return points;
}

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Draws panels above each other, with one horizontal axis; `share` is a panel's height relative to the others.
function drawPanels(svg, panels, axis) {
  const width = svg.clientWidth, narrow = width < 560;
  const left = narrow ? 50 : 66, right = 12, top = 8, bottom = 40, gap = 12;
  const height = axis.height(narrow), whole = height - top - bottom - gap * (panels.length - 1);
  const shares = panels.map((panel) => panel.share ?? 1), unit = whole / shares.reduce((a, b) => a + b, 0);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = `${height}px`;
  const place = (x) => left + (x / axis.high) * (width - left - right);
  const parts = [];
  let y0 = top - gap;
  panels.forEach((panel, number) => {
    const inner = shares[number] * unit;
    y0 += gap + inner;
    const high = panel.high ?? roundUp(Math.max(...panel.series.map((s) => s.y.reduce((a, b) => Math.max(a, b), 0))));
    const level = (y) => y0 - (y / high) * inner;
    for (const y of inner < 50 ? [0, high] : ticks(high, inner < 70 ? 2 : inner < 140 ? 3 : 5)) {
      parts.push(element("line", { class: "grid", x1: left, x2: width - right, y1: level(y), y2: level(y) }));
      const text = { class: "tick", x: left - 6, y: level(y) + 4, "text-anchor": "end" };
      parts.push(element("text", text, String(y)));
    }
    if (number === panels.length - 1) {
      for (const x of ticks(axis.high, narrow ? 4 : 8)) {
        parts.push(element("line", { class: "axis", x1: place(x), x2: place(x), y1: y0, y2: y0 + 4 }));
        parts.push(element("text", { class: "tick", x: place(x), y: y0 + 17, "text-anchor": "middle" }, String(x)));
      }
      const text = { class: "label", x: (left + width - right) / 2, y: y0 + 33, "text-anchor": "middle" };
      parts.push(element("text", text, axis.label));
    }
    if (panel.level > 0 && panel.level < high) {
      const y = level(panel.level);
      parts.push(element("line", { class: "level", x1: left, x2: width - right, y1: y, y2: y }));
    }
    for (const series of panel.series) {
      const drawn = thin(series.x, series.y, width - left - right);
      const points = drawn.map(([x, y]) => `${place(x).toFixed(1)},${level(Math.max(y, -0.05 * high)).toFixed(1)}`);
      if (points.length > 1) {
        const look = { class: "trace", points: points.join(" "), stroke: series.colour };
        if (series.dash) look["stroke-dasharray"] = series.dash;
        if (series.faint) look.class += " faint";
        if (series.thin) look.class += " thin";
        if (series.name) look["data-name"] = series.name;
        parts.push(element("polyline", look));
      }
      if (series.dots) {
        for (const point of points) {
          const [cx, cy] = point.split(",");
          const look = { class: series.faint ? "faint" : "", cx, cy, r: 2.5, fill: series.colour };
          parts.push(element("circle", look));
        }
      }
    }
    for (const mark of panel.marks ?? []) {
      const [x, y] = [place(mark.x), level(mark.y)];
      const corners = `${x},${y - 7} ${x + 7},${y} ${x},${y + 7} ${x - 7},${y}`;
      parts.push(element("polygon", { class: "mark", points: corners, fill: mark.colour }));
    }
    parts.push(element("line", { class: "axis", x1: left, x2: left, y1: y0 - inner, y2: y0 }));
    parts.push(element("line", { class: "axis", x1: left, x2: width - right, y1: y0, y2: y0 }));
    const middle = y0 - inner / 2, lines = panel.label.split("\n");
    lines.forEach((line, k) => {
      const x = 11 + 12 * k;
      const turned = { class: "label", x, y: middle, transform: `rotate(-90 ${x} ${middle})`, "text-anchor": "middle" };
      parts.push(element("text", turned, line));
    });
  });
  svg.replaceChildren(...parts);
}

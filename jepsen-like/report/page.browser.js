// Runs in the report's page: draws what `data` holds. Times are in seconds since the run began.
/* global uPlot, data */
const width = 1160;
const left = 90;
const svgNamespace = "http://www.w3.org/2000/svg";
const leaderColours = ["#4dabf7", "#69db7c", "#ffd43b", "#b197fc", "#ffa94d"];
const typeColours = { ok: "var(--ok)", fail: "var(--fail)", info: "var(--info)" };

function x(seconds) {
  return left + (seconds / data.seconds) * (width - left - 10);
}

function make(parent, name, attributes, text) {
  const element = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function drawing(parent, height) {
  const svg = document.createElementNS(svgNamespace, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  parent.append(svg);
  for (const { from, to, what } of data.strikes) {
    const band = make(svg, "rect", {
      x: x(from),
      y: 0,
      width: Math.max(1, x(to) - x(from)),
      height,
      fill: "var(--band)",
    });
    make(band, "title", {}, what);
  }
  return svg;
}

/** One lane per fault, so that faults that overlap can be told apart. */
function drawFaults(parent) {
  const svg = drawing(parent, data.strikes.length * 18 + 4);
  data.strikes.forEach(({ from, to, name, what, seen }, i) => {
    make(svg, "text", { x: 0, y: i * 18 + 14 }, name);
    const bar = make(svg, "rect", {
      x: x(from),
      y: i * 18 + 3,
      width: Math.max(2, x(to) - x(from)),
      height: 13,
      fill: "var(--bad)",
      "fill-opacity": 0.6,
      class: "strike",
    });
    make(bar, "title", {}, what);
    const label = `${what} [${seen.join(", ") || "no effect"}]`;
    const room = width - x(to) > 420;
    make(
      svg,
      "text",
      room ? { x: x(to) + 6, y: i * 18 + 14 } : { x: x(from) - 6, y: i * 18 + 14, "text-anchor": "end" },
      label,
    );
  });
}

/** Per range: who led, from one look at the cluster to the next; a number where the term changes. */
function drawLeaders(parent) {
  const ranges = [...new Set(data.sights.flatMap(({ leaders }) => leaders.map(({ range }) => range)))];
  const svg = drawing(parent, ranges.length * 22 + 4);
  ranges.forEach((range, i) => {
    make(svg, "text", { x: 0, y: i * 22 + 15 }, `range ${range}`);
    let lastTerm = -1;
    data.sights.forEach(({ at, leaders }, n) => {
      const until = data.sights[n + 1]?.at ?? data.seconds;
      const seen = leaders.find((each) => each.range === range);
      if (seen === undefined || seen.leader === null) return;
      const colour = leaderColours[data.nodes.indexOf(seen.leader) % leaderColours.length];
      const bar = make(svg, "rect", {
        x: x(at),
        y: i * 22 + 2,
        width: Math.max(0.5, x(until) - x(at) + 0.3),
        height: 18,
        fill: colour,
        "fill-opacity": 0.7,
        class: "leader",
      });
      make(bar, "title", {}, `${seen.leader} in term ${seen.term}`);
      if (seen.term !== lastTerm) make(svg, "text", { x: x(at) + 1, y: i * 22 + 15 }, String(seen.term));
      lastTerm = seen.term;
    });
  });
}

/** Per node: where it answered when it was looked at. */
function drawNodes(parent) {
  const svg = drawing(parent, data.nodes.length * 16 + 4);
  data.nodes.forEach((node, i) => {
    make(svg, "text", { x: 0, y: i * 16 + 12 }, node);
    data.sights.forEach(({ at, answering }, n) => {
      if (!answering.includes(node)) return;
      const until = data.sights[n + 1]?.at ?? data.seconds;
      make(svg, "rect", {
        x: x(at),
        y: i * 16 + 3,
        width: Math.max(0.5, x(until) - x(at) + 0.3),
        height: 10,
        fill: leaderColours[i % leaderColours.length],
      });
    });
  });
}

/** One row per process, one bar per operation; what the check complains of is marked. */
function drawKey(parent, key) {
  parent.replaceChildren();
  const operations = data.operations.filter((each) => each.key === key);
  const processes = [...new Set(operations.map(({ process }) => process))].sort((a, b) => a - b);
  const rowHeight = 12;
  const svg = drawing(parent, processes.length * rowHeight + 6);
  for (const operation of operations) {
    const row = processes.indexOf(operation.process) * rowHeight;
    const until = operation.to ?? data.seconds;
    const bar = make(svg, "rect", {
      x: x(operation.from),
      y: row + 2,
      width: Math.max(1.5, x(until) - x(operation.from)),
      height: rowHeight - 4,
      fill: operation.bad ? "var(--bad)" : typeColours[operation.type],
      "fill-opacity": operation.type === "info" ? 0.35 : 0.9,
      class: operation.bad ? "operation bad" : "operation",
    });
    if (operation.bad) bar.setAttribute("stroke", "currentColor");
    make(bar, "title", {}, operation.text);
  }
  processes.forEach((process, i) => {
    make(svg, "text", { x: 0, y: i * rowHeight + 10, "font-size": 9 }, `process ${process}`);
  });
}

/** Paints the faults behind a plot. */
const bands = {
  hooks: {
    drawClear: (plot) => {
      const { ctx } = plot;
      ctx.save();
      ctx.fillStyle = "rgba(224, 49, 49, 0.12)";
      for (const { from, to } of data.strikes) {
        const start = plot.valToPos(from, "x", true);
        const end = plot.valToPos(to, "x", true);
        ctx.fillRect(start, plot.bbox.top, Math.max(1, end - start), plot.bbox.height);
      }
      ctx.restore();
    },
  },
};

function plot(id, title, unit, series, columns, logarithmic) {
  const axis = { stroke: getComputedStyle(document.body).color, grid: { stroke: "#8883" } };
  new uPlot(
    {
      title,
      width,
      height: 240,
      plugins: [bands],
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
        {
          ...axis,
          size: 70,
          values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : `${tick} ${unit}`)),
        },
      ],
      series: [{ label: "time" }, ...series],
    },
    columns,
    document.getElementById(id),
  );
}

const line = (label, stroke) => ({ label, stroke, width: 1.5 });
const { times, ok, fail, info, p50, p99 } = data.plots;
plot(
  "throughput",
  "operations per second",
  "/s",
  [line("acknowledged", "#2b8a3e"), line("refused", "#868e96"), line("unknown", "#e67700")],
  [times, ok, fail, info],
  false,
);
plot(
  "latency",
  "time to the answer of acknowledged operations",
  "ms",
  [line("median", "#1c7ed6"), line("99th percentile", "#9c36b5")],
  [times, p50, p99],
  true,
);
drawFaults(document.getElementById("faults"));
drawLeaders(document.getElementById("leaders"));
drawNodes(document.getElementById("nodes"));
const select = document.getElementById("key");
const timeline = document.getElementById("timeline");
for (const { key, bad, count } of data.keys)
  select.append(new Option(`${bad ? "✗ " : ""}${key} (${count} operations)`, key));
select.addEventListener("change", () => drawKey(timeline, select.value));
if (data.keys.length > 0) drawKey(timeline, data.keys[0].key);
document.body.dataset.drawn = "true";

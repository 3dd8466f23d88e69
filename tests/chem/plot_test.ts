import assert from "node:assert/strict";
import { barChart, lineChart } from "../../chem/plot.ts";
import { scaleOf, tickText } from "../../chem/plot_axes.ts";

const options = { title: "a & <b>", xLabel: "x", yLabel: "y" };
/** The points of each curve of a chart. */
const curves = (svg: string) =>
  [...svg.matchAll(/<path d="M([^"]*)" fill="none" stroke="#/g)].map(([, d]) =>
    d.split("L").map((point) => point.split(" ").map(Number))
  );

/** Every tag is closed in order: enough of XML for what the charts write. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, closing, name, empty] of svg.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closing) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
  }
  assert.deepEqual(open, []);
  assert.ok(!/NaN|Infinity|undefined/.test(svg));
}

Deno.test("lineChart() draws each series, higher values higher, in a whole SVG", () => {
  const svg = lineChart([{ name: "a", x: [0, 1, 2], y: [1, 3, 2] }, { name: "b", x: [0, 2], y: [0, 0] }], options);
  assertWellFormed(svg);
  const [a, b] = curves(svg);
  assert.deepEqual([a.length, b.length], [3, 2]);
  assert.ok(a[0][0] < a[1][0] && a[1][0] < a[2][0]);
  assert.ok(a[1][1] < a[2][1] && a[2][1] < a[0][1] && a[0][1] < b[0][1]);
  assert.ok(svg.includes("a &#38; &#60;b&#62;"));
});

Deno.test("lineChart() spaces powers of ten evenly on log axes and leaves out what they cannot show", () => {
  const svg = lineChart([{ name: "a", x: [1, 10, 100], y: [0.1, 1, 10] }, { name: "b", x: [0, 1], y: [1, NaN] }], {
    ...options,
    logX: true,
    logY: true,
  });
  assertWellFormed(svg);
  const [[p, q, r]] = curves(svg);
  assert.ok(Math.abs((q[0] - p[0]) - (r[0] - q[0])) < 0.02 && Math.abs((q[1] - p[1]) - (r[1] - q[1])) < 0.02);
  assert.equal(curves(svg).length, 1);
});

Deno.test("lineChart() breaks a line where a value is missing", () => {
  const svg = lineChart([{ name: "a", x: [0, 1, 2, 3, 4], y: [1, 2, NaN, 2, 1] }], options);
  assert.deepEqual(curves(svg).map((run) => run.length), [2, 2]);
});

Deno.test("lineChart() keeps the peaks of a long curve while it drops points", () => {
  const x = Float64Array.from({ length: 200_000 }, (_, k) => k), y = x.map((k) => k === 123_456 ? 9 : Math.sin(k));
  const svg = lineChart([{ name: "a", x, y }], options), [points] = curves(svg);
  assert.ok(points.length < 4000, String(points.length));
  const lowest = Math.min(...points.map(([, y]) => y));
  assert.equal(points.filter(([, y]) => y === lowest).length, 1);
});

Deno.test("lineChart() draws nothing and one point without falling over", () => {
  for (const series of [[], [{ name: "a", x: [], y: [] }], [{ name: "a", x: [5], y: [5] }]]) {
    assertWellFormed(lineChart(series, options));
    assertWellFormed(lineChart(series, { ...options, logX: true, logY: true }));
  }
  assert.throws(() => lineChart([{ name: "a", x: [1], y: [] }], options), /"a" must have as many x as y; got 1 and 0/);
});

Deno.test("lineChart() draws marks as hollow shapes that no line joins, in the legend too", () => {
  const marks = { name: "b", x: [0, 1, 2], y: [1, NaN, 3], style: "marks" } as const;
  const svg = lineChart([{ name: "a", x: [0, 2], y: [0, 4] }, marks], options);
  assertWellFormed(svg);
  assert.equal(curves(svg).length, 1);
  assert.equal([...svg.matchAll(/ fill="#fff" stroke="#/g)].length, 3, "two points and the legend's");
});

Deno.test("barChart() draws bars in proportion, with intervals and marks", () => {
  const bars = [{ label: "a", value: 20 }, { label: "b", value: 80, low: 75, high: 84, mark: 95 }];
  const svg = barChart(bars, { title: "t", yLabel: "%", markLabel: "data" });
  assertWellFormed(svg);
  const heights = [...svg.matchAll(/<rect x="[^"]*" y="[^"]*" width="[^"]*" height="([^"]*)"/g)].map(([, h]) => +h);
  assert.equal(heights.length, 2);
  assert.ok(Math.abs(heights[1] / heights[0] - 4) < 0.01);
  assert.ok(svg.includes("b: 80 [75, 84]"));
  assert.throws(
    () => barChart([{ label: "a", value: 1, low: 2 }], { title: "t", yLabel: "" }),
    /interval of bar "a"/,
  );
});

Deno.test("scaleOf() gives round ticks within its ends", () => {
  assert.deepEqual(scaleOf([0, 100], { bounds: { low: 0, high: 105 } }).ticks.map(tickText), [
    "0",
    "20",
    "40",
    "60",
    "80",
    "100",
  ]);
  assert.deepEqual(scaleOf([1e-5, 1e5], { log: true }).ticks.map(tickText), [
    "1e-5",
    "0.001",
    "0.1",
    "10",
    "1000",
    "100000",
  ]);
  const { ticks, low, high } = scaleOf([0.123, 0.456]);
  assert.ok(ticks.length >= 3 && ticks[0] >= low && ticks[ticks.length - 1] <= high);
});

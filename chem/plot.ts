/** Line charts as SVG text, for learning curves and the like. */
import {
  type Area,
  COLOURS,
  escape,
  horizontalAxis,
  picture,
  px,
  type Scale,
  scaleOf,
  verticalAxis,
} from "./plot_axes.ts";

export { type Bar, barChart } from "./plot_bars.ts";

/** A line; `x` and `y` of one length. A y that is not finite, or cannot stand on a log axis, leaves a gap. */
export interface Series {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** `marks`: points that no line joins, each a hollow shape. Default `line`. */
  readonly style?: "line" | "marks";
}

export interface LineChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Mark each point with a dot. Default where no line has more than 40. */
  readonly dots?: boolean;
  /** Pixels. Default 800 x 480. */
  readonly width?: number;
  readonly height?: number;
}

/** Points beyond a few a pixel are not seen: of each pixel column keeps the first, lowest, highest and last. */
function thin(points: [number, number][], columns: number): [number, number][] {
  if (points.length <= 4 * columns) return points;
  const kept: [number, number][] = [];
  for (let from = 0, to = 0; from < points.length; from = to) {
    const column = Math.floor(points[from][0] * columns);
    while (to < points.length && Math.floor(points[to][0] * columns) === column) to++;
    const part = points.slice(from, to);
    const low = part.reduce((a, b) => b[1] < a[1] ? b : a), high = part.reduce((a, b) => b[1] > a[1] ? b : a);
    kept.push(...part.filter((p, i) => i === 0 || i === part.length - 1 || p === low || p === high));
  }
  return kept;
}

/** Hollow shapes, told apart in black and white too: diamond, square, triangle, inverted triangle. */
const SHAPES = ["m0-6l6 6-6 6-6-6z", "m-5-5h10v10h-10z", "m0-6l6 11h-12z", "m0 6l6-11h-12z"] as const;

/** A mark at a point, `k` the series that it belongs to. */
const mark = ([x, y]: readonly string[], k: number) =>
  `<path d="M${x} ${y}${SHAPES[k % SHAPES.length]}" fill="#fff" stroke="${
    COLOURS[k % COLOURS.length]
  }" stroke-width="2"/>`;

/** Runs of points that can be shown. */
function runs({ x, y }: Series, xScale: Scale, yScale: Scale): [number, number][][] {
  const all: [number, number][][] = [[]];
  for (let k = 0; k < x.length; k++) {
    const point: [number, number] = [xScale.place(x[k]), yScale.place(y[k])];
    if (point.every(Number.isFinite)) all[all.length - 1].push(point);
    else if (all[all.length - 1].length > 0) all.push([]);
  }
  return all.filter((run) => run.length > 0);
}

/**
 * Draws lines and marks over two axes.
 *
 * @returns an SVG document
 * @throws {RangeError} where a series has more of x than of y, or fewer
 */
export function lineChart(series: readonly Series[], options: LineChartOptions): string {
  for (const { name, x, y } of series) {
    if (x.length !== y.length) {
      throw new RangeError(`series "${name}" must have as many x as y; got ${x.length} and ${y.length}`);
    }
  }
  const { title, xLabel, yLabel, logX = false, logY = false, width = 800, height = 480 } = options;
  const dots = options.dots ?? series.every(({ x }) => x.length <= 40);
  // The names stand beside the lines, never on them; about 7.5 pixels a letter.
  const beside = series.length < 2 ? 0 : 46 + 7.5 * Math.max(...series.map(({ name }) => name.length));
  const area: Area = { left: 80, top: 44, width: Math.max(120, width - 110 - beside), height: height - 104 };
  const xScale = scaleOf(series.flatMap(({ x }) => Array.from(x)), { log: logX });
  const yScale = scaleOf(series.flatMap(({ y }) => Array.from(y)), { log: logY });
  const at = ([u, v]: [number, number]) => [px(area.left + u * area.width), px(area.top + (1 - v) * area.height)];

  const lines = series.flatMap((one, k) => {
    const colour = COLOURS[k % COLOURS.length], dash = k < COLOURS.length ? "" : ` stroke-dasharray="6 3"`;
    return runs(one, xScale, yScale).flatMap((run) => {
      if (one.style === "marks") return run.map((point) => mark(at(point), k));
      const points = thin(run, area.width).map(at), path = points.map(([x, y]) => `${x} ${y}`).join("L");
      const line =
        `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"${dash} stroke-linejoin="round"/>`;
      if (!dots && points.length > 1) return [line];
      return [line, ...points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`)];
    });
  });
  const legend = series.length < 2 ? [] : series.map(({ name, style }, k) => {
    const x = area.left + area.width + 14, y = area.top + 18 + 19 * k;
    const sign = style === "marks"
      ? mark([px(x + 11), String(y)], k)
      : `<path d="M${px(x)} ${y}h22" stroke="${COLOURS[k % COLOURS.length]}" stroke-width="3"/>`;
    return sign +
      `<text x="${px(x + 30)}" y="${y}" dy="0.35em">${escape(name)}</text>`;
  });
  return picture(width, height, title, [
    ...verticalAxis(area, yScale, yLabel),
    ...horizontalAxis(area, xScale, xLabel),
    ...lines,
    ...legend,
  ]);
}

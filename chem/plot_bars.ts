/** Bar charts with intervals as SVG text. */
import { type Area, COLOURS, escape, picture, px, scaleOf, verticalAxis } from "./plot_axes.ts";

/** A bar from 0 to `value`, its interval, and a mark to compare it with. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  /** Drawn as a line across the bar: the data's own value, say. */
  readonly mark?: number;
}

export interface BarChartOptions {
  readonly title: string;
  readonly yLabel: string;
  /** What the marks are, for the legend. */
  readonly markLabel?: string;
  /** The top of the axis; default what the bars need. */
  readonly high?: number;
  /** Digits after the point above each bar. Default 1. */
  readonly digits?: number;
  /** Pixels. Default 800 x 480. */
  readonly width?: number;
  readonly height?: number;
}

/**
 * Draws bars side by side.
 *
 * @returns an SVG document
 * @throws {RangeError} where a bar's interval does not hold its value
 */
export function barChart(bars: readonly Bar[], options: BarChartOptions): string {
  for (const { label, value, low = value, high = value } of bars) {
    if (!(low <= value && value <= high)) {
      throw new RangeError(`the interval of bar "${label}" must hold its value ${value}; got [${low}, ${high}]`);
    }
  }
  const { title, yLabel, markLabel, digits = 1, width = 800, height = 480 } = options;
  const area: Area = { left: 80, top: 60, width: width - 110, height: height - 110 };
  const values = bars.flatMap(({ value, high = value, mark = value }) => [value, high, mark]);
  const scale = scaleOf([0, ...values], { bounds: { low: 0, ...(options.high && { high: options.high }) } });
  const y = (value: number) => area.top + area.height * (1 - scale.place(value));
  const step = area.width / Math.max(1, bars.length), breadth = step * 0.6;

  const body = bars.flatMap(({ label, value, low = value, high = value, mark }, k) => {
    const x = area.left + step * (k + 0.5), left = px(x - breadth / 2), cap = breadth / 8;
    const inside = y(0) - y(low) > 26; // room for the number within the bar
    const parts = [
      `<rect x="${left}" y="${px(y(value))}" width="${px(breadth)}" height="${px(y(0) - y(value))}" ` +
      `fill="${COLOURS[0]}" fill-opacity="0.85"><title>${
        escape(`${label}: ${value} [${low}, ${high}]`)
      }</title></rect>`,
      `<text x="${px(x)}" y="${px(y(0) + 18)}" text-anchor="middle" font-size="12">${escape(label)}</text>`,
      inside
        ? `<text x="${px(x)}" y="${px(y(low) + 18)}" text-anchor="middle" fill="#fff">${value.toFixed(digits)}</text>`
        : `<text x="${px(x)}" y="${px(Math.min(y(high), y(mark ?? 0)) - 7)}" text-anchor="middle">${
          value.toFixed(digits)
        }</text>`,
    ];
    if (high > low) {
      const ends = [low, high].map((end) => `M${px(x - cap)} ${px(y(end))}h${px(2 * cap)}`).join("");
      parts.push(
        `<path d="M${px(x)} ${px(y(low))}V${px(y(high))}${ends}" fill="none" stroke="#222" stroke-width="1.5"/>`,
      );
    }
    if (mark !== undefined) {
      parts.push(
        `<path d="M${px(x - breadth * 0.6)} ${px(y(mark))}h${px(breadth * 1.2)}" stroke="${
          COLOURS[1]
        }" stroke-width="2.5"/>`,
      );
    }
    return parts;
  });
  const legend = markLabel === undefined ? [] : [
    `<path d="M${width - 200} 46h26" stroke="${COLOURS[1]}" stroke-width="2.5"/>` +
    `<text x="${width - 168}" y="46" dy="0.35em">${escape(markLabel)}</text>`,
  ];
  return picture(width, height, title, [...verticalAxis(area, scale, yLabel), ...body, ...legend]);
}

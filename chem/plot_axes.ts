/** Scales, ticks and the frame that the charts of `plot.ts` and `plot_bars.ts` share. Plain SVG text, no DOM. */

/** Okabe & Ito's colours, told apart by colour-blind readers too. */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333"] as const;

export interface Scale {
  readonly log: boolean;
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** 0 at `low`, 1 at `high`. */
  place(value: number): number;
}

/** Text that is safe inside SVG. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A coordinate with as many digits as an eye can use. */
export const px = (value: number) => String(Math.round(value * 100) / 100);

/** A tick's number: plain where short, else with an exponent. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}

function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5, decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * decade).find((s) => s >= rough * 0.75) ?? 10 * decade;
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks;
}

function logTicks(low: number, high: number): number[] {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high)), decades = to - from;
  const steps = decades <= 2 ? [1, 2, 5] : [1], every = Math.max(1, Math.ceil(decades / 8));
  const ticks: number[] = [];
  for (let e = from; e <= to; e += every) for (const m of steps) ticks.push(m * 10 ** e);
  return ticks.filter((tick) => tick >= low * 0.999999 && tick <= high * 1.000001);
}

/**
 * A scale over these values.
 *
 * @param options.log values of 0 and below, which it cannot show, are passed over
 * @param options.bounds fixed ends in place of the values' own
 */
export function scaleOf(
  values: readonly number[],
  { log = false, bounds = {} }: { log?: boolean; bounds?: { low?: number; high?: number } } = {},
): Scale {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) low = log ? 1 : 0, high = log ? 10 : 1;
  low = bounds.low ?? low, high = bounds.high ?? high;
  if (low === high) {
    const spread = log ? 2 : Math.abs(low) / 2 || 1;
    low = log ? low / spread : low - spread, high = log ? high * spread : high + spread;
  } else if (!log) {
    const margin = (high - low) * 0.03;
    low = bounds.low ?? low - margin, high = bounds.high ?? high + margin;
  }
  const f = log ? Math.log : (value: number) => value, from = f(low), length = f(high) - from;
  const ticks = log ? logTicks(low, high) : linearTicks(low, high);
  return { log, low, high, ticks, place: (value) => (f(value) - from) / length };
}

/** Where the plotted area lies in the picture, in pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A whole picture around `body`. */
export function picture(width: number, height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" font-family="system-ui, sans-serif" font-size="13" fill="#222">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${width / 2}" y="26" text-anchor="middle" font-size="16">${escape(title)}</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** The vertical axis: grid lines, numbers and label. */
export function verticalAxis({ left, top, width, height }: Area, scale: Scale, label: string): string[] {
  const lines = scale.ticks.map((tick) => {
    const y = px(top + height * (1 - scale.place(tick)));
    return `<path d="M${left} ${y}h${width}" stroke="#ddd"/>` +
      `<text x="${left - 8}" y="${y}" dy="0.35em" text-anchor="end">${tickText(tick)}</text>`;
  });
  const middle = px(top + height / 2);
  return [
    ...lines,
    `<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${escape(label)}</text>`,
  ];
}

/** The horizontal axis below the area. */
export function horizontalAxis({ left, top, width, height }: Area, scale: Scale, label: string): string[] {
  const lines = scale.ticks.map((tick) => {
    const x = px(left + width * scale.place(tick));
    return `<path d="M${x} ${top}v${height}" stroke="#eee"/>` +
      `<text x="${x}" y="${top + height + 18}" text-anchor="middle">${tickText(tick)}</text>`;
  });
  const middle = px(left + width / 2);
  return [...lines, `<text x="${middle}" y="${top + height + 40}" text-anchor="middle">${escape(label)}</text>`];
}

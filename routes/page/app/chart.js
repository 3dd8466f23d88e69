/** Charts as SVG: points with intervals, lines, a legend, and the same numbers as a table. */
import { html } from "./html.js";

/**
 * @typedef {{x: number, y: number, low?: number, high?: number, label?: string, about?: string}} Point
 * @typedef {{name: string, points: Point[], strong?: boolean, line?: boolean, dots?: boolean}} Series
 * @typedef {{label: string, log?: boolean, from?: number, to?: number, text?: (value: number) => string}} Axis
 */

const PLAIN = (/** @type {number} */ value) =>
  value === 0
    ? "0"
    : Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3
    ? value.toExponential(0)
    : String(Number(value.toPrecision(3)));

/** Round numbers from low to high. @param {number} low @param {number} high @param {number} about */
function roundTicks(low, high, about) {
  const raw = (high - low) / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * /** @type {number} */ ([1, 2, 5, 10].find((one) => one * power >= raw)), ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks;
}

/** 1, 2 and 5 times the powers of ten between; of many decades the powers alone. @param {number} low @param {number} high */
function logTicks(low, high) {
  const ticks = [], few = Math.log10(high / low) < 2.5 ? [1, 2, 5] : [1];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const one of few) ticks.push(one * 10 ** power);
  }
  return ticks.filter((one) => one >= low * 0.999 && one <= high * 1.001);
}

/** From the values of an axis to 0 ... 1, and where its marks stand. @param {Axis} axis @param {number[]} values */
function scaleOf({ log, from, to }, values) {
  let low = from ?? Math.min(...values), high = to ?? Math.max(...values);
  if (log) {
    if (from === undefined) low /= 1.25;
    if (to === undefined) high *= 1.25;
    return { ticks: logTicks(low, high), at: (/** @type {number} */ v) => Math.log(v / low) / Math.log(high / low) };
  }
  if (high <= low) [low, high] = from === undefined ? [low - 0.5, low + 0.5] : [low, low + 1];
  const room = (high - low) * 0.06;
  if (from === undefined) low -= room;
  if (to === undefined) high += room;
  return { ticks: roundTicks(low, high, 5), at: (/** @type {number} */ v) => (v - low) / (high - low) };
}

const WIDTH = 760, HEIGHT = 400, LEFT = 62, RIGHT = 22, TOP = 18, BOTTOM = 52;

/** Where lines of text may stand so that none is on another. @param {{x: number, y: number}[]} places */
function apart(places) {
  /** @type {{x: number, y: number}[]} */
  const taken = [];
  return places.map(({ x, y }) => {
    let at = y;
    for (let k = 0; k < 12 && taken.some((other) => Math.abs(other.x - x) < 30 && Math.abs(other.y - at) < 13); k++) {
      at += 7;
    }
    taken.push({ x, y: at });
    return at;
  });
}

/** @param {{title: string, series: Series[], x: Axis, y: Axis, table?: boolean, mark?: number}} props */
export function Chart({ title, series, x, y, table = false, mark }) {
  const used = series.filter(({ points }) => points.length > 0), all = used.flatMap(({ points }) => points);
  if (all.length === 0) return html`<p class="empty">Nothing to show yet.</p>`;
  const across = scaleOf(x, all.map((one) => one.x)),
    up = scaleOf(y, all.flatMap((one) => [one.low ?? one.y, one.high ?? one.y]));
  const px = (/** @type {number} */ v) => LEFT + across.at(v) * (WIDTH - LEFT - RIGHT),
    py = (/** @type {number} */ v) => HEIGHT - BOTTOM - up.at(v) * (HEIGHT - TOP - BOTTOM);
  const textX = x.text ?? PLAIN, textY = y.text ?? PLAIN;
  return html`<figure class="chart">
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${`${title}: ${y.label} against ${x.label}`}>
      ${
    up.ticks.map((v) =>
      html`
        <g>
          <line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${py(v)} y2=${py(v)} />
          <text x=${LEFT - 8} y=${py(v) + 4} text-anchor="end">${textY(v)}</text>
        </g>
      `
    )
  }
      ${
    across.ticks.map((v) =>
      html`
        <g>
          <line class="grid" x1=${px(v)} x2=${px(v)} y1=${TOP} y2=${HEIGHT - BOTTOM} />
          <text x=${px(v)} y=${HEIGHT - BOTTOM + 18} text-anchor="middle">${textX(v)}</text>
        </g>
      `
    )
  }
      ${mark !== undefined && html`<line class="mark" x1=${px(mark)} x2=${px(mark)} y1=${TOP} y2=${HEIGHT - BOTTOM} />`}
      <text class="axis" x=${(LEFT + WIDTH - RIGHT) / 2} y=${HEIGHT - 8} text-anchor="middle">${x.label}</text>
      <text class="axis" transform=${`translate(14 ${
    (TOP + HEIGHT - BOTTOM) / 2
  }) rotate(-90)`} text-anchor="middle">${y.label}</text>
      ${
    used.map(({ points, strong, line, dots = true, name }, k) => {
      const labels = apart(points.map((one) => ({ x: px(one.x), y: py(one.y) - 9 })));
      return html`<g class=${`series c${k % 6} ${strong ? "strong" : ""}`}>
          ${
        line &&
        html`<polyline points=${points.map((one) => `${px(one.x).toFixed(1)},${py(one.y).toFixed(1)}`).join(" ")} />`
      }
          ${
        points.map((one, at) =>
          html`<g>
            ${
            dots && html`
              <circle cx=${px(one.x)} cy=${py(one.y)} r=${strong ? 4 : 3}>
                <title>${one.about ?? `${name}: ${textX(one.x)}, ${textY(one.y)}`}</title>
              </circle>
            `
          }
            ${
            one.low !== undefined && one.high !== undefined &&
            html`<path class="interval" d=${`M${px(one.x)} ${py(one.low)}V${py(one.high)}M${px(one.x) - 5} ${
              py(one.low)
            }h10M${px(one.x) - 5} ${py(one.high)}h10`} />`
          }
            ${one.label && html`<text class="label" x=${px(one.x) + 8} y=${labels[at]}>${one.label}</text>`}
          </g>`
        )
      }
        </g>`;
    })
  }
    </svg>
    <ul class="legend">${
    used.map(({ name, strong }, k) => html`<li class=${`c${k % 6} ${strong ? "strong" : ""}`}>${name}</li>`)
  }</ul>
    ${
    table && html`
      <details>
        <summary>The same as a table</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">series</th>
                <th scope="col">${x.label}</th>
                <th scope="col">${y.label}</th>
                <th scope="col">interval</th>
              </tr>
            </thead>
            <tbody>${used.flatMap(({ name, points }) =>
              points.map((one) =>
                html`
                  <tr>
                    <td>${name}${one.label && `, ${one.label}`}</td>
                    <td>${textX(one.x)}</td>
                    <td>${textY(one.y)}</td>
                    <td>${one.low !== undefined && one.high !== undefined
                      ? `${textY(one.low)} to ${textY(one.high)}`
                      : ""}</td>
                  </tr>
                `
              )
            )}</tbody>
          </table>
        </div>
      </details>
    `
  }
  </figure>`;
}

/** Bars that lie, a row each, as SVG text: for many kinds with names. */
import { COLOURS, escape, picture, px } from "./plot_axes.ts";

/** A row: what it is, its value, and the number as it is told. */
export interface Row {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

/** Pixels: of a row, above the rows and below them; of the names and of the numbers. */
const STEP = 22, TOP = 48, BOTTOM = 16, NAMES = 190, NUMBERS = 90;

/** Draws rows, the longest bar as wide as there is room. @returns an SVG document */
export function rowChart(rows: readonly Row[], { title, width = 800 }: { title: string; width?: number }): string {
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE), room = width - NAMES - NUMBERS;
  const body = rows.map(({ label, value, text }, k) => {
    const y = TOP + STEP * k, length = room * Math.max(0, value) / most;
    return `<text x="${NAMES - 8}" y="${y + 8}" dy="0.35em" text-anchor="end">${escape(label)}</text>` +
      `<rect x="${NAMES}" y="${y}" width="${px(length)}" height="16" fill="${COLOURS[0]}" fill-opacity="0.85"/>` +
      `<text x="${px(NAMES + length + 6)}" y="${y + 8}" dy="0.35em">${escape(text)}</text>`;
  });
  return picture(width, TOP + STEP * rows.length + BOTTOM, title, body);
}

/** Pictures, one below the other. @returns an SVG document */
export function stacked(pictures: readonly string[]): string {
  const size = (svg: string, what: "width" | "height") => Number(new RegExp(` ${what}="([\\d.]+)"`).exec(svg)![1]);
  let height = 0;
  const parts = pictures.map((svg) => {
    const placed = svg.replace("<svg ", `<svg y="${height}" `);
    height += size(svg, "height");
    return placed;
  });
  const width = Math.max(...pictures.map((svg) => size(svg, "width")));
  const open =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`;
  return `${open}\n${parts.join("")}</svg>\n`;
}

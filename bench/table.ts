/** What every benchmark prints: a table for people, then one line of JSON for programs. */
import { thisMachine } from "../model/evaluate_machine.ts";

/** A row: names to values; all rows of a table have the same names. */
export type Row = Readonly<Record<string, string | number>>;

/** Numbers to three significant digits. */
const text = (value: string | number) => typeof value === "number" ? Number(value.toPrecision(3)).toString() : value;

/** Prints the rows. */
export function printResult(bench: string, settings: Readonly<Record<string, unknown>>, rows: readonly Row[]): void {
  const names = Object.keys(rows[0] ?? {});
  const cells = [names, ...rows.map((row) => names.map((name) => text(row[name])))];
  const widths = names.map((_, k) => Math.max(...cells.map((line) => line[k].length)));
  const machine = thisMachine();
  console.log(`${bench}: ${Object.entries(settings).map(([name, value]) => `${name} ${value}`).join(", ")}`);
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.os}, Deno ${machine.deno}`);
  for (const line of cells) console.log(line.map((cell, k) => cell.padStart(widths[k])).join("  "));
  console.log(JSON.stringify({ bench, settings, machine, rows }));
}

/** Median and 95th percentile. */
export function quantiles(values: readonly number[]): { median: number; p95: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { median: at(0.5), p95: at(0.95) };
}

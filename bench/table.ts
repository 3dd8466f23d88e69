/** What every benchmark gives: a table for people, then one line of JSON for programs. */

/** A row: names to values; all rows of a table have the same names. An absent value is null. */
export type Row = Readonly<Record<string, string | number | null>>;

/** What a benchmark found. */
export interface Result {
  readonly bench: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** What each candidate ran on. */
  readonly why?: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Numbers to three significant digits, `-` for what is absent. */
function cell(value: string | number | null): string {
  if (value === null) return "-";
  return typeof value === "number" ? Number(value.toPrecision(3)).toString() : value;
}

/** The rows below their names, columns aligned: numbers to the right, words to the left. */
export function formatTable(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => cell(row[name])))];
  const widths = names.map((_, k) => Math.max(...lines.map((line) => line[k].length)));
  const words = names.map((name) => rows.every((row) => typeof row[name] === "string"));
  return lines.map((line) =>
    line.map((text, k) => words[k] ? text.padEnd(widths[k]) : text.padStart(widths[k])).join("  ").trimEnd()
  ).join("\n");
}

/** Heading, table and JSON line of a result. */
export function formatResult({ bench, settings, why, rows }: Result): string {
  const told = Object.entries(settings).map(([name, value]) => `${name} ${value}`).join(", ");
  return `\n${bench}: ${told}\n${formatTable(rows)}\n${JSON.stringify({ bench, settings, why, rows })}`;
}

/** Median, 95th and 99th percentile. */
export function quantiles(values: readonly number[]): { median: number; p95: number; p99: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { median: at(0.5), p95: at(0.95), p99: at(0.99) };
}

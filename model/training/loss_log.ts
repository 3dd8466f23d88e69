/** The losses of a run as a CSV file that survives a resume: rows after the checkpoint are dropped and done again. */
import { absent } from "../diffusion/files.ts";

/** One row: means over the updates since the row before, or a validation. */
export interface LossRow {
  /** Updates done. */
  readonly update: number;
  /** Seconds of training, over all resumes. */
  readonly seconds: number;
  /** Molecules seen. */
  readonly molecules: number;
  /** Factor on the learning rates. */
  readonly rate: number;
  /** Training losses: `total` and its parts. */
  readonly losses: Readonly<Record<string, number>>;
  /** Total loss of the held-out molecules by the moving average; empty where not measured. */
  readonly validation?: number;
}

/** Name of the file in a run's folder. */
export const LOSSES = "losses.csv";

/** Columns beside those of the losses. */
const FIXED = ["update", "seconds", "molecules", "rate", "validation"];

/** A CSV file of losses. */
export interface LossLog {
  add(row: LossRow): Promise<void>;
}

/** The rows of a losses.csv. A last row that a kill cut short is left out. */
export async function readLossRows(path: string): Promise<LossRow[]> {
  const [head, ...body] = (await Deno.readTextFile(path)).trimEnd().split("\n");
  const columns = head.split(","), names = columns.filter((name) => !FIXED.includes(name));
  return body.map((text) => text.split(",")).filter((cells) => cells.length === columns.length).map((cells) => {
    const cell = (name: string) => cells[columns.indexOf(name)];
    return {
      update: Number(cell("update")),
      seconds: Number(cell("seconds")),
      molecules: Number(cell("molecules")),
      rate: Number(cell("rate")),
      losses: Object.fromEntries(names.map((name) => [name, Number(cell(name))])),
      ...(cell("validation") ? { validation: Number(cell("validation")) } : {}),
    };
  });
}

/**
 * Opens `path`, or makes it.
 *
 * @param parts names of the loss's parts, for the header
 * @param update rows of later updates are dropped
 */
export async function openLossLog(path: string, parts: readonly string[], update: number): Promise<LossLog> {
  const names = ["total", ...parts], header = ["update", "seconds", "molecules", "rate", ...names, "validation"];
  const line = (row: LossRow) =>
    [
      row.update,
      row.seconds.toFixed(1),
      row.molecules,
      row.rate.toPrecision(4),
      ...names.map((name) => (row.losses[name] ?? NaN).toPrecision(6)),
      row.validation?.toPrecision(6) ?? "",
    ].join(",");
  const kept = (await readLossRows(path).catch(absent) ?? []).filter((row) => row.update <= update);
  await Deno.writeTextFile(path, [header.join(","), ...kept.map(line)].join("\n") + "\n");
  return { add: (row) => Deno.writeTextFile(path, line(row) + "\n", { append: true }) };
}

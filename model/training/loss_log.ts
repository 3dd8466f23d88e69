/** The losses of a run as a CSV file that survives a resume: rows after the checkpoint are dropped and done again. */

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

/** A CSV file of losses. */
export interface LossLog {
  add(row: LossRow): Promise<void>;
  /** All rows, those of before the resume too. */
  rows(): Promise<LossRow[]>;
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
  async function rows(): Promise<LossRow[]> {
    const [head, ...body] = (await Deno.readTextFile(path)).trimEnd().split("\n");
    const columns = head.split(",");
    return body.map((text) => {
      const cells = Object.fromEntries(text.split(",").map((cell, k) => [columns[k], cell]));
      return {
        update: Number(cells.update),
        seconds: Number(cells.seconds),
        molecules: Number(cells.molecules),
        rate: Number(cells.rate),
        losses: Object.fromEntries(names.map((name) => [name, Number(cells[name] ?? NaN)])),
        ...(cells.validation ? { validation: Number(cells.validation) } : {}),
      };
    });
  }
  let kept: LossRow[] = [];
  try {
    // A row cut short by a kill has no update or too few cells; it is dropped with the later ones.
    kept = (await rows()).filter((row) => row.update <= update && Number.isFinite(row.losses.total));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.writeTextFile(path, [header.join(","), ...kept.map(line)].join("\n") + "\n");
  return { add: (row) => Deno.writeTextFile(path, line(row) + "\n", { append: true }), rows };
}

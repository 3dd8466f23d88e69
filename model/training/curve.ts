/** A run's learning curve, from its losses.csv. */
import { lineChart } from "../../chem/plot.ts";
import { writeAtomically } from "../diffusion/files.ts";
import { LOSSES, type LossRow, readLossRows } from "./loss_log.ts";

/** A run's losses as an SVG picture: training losses and the held-out total against minutes. */
export function learningCurve(rows: readonly LossRow[]): string {
  const curve = (name: string, of: readonly LossRow[], value: (row: LossRow) => number) => ({
    name,
    x: of.map((row) => row.seconds / 60),
    y: of.map(value),
  });
  const measured = rows.filter((row) => row.validation !== undefined);
  const series = [
    ...Object.keys(rows[0]?.losses ?? {}).map((name) => curve(name, rows, (row) => row.losses[name])),
    ...(measured.length > 0 ? [curve("held out", measured, (row) => row.validation!)] : []),
  ];
  return lineChart(series, { title: "Learning curve", xLabel: "minutes of training", yLabel: "loss", logY: true });
}

/** Writes `learning_curve.svg` beside the folder's losses.csv. */
export async function writeLearningCurve(folder: string): Promise<void> {
  const rows = await readLossRows(`${folder}/${LOSSES}`);
  if (rows.length === 0) return;
  await writeAtomically(`${folder}/learning_curve.svg`, new TextEncoder().encode(learningCurve(rows)));
}

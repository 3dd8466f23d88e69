/** Speed against stability, as the papers draw it; below it steps against stability, where published rows have a place too. */
import { lineChart, type Series } from "../../chem/plot.ts";
import type { Published, PublishedRow } from "./published.ts";
import type { Row } from "./row.ts";

const WIDTH = 1000, HEIGHT = 500;

/** Groups in the order of their first member. */
const groups = <T>(all: readonly T[], name: (one: T) => string): [string, T[]][] => [...Map.groupBy(all, name)];

function series<R extends Row | PublishedRow>(
  rows: readonly R[],
  name: (row: R) => string,
  at: (row: R) => readonly [number | null, number | null],
  style: Series["style"],
): Series[] {
  return groups(rows, name).flatMap(([name, members]) => {
    const points = members.map(at).filter((point): point is [number, number] => point.every((v) => v !== null));
    if (points.length === 0) return [];
    points.sort(([a], [b]) => a - b);
    return [{ name, x: points.map(([x]) => x), y: points.map(([, y]) => y), style }];
  });
}

const stability = ({ evaluation }: Row) => 100 * evaluation.metrics.moleculeStability.value;
const line = ({ line, shipped }: Row) => shipped ? line : `${line}, not shipped`;
const paper = ({ name }: PublishedRow) => `published: ${name}`;

/**
 * Two panels in one SVG document: molecule stability over molecules/s, and over steps. A published row stands in the first
 * only where its paper gives a speed; that was on another machine, and the title says so.
 */
export function tableFigure(model: string, rows: readonly Row[], { rows: others }: Published): string {
  const options = { yLabel: "molecule stability %", logX: true, width: WIDTH, height: HEIGHT, dots: true };
  const elsewhere = others.some(({ moleculesPerSecond }) => moleculesPerSecond !== null);
  const note = elsewhere ? " (published: each on its own machine)" : "";
  const speed = lineChart([
    ...series(rows, line, (row) => [row.evaluation.moleculesPerSecond, stability(row)], "line"),
    ...series(others, paper, (row) => [row.moleculesPerSecond, row.moleculeStability], "marks"),
  ], {
    ...options,
    title: `${model}: speed and stability${note}`,
    xLabel: "molecules/s",
  });
  const steps = lineChart([
    ...series(rows, line, (row) => [row.key.steps, stability(row)], "line"),
    ...series(others, paper, (row) => [row.steps, row.moleculeStability], "marks"),
  ], { ...options, title: `${model}: steps and stability`, xLabel: "steps (NFE)" });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${2 * HEIGHT}" width="${WIDTH}" height="${
      2 * HEIGHT
    }">`,
    speed.trimEnd(),
    steps.trimEnd().replace("<svg ", `<svg y="${HEIGHT}" `),
    "</svg>",
    "",
  ].join("\n");
}

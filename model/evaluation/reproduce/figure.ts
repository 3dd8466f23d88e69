/** Speed against stability, as the papers draw it; below it steps against stability, where published rows have a place too. */
import { lineChart, type Series } from "../../../chem/plot.ts";
import type { Published, PublishedRow } from "./published.ts";
import type { Row } from "./row.ts";

/** Of a panel; it grows by a legend of more lines than fit. */
const WIDTH = 1200, HEIGHT = 500;
/** What a line of the legend takes, and what is above and below them. */
const LEGEND_LINE = 19, LEGEND_ROOM = 70;

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
  const bySpeed = [
    ...series(rows, line, (row) => [row.evaluation.moleculesPerSecond, stability(row)], "line"),
    ...series(others, paper, (row) => [row.moleculesPerSecond, row.moleculeStability], "marks"),
  ];
  // Those of the first panel come first in the second: a method has one colour and shape in both.
  const first = bySpeed.map(({ name }) => name);
  const place = ({ name }: Series) => first.includes(name) ? first.indexOf(name) : first.length;
  const bySteps = [
    ...series(rows, line, (row) => [row.key.steps, stability(row)], "line"),
    ...series(others, paper, (row) => [row.steps, row.moleculeStability], "marks"),
  ].sort((a, b) => place(a) - place(b));
  const height = Math.max(HEIGHT, LEGEND_ROOM + LEGEND_LINE * bySteps.length);
  const options = { yLabel: "molecule stability %", logX: true, width: WIDTH, height, dots: true };
  const elsewhere = others.some(({ moleculesPerSecond }) => moleculesPerSecond !== null);
  const note = elsewhere ? " (published: on other machines)" : "";
  const speed = lineChart(bySpeed, {
    ...options,
    title: `${model}: speed and stability${note}`,
    xLabel: "molecules/s",
  });
  const steps = lineChart(bySteps, { ...options, title: `${model}: steps and stability`, xLabel: "steps (NFE)" });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${2 * height}" width="${WIDTH}" height="${
      2 * height
    }">`,
    speed.trimEnd(),
    steps.trimEnd().replace("<svg ", `<svg y="${height}" `),
    "</svg>",
    "",
  ].join("\n");
}

/** The published rows against the papers' tables, and where their speeds stand in the figure. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { tableFigure } from "../../../../model/evaluation/reproduce/figure.ts";
import { type PublishedRow, publishedRows } from "../../../../model/evaluation/reproduce/published.ts";
import type { Row } from "../../../../model/evaluation/reproduce/row.ts";

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../../shared", import.meta.url).pathname;
const elpd = `${shared}/reference/elpd_tables.json`;

/** Our names of what ELPD's table 2 calls so, by its sampling. */
const NAMES: Record<string, string> = {
  "EDM DDPM": "EDM",
  "GeoLDM DDPM": "GeoLDM",
  "GeoLDM-100 DDPM": "GeoLDM-100",
  "GeoLDM DDIM": "GeoLDM, DDIM",
  "GeoLDM-ProgDist DDPM": "ELPD, DDPM variant",
  "GeoLDM-ProgDist DDIM": "ELPD, DDIM variant",
};

Deno.test({
  name: "publishedRows() has ELPD's table 2 whole, and nothing else of that paper",
  ignore: !existsSync(elpd),
  async fn() {
    const { columns, rows } = JSON.parse(await Deno.readTextFile(elpd));
    assert.deepEqual(columns, [
      "model",
      "sampling",
      "steps",
      "molecules_per_second",
      "molecule_stability",
      "atom_stability",
      "valid",
      "valid_and_unique",
    ]);
    const text = (...cells: unknown[]) => JSON.stringify(cells);
    const paper = rows.map(([model, sampling, ...cells]: unknown[]) => text(NAMES[`${model} ${sampling}`], ...cells));
    const ours = publishedRows().rows
      .filter(({ paper, moleculesPerSecond }) => paper === "ELPD" || moleculesPerSecond !== null)
      .map((row) =>
        text(
          row.name,
          row.steps,
          row.moleculesPerSecond,
          row.moleculeStability,
          row.atomStability,
          row.validity,
          row.validUnique,
        )
      );
    assert.ok(paper.length > 0);
    assert.deepEqual(ours.sort(), paper.sort());
  },
});

/** A measured row, as far as the figure looks at it. */
const measured = (steps: number, moleculesPerSecond: number) => ({
  line: "ddim",
  shipped: true,
  key: { steps },
  evaluation: { moleculesPerSecond, metrics: { moleculeStability: { value: 0.5 } } },
} as Row);

/** A panel's names in the legend, with the colour and shape of each; the pixels of the marks that are not in the legend. */
function readPanel(svg: string) {
  const marks = [...svg.matchAll(/<path d="M([\d.]+) [\d.]+(m[^"]*)" fill="#fff" stroke="([^"]*)"[^>]*\/>(<text)?/g)];
  const names = [...svg.matchAll(/>(published: [^<]*)<\/text>/g)].map(([, name]) => name.replaceAll("&#39;", "'"));
  const legend = marks.filter((mark) => mark[4]);
  return {
    signs: new Map(names.map((name, k) => [name, legend[k].slice(2, 4).join()])),
    marks: marks.filter((mark) => !mark[4]).map(([, x]) => Number(x)),
    texts: [...svg.matchAll(/<text[^>]* y="([\d.]+)"/g)].map(([, y]) => Number(y)),
  };
}

/** Of each name in turn, by growing x, those that a panel can show. */
const shown = (rows: readonly PublishedRow[], x: (row: PublishedRow) => number | null) =>
  [...Map.groupBy(rows.filter((row) => x(row) !== null && row.moleculeStability !== null), ({ name }) => name)]
    .map(([name, own]) => ({ name: `published: ${name}`, xs: own.map((row) => x(row)!).sort((a, b) => a - b) }));

Deno.test("tableFigure() has published speeds as they are in the upper panel, one sign a method in both", () => {
  const published = publishedRows();
  const speeds = shown(published.rows, (row) => row.moleculesPerSecond);
  const values = speeds.flatMap(({ xs }) => xs);
  assert.ok(speeds.length > 1 && speeds.length < shown(published.rows, ({ steps }) => steps).length);
  for (const ours of [[], [measured(8, 5), measured(16, 3)], [measured(8, 5000), measured(16, 0.1)]]) {
    const svg = tableFigure("m", ours, published);
    const [upper, lower] = svg.split(/(?=<svg y=)/).map(readPanel);
    assert.deepEqual([...upper.signs.keys()], speeds.map(({ name }) => name));
    for (const [name, sign] of upper.signs) assert.equal(lower.signs.get(name), sign, name);
    assert.equal(new Set(lower.signs.values()).size, lower.signs.size, "no two methods have one sign");

    // On a log axis pixels grow with the logarithm of the speed, whatever ours are.
    assert.equal(upper.marks.length, values.length);
    const low = values.indexOf(Math.min(...values)), high = values.indexOf(Math.max(...values));
    const slope = (upper.marks[high] - upper.marks[low]) / Math.log(values[high] / values[low]);
    for (const [k, value] of values.entries()) {
      const pixels = upper.marks[low] + slope * Math.log(value / values[low]);
      assert.ok(Math.abs(upper.marks[k] - pixels) < 0.05, `${value} molecules/s`);
    }
  }
});

Deno.test("tableFigure() grows by its legend", () => {
  const lines = Array.from({ length: 40 }, (_, k) => ({ ...measured(8, 5), line: `line ${k}` }));
  const svg = tableFigure("m", lines, publishedRows());
  const height = Number(/<svg [^>]*height="(\d+)"/.exec(svg)![1]) / 2;
  for (const panel of svg.split(/(?=<svg y=)/)) assert.ok(Math.max(...readPanel(panel).texts) < height);
});

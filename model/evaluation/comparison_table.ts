/** Molecule stability by number of steps: a card's measured rows beside published ones. */
import { type EvaluationEntry, evaluationsOf } from "./record.ts";
import { publishedRows } from "./reproduce/published.ts";
import type { Card } from "../models/card.ts";
import { markdownTable } from "./markdown_table.ts";

/** What the comparison shows. */
export interface Comparison {
  /** The numbers of steps: a column each. */
  readonly steps: readonly number[];
  /** The published methods, by their names in `published.json`: a row each, in this order. */
  readonly methods: readonly string[];
}

/** README.md's comparison: few steps, and GeoLDM's own number of them. */
export const FRONT: Comparison = {
  steps: [4, 8, 16, 32, 1000],
  methods: ["FlashMol", "GeoLDM, few steps", "GeoLDM, DDIM", "GeoLDM's weights, consistency", "GeoLDM"],
};

/** What docs/results.md adds: distilled GeoLDM, and ours before the noise was aligned. */
export const MORE: Comparison = {
  steps: [4, 8, 16, 32, 125, 1000],
  methods: [
    "ELPD, DDPM variant",
    "ELPD, DDIM variant",
    "EDM",
    "Molstep 0.3.0, independent noise, recommended, clamped",
    "Molstep 0.3.0, independent noise, distilled, clamped",
  ],
};

const percent = (value: number | null | undefined) => typeof value === "number" ? value.toFixed(1) : "-";

/** "stable / valid and unique", in percent; empty where neither is known. */
const cell = (stable: number | null | undefined, validUnique: number | null | undefined) =>
  stable == null && validUnique == null ? "" : `${percent(stable)} / ${percent(validUnique)}`;

/** The setting that the service takes by itself at a number of steps, clamped or not: a student before the undistilled network. */
function ownEntry(entries: readonly EvaluationEntry[], steps: number, clamped: boolean): EvaluationEntry | undefined {
  const found = entries.filter(({ settings }) =>
    settings.steps === steps && settings.decoding === "argmax" && (settings.clamp ?? 0) > 0 === clamped
  );
  return found.find(({ settings }) => settings.sampler === "distilled") ?? found[0];
}

/**
 * A row a method and a column a number of steps: molecule stability / validity x uniqueness, in percent. Ours are the
 * card's rows decoded by `argmax`, published ones those of `published.json`.
 *
 * @throws RangeError where a method is not published
 */
export function comparisonTable(card: Pick<Card, "evaluation">, { steps, methods }: Comparison): string {
  const entries = evaluationsOf(card), { papers, rows } = publishedRows();
  const own = (name: string, clamped: boolean) => [
    name,
    ...steps.map((count) => {
      const metrics = ownEntry(entries, count, clamped)?.metrics;
      return cell(metrics && 100 * metrics.moleculeStability.value, metrics && 100 * metrics.validUnique.value);
    }),
  ];
  const published = methods.map((name) => {
    const found = rows.filter((row) => row.name === name);
    if (found.length === 0) {
      const known = [...new Set(rows.map((row) => row.name))].join(", ");
      throw new RangeError(`the method must be one of ${known}; got ${name}`);
    }
    const { paper } = found[0], { url } = papers[paper];
    const source = url && `[${paper}](${url})`;
    return [
      !source ? name : name === paper ? source : `${name} (${source})`,
      ...steps.map((count) => {
        const row = found.find((row) => row.steps === count);
        return cell(row?.moleculeStability, row?.validUnique);
      }),
    ];
  });
  return markdownTable(
    ["", ...steps.map((count) => `${count} steps`)],
    [own("**Molstep**", false), own("**Molstep**, clamped", true), ...published],
  );
}

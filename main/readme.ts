/** molstep readme */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { windowNames, WINDOWS } from "../chem/where/windows.ts";
import { cardTable, replaceBetween } from "../model/evaluation/card_table.ts";
import { comparisonTable, FRONT, MORE } from "../model/evaluation/comparison_table.ts";
import { findReference, type ReferenceStatistics } from "../model/evaluation/evaluate_reference.ts";
import { markdownTable } from "../model/evaluation/markdown_table.ts";
import { methodOf, METHODS } from "../model/distillation/methods/mod.ts";
import type { Card } from "../model/models/card.ts";
import { scopesTable } from "../routes/access/scopes_table.ts";
import { configTable } from "../routes/config_table.ts";
import { metricsTable } from "../routes/metrics_table.ts";
import { command } from "./command.ts";
import { findModel } from "./models.ts";
import { flag, option } from "./options.ts";
import { type BenchRun, readBenchRun, readBenchRuns, speedTable } from "./speed_table.ts";

/** The folder of results that are kept. */
export const keptResults = (): string => fileURLToPath(new URL("../bench/results", import.meta.url));

/** What the tables are made from. */
export interface Sources {
  readonly card: Pick<Card, "name" | "evaluation">;
  readonly runs: readonly BenchRun[];
  /** Of the data that the card's model was measured against. */
  readonly data?: ReferenceStatistics;
}

/** Pages with generated tables, by their paths from the repository's root: the name between a table's marks, and its text. */
export const PAGES: Readonly<Record<string, Readonly<Record<string, (sources: Sources) => string>>>> = {
  "README.md": { "comparison": ({ card }) => comparisonTable(card, FRONT) },
  "docs/results.md": {
    "evaluation of weights/qm9": ({ card, data }) => cardTable(card, data),
    "more of the published": ({ card }) => comparisonTable(card, MORE),
  },
  "docs/speed.md": { "speed": ({ runs }) => speedTable(runs) },
  "docs/where.md": { "windows": () => windowsTable() },
  "docs/http.md": { "methods": () => methodsTable() },
  "docs/configuration.md": { "configuration": () => configTable() },
  "docs/metrics.md": { "metrics": () => metricsTable() },
  "docs/tokens.md": { "scopes": () => scopesTable() },
};

/** What molecules can be filtered by as a number. */
const windowsTable = (): string =>
  markdownTable(
    ["window", "what it is", "unit", "from"],
    windowNames.map((name) => {
      const { what, unit = "", from } = WINDOWS[name];
      return [`\`${name}\``, what, unit, from];
    }),
  );

/** The methods of distillation, from their registry. */
const methodsTable = (): string =>
  markdownTable(
    ["method", "what it does", "variants", "steps where they are left open", "learning rate"],
    METHODS.map((name) => {
      const { about, variants, stepsInWords, learningRate } = methodOf(name);
      return [`\`${name}\``, about, variants.map((one) => `\`${one}\``).join(", "), stepsInWords, String(learningRate)];
    }),
  );

/** Reads a page. */
export const readPage = (page: string): Promise<string> => Deno.readTextFile(pathOf(page));

const pathOf = (page: string) => join(fileURLToPath(new URL("..", import.meta.url)), page);

/** A page with its tables as they should be. @throws RangeError where it lacks a table's marks */
export const withTables = (page: string, text: string, sources: Sources): string =>
  Object.entries(PAGES[page]).reduce((text, [name, table]) => replaceBetween(text, name, table(sources)), text);

/** The tables of README.md and docs/. */
export const readmeCommand = command({
  summary: `Writes the tables of ${Object.keys(PAGES).join(", ")}: ` +
    "evaluations from the shipped card, speeds from bench/results, the configuration.",
  options: {
    check: flag("write nothing; exit with 1 where a page is behind"),
    results: option(
      "FILES",
      "results of benchmarks, set apart by commas (default: of each part the newest in bench/results)",
      z.string().min(1).transform((text) => text.split(",")).optional(),
    ),
  },
  async run({ check, results }, { error }) {
    const { card } = await findModel("qm9");
    const runs = results ? await Promise.all(results.map(readBenchRun)) : await readBenchRuns(keptResults());
    const data = (await findReference())?.statistics;
    let behind = false;
    for (const page of Object.keys(PAGES)) {
      const text = await readPage(page), fresh = withTables(page, text, { card, runs, data });
      if (fresh === text) continue;
      if (!check) await Deno.writeTextFile(pathOf(page), fresh);
      else {
        behind = true;
        error(`${page} is behind; \`deno task readme\` brings it up to date\n`);
      }
    }
    return behind ? 1 : 0;
  },
});

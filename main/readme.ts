/** molstep readme */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { cardTable, replaceBetween } from "../model/evaluation/card_table.ts";
import { configTable } from "../routes/config_table.ts";
import { command } from "./command.ts";
import { findModel } from "./models.ts";
import { flag, option } from "./options.ts";
import { type BenchRun, readBenchRun, readBenchRuns, speedTable } from "./speed_table.ts";

/** The folder of results that are kept. */
export const keptResults = (): string => fileURLToPath(new URL("../bench/results", import.meta.url));

/** The README with the evaluation of a card, the speeds of benchmarks and the configuration's table. */
export function readmeWithTables(
  text: string,
  card: Parameters<typeof cardTable>[0],
  runs: readonly BenchRun[],
): string {
  const evaluated = replaceBetween(text, "evaluation of weights/qm9", cardTable(card));
  return replaceBetween(replaceBetween(evaluated, "speed", speedTable(runs)), "configuration", configTable());
}

/** The tables of the README. */
export const readmeCommand = command({
  summary:
    "Writes the tables of README.md: the evaluation from the shipped card, speeds from bench/results, the configuration.",
  options: {
    check: flag("write nothing; exit with 1 where the README is behind"),
    results: option(
      "FILES",
      "results of benchmarks, set apart by commas (default: of each part the newest in bench/results)",
      z.string().min(1).transform((text) => text.split(",")).optional(),
    ),
  },
  async run({ check, results }, { error }) {
    const path = fileURLToPath(new URL("../README.md", import.meta.url)), text = await Deno.readTextFile(path);
    const { card } = await findModel("qm9");
    const runs = results ? await Promise.all(results.map(readBenchRun)) : await readBenchRuns(keptResults());
    const fresh = readmeWithTables(text, card, runs);
    if (fresh === text) return 0;
    if (check) {
      error("README.md is behind; `deno task readme` brings it up to date\n");
      return 1;
    }
    await Deno.writeTextFile(path, fresh);
    return 0;
  },
});

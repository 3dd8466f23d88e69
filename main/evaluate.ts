/** molstep evaluate */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { depictionGrid } from "../chem/depict.ts";
import { REFINES } from "../chem/refinement/refine.ts";
import type { Rdkit } from "../chem/rdkit.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import type { Evaluation } from "../model/evaluation/evaluate.ts";
import { evaluateModel, planEvaluation } from "../model/evaluation/evaluate_model.ts";
import { refinementLine } from "../model/evaluation/evaluate_refined.ts";
import { evaluationChart, evaluationTable } from "../model/evaluation/evaluate_report.ts";
import { recordEvaluation } from "../model/evaluation/record.ts";
import { command } from "./command.ts";
import { dataFolder, findModel } from "./models.ts";
import { flag, list, option, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";
import { gridOf, samplingOptions } from "./sampling_options.ts";

/** A model measured. */
export const evaluateCommand = command({
  summary:
    "Measures a model: stability, validity, uniqueness, novelty, with 95 % intervals, and distances from the data.",
  options: {
    ...samplingOptions,
    count: option(
      "N",
      "molecules to draw; 10000 for a row that is published (default 10000)",
      whole(1).default(10_000),
    ),
    decoding: option(
      "NAMES",
      `${DECODINGS.join(" or ")}, or several with commas: each measured on the same latents (default: the card's)`,
      list(z.enum(DECODINGS)).optional(),
    ),
    seed: option("N", "(default 1)", whole(0, 0xffffffff).default(1)),
    out: option("PREFIX", "writes PREFIX.json, PREFIX.svg and PREFIX-molecules.svg", z.string().min(1).optional()),
    refine: option(
      "NAME",
      `${REFINES.join(", ")}: measures the molecules once more, refined, after the model's own (default none)`,
      z.enum(REFINES).default("none"),
    ),
    likelihood: option(
      "N",
      "also the log-likelihood of N molecules of the test split and N of the training split, by the probability-flow ODE: takes the data set",
      whole(1).optional(),
    ),
    record: flag("enter the result in the model's card"),
  },
  async run(values, terminal) {
    const { count, steps, out, backend, threads, precision, batch, refine } = values, { signal } = terminal;
    const entry = await findModel(values.model, undefined, dataFolder(terminal.environment)), { card, folder } = entry;
    const grid = gridOf(values.grid), options = values["sampler-options"];
    const plan = planEvaluation(card, { ...values, decoding: undefined, grid, options }, values.decoding);
    const { sampler, decoding: first } = plan.request.settings;
    if (values.record && sampler === "distilled" && entry.studentFolders?.has(steps)) {
      throw new UsageError(
        `the student of ${steps} steps is the data directory's: the card in ${folder} does not speak of it`,
      );
    }
    const likelihood = values.likelihood === undefined
      ? undefined
      : { data: await openDataSet(card.dataSet), count: values.likelihood };
    const progress = createProgress(terminal);
    await evaluateModel(entry, plan, {
      ...{ backend, threads, precision, batch, refine, signal, likelihood },
      onProgress: (fraction, drawn) => progress.update(fraction, `${drawn} of ${count} molecules`),
      onFault: (error) => terminal.error(`${error.message}; going on without\n`),
      async onResult(result, { rdkit, compared, refined }) {
        const { decoding } = result.settings, own = decoding === first && !refined;
        if (own) progress.end();
        if (own && !compared) terminal.error("no reference found: novelty and distances are left out\n");
        terminal.out(evaluationTable(result));
        if (refined) terminal.out(`${refinementLine(refined, count)}\n`);
        if (out) await writeResult(own ? out : `${out}-${refined ? "refined" : decoding}`, result, rdkit);
        // A card tells what the model does by itself.
        if (values.record && !refined) await recordEvaluation(folder, result);
      },
    });
    return 0;
  },
});

/** The result as JSON, its bars and its first molecules. */
async function writeResult(prefix: string, result: Evaluation, rdkit: Rdkit): Promise<void> {
  const folder = dirname(prefix);
  if (!existsSync(folder)) await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${prefix}.json`, JSON.stringify(result, null, 2) + "\n");
  await Deno.writeTextFile(`${prefix}.svg`, evaluationChart(result));
  await Deno.writeTextFile(`${prefix}-molecules.svg`, depictionGrid(rdkit, result.examples, { columns: 8 }));
}

/** molstep evaluate */
import { dirname } from "node:path";
import { z } from "zod";
import { depictionGrid } from "../chem/depict.ts";
import { createComposition } from "../chem/composition.ts";
import { createRdkit, type Rdkit } from "../chem/rdkit.ts";
import { createValidator } from "../chem/validator.ts";
import { createValidatorPool } from "../chem/validator_pool.ts";
import { alsoDecode } from "../model/evaluation/also_decode.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { evaluate, type Evaluation } from "../model/evaluation/evaluate.ts";
import { findReference } from "../model/evaluation/evaluate_reference.ts";
import { evaluationChart, evaluationTable } from "../model/evaluation/evaluate_report.ts";
import { loadModel } from "../model/models/load.ts";
import { acceptOrder } from "../model/generation/order.ts";
import { generateMolecules } from "../model/generation/pipeline.ts";
import { recordEvaluation } from "../model/evaluation/record.ts";
import { command } from "./command.ts";
import { gridOf, samplingOptions, WORTH_WORKERS } from "./generate.ts";
import { dataFolder, findModel } from "./models.ts";
import { flag, option, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";

/** Molecules whose order is settled together: many, so that batches of one size are full. */
const WINDOW = 2048;

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
      z.string().transform((names) => names.split(",")).pipe(z.array(z.enum(DECODINGS)).min(1)).optional(),
    ),
    seed: option("N", "(default 1)", whole(0, 0xffffffff).default(1)),
    out: option("PREFIX", "writes PREFIX.json, PREFIX.svg and PREFIX-molecules.svg", z.string().min(1).optional()),
    record: flag("enter the result in the model's card"),
  },
  async run(values, terminal) {
    const { count, seed, steps, out } = values, { signal } = terminal;
    const entry = await findModel(values.model, undefined, dataFolder(terminal.environment)), { card, folder } = entry;
    // Every decoding named is checked against the card; the first is sampled for, the others share its latents.
    const [request] = (values.decoding ?? [undefined]).map((decoding) =>
      acceptOrder(card, {
        count,
        seed,
        steps,
        sampler: values.sampler,
        grid: gridOf(values.grid),
        options: values["sampler-options"],
        decoding,
        clamp: values.clamp,
      })
    );
    const { settings: { sampler, grid, options, decoding, clamp } } = request;
    if (values.record && sampler === "distilled" && entry.studentFolders?.has(steps)) {
      throw new UsageError(
        `the student of ${steps} steps is the data directory's: the card in ${folder} does not speak of it`,
      );
    }
    const others = [...new Set(values.decoding?.slice(1))].filter((other) => other !== decoding);
    const [model, rdkit, reference] = await Promise.all([
      loadModel(entry, values),
      createRdkit(),
      findReference([folder]),
    ]);
    const validate = createValidator(rdkit), detail = { inchikey: false };
    const pool = createValidatorPool({
      validate,
      workers: count < WORTH_WORKERS ? 0 : undefined,
      onFault: (error) => terminal.error(`${error.message}; going on without\n`),
    });
    const observed = alsoDecode(model, others);
    const progress = createProgress(terminal);
    const counters = new Map([decoding, ...others].map((each) => [each, createComposition(rdkit)]));
    const generation = generateMolecules(observed.model, request, {
      validate: pool,
      detail,
      signal,
      window: WINDOW,
      onProgress: (fraction) => progress.update(fraction, `${generation.drawn} of ${count} molecules`),
    });
    const backend = model.backend.name;
    const settings = {
      model: card.name,
      version: card.version,
      steps,
      sampler,
      grid,
      options,
      decoding,
      clamp,
      seed,
      count,
      backend,
    };
    const told = async (result: Evaluation, prefix?: string) => {
      terminal.out(evaluationTable(result));
      if (prefix) await writeResult(prefix, result, rdkit);
      if (values.record) await recordEvaluation(folder, result);
    };
    try {
      const result = await evaluate(generation.windows, {
        settings,
        reference,
        groups: counters.get(decoding),
        generationMs: () => generation.timings.sampleMs + generation.timings.decodeMs,
        signal,
      });
      progress.end();
      if (!reference) terminal.error("no reference found: novelty and distances are left out\n");
      await told(result, out);
      for (const [other, molecules] of observed.others) {
        const judged = molecules.map((molecule) => ({ molecule, validation: validate(molecule, detail) }));
        const again = await evaluate(once(judged), {
          settings: { ...settings, decoding: other },
          reference,
          groups: counters.get(other),
          signal,
        });
        const { moleculesPerSecond } = result; // of the sampling, which they share
        await told({ ...again, moleculesPerSecond }, out && `${out}-${other}`);
      }
      return 0;
    } finally {
      for (const counter of counters.values()) counter.close();
      pool.close();
      model.dispose();
    }
  },
});

/** A batch as a stream. */
async function* once<T>(batch: T): AsyncGenerator<T, void, void> {
  await Promise.resolve();
  yield batch;
}

/** The result as JSON, its bars and its first molecules. */
async function writeResult(prefix: string, result: Evaluation, rdkit: Rdkit): Promise<void> {
  await Deno.mkdir(dirname(prefix), { recursive: true });
  await Deno.writeTextFile(`${prefix}.json`, JSON.stringify(result, null, 2) + "\n");
  await Deno.writeTextFile(`${prefix}.svg`, evaluationChart(result));
  await Deno.writeTextFile(`${prefix}-molecules.svg`, depictionGrid(rdkit, result.examples, { columns: 8 }));
}

/** molstep evaluate */
import { dirname } from "node:path";
import { z } from "zod";
import { depictionGrid } from "../chem/depict.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator } from "../chem/validator.ts";
import { evaluate } from "../model/evaluate.ts";
import { findReference } from "../model/evaluate_reference.ts";
import { evaluationChart, evaluationTable } from "../model/evaluate_report.ts";
import { loadModel } from "../model/load.ts";
import { acceptOrder } from "../model/order.ts";
import { generateMolecules } from "../model/pipeline.ts";
import { recordEvaluation } from "../model/record.ts";
import { command } from "./command.ts";
import { gridOf, samplingOptions } from "./generate.ts";
import { findModel } from "./models.ts";
import { flag, option, whole } from "./options.ts";
import { createProgress } from "./progress.ts";

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
    seed: option("N", "(default 1)", whole(0, 0xffffffff).default(1)),
    out: option("PREFIX", "writes PREFIX.json, PREFIX.svg and PREFIX-molecules.svg", z.string().min(1).optional()),
    record: flag("enter the result in the model's card"),
  },
  async run(values, terminal) {
    const { count, seed, steps, out } = values, { signal } = terminal;
    const { card, folder } = await findModel(values.model);
    const request = acceptOrder(card, {
      count,
      seed,
      steps,
      sampler: values.sampler,
      grid: gridOf(values.grid),
      options: values["sampler-options"],
      decoding: values.decoding,
    });
    const { settings: { sampler, grid, options, decoding } } = request;
    const [model, rdkit, reference] = await Promise.all([
      loadModel(folder, values),
      createRdkit(),
      findReference([folder]),
    ]);
    const progress = createProgress(terminal);
    const generation = generateMolecules(model, request, {
      validate: createValidator(rdkit),
      detail: { inchikey: false },
      signal,
      onProgress: (fraction) => progress.update(fraction, `${generation.drawn} of ${count} molecules`),
    });
    try {
      const result = await evaluate(generation.windows, {
        settings: {
          model: card.name,
          version: card.version,
          steps,
          sampler,
          grid,
          options,
          decoding,
          seed,
          count,
          backend: model.backend.name,
        },
        reference,
        generationMs: () => generation.timings.sampleMs + generation.timings.decodeMs,
        signal,
      });
      progress.end();
      terminal.out(evaluationTable(result));
      if (!reference) terminal.error("no reference found: novelty and distances are left out\n");
      if (out) {
        await Deno.mkdir(dirname(out), { recursive: true });
        await Deno.writeTextFile(`${out}.json`, JSON.stringify(result, null, 2) + "\n");
        await Deno.writeTextFile(`${out}.svg`, evaluationChart(result));
        await Deno.writeTextFile(`${out}-molecules.svg`, depictionGrid(rdkit, result.examples, { columns: 8 }));
      }
      if (values.record) await recordEvaluation(folder, result);
      return 0;
    } finally {
      model.dispose();
    }
  },
});

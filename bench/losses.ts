/**
 * `deno task bench:losses --models FOLDERS`: losses of trained weights on molecules that they were trained on and on held-out ones, side by side,
 * at uniform times and at those of few-step samplers. Where the two part, the network has begun to remember.
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { openLearner } from "../model/engines/open_learner.ts";
import { readCard } from "../model/models/card.ts";
import { readWeightsFile } from "../model/models/weights.ts";
import { formOf, type LatentForm, QM9_CLASSES } from "../model/networks/heavy_atom/space.ts";
import { sizesOf } from "../model/networks/pair_attention/parameters.ts";
import { loadExamples } from "../model/training/data.ts";
import { list, option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { HELD_OUT_TIMES, heldOutBatches } from "./held_out.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { meanError } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand, toldModel } from "./told.ts";

const OPTIONS = {
  models: option("FOLDERS", "set apart by commas (default weights/qm9)", list(z.string()).default(["weights/qm9"])),
  molecules: option("N", "of each kind (default 4096)", whole(128).default(4096)),
  threads: option("N", "(default 2)", whole(1).default(2)),
  out: option("FILE", "where results go", z.string().optional()),
};

async function main(args: string[]): Promise<void> {
  const { models, molecules, threads, out } = readOptions(args, OPTIONS);
  const data = await openDataSet();
  const under = { command: toldCommand("bench:losses", args), ...await conditions() };
  console.log(machineLine(under));
  const setsOf = (form: LatentForm) => ({
    "training split": loadExamples(data, data.split.train.subarray(0, 20_000), QM9_CLASSES, form).examples,
    "held out": loadExamples(data, data.split.valid, QM9_CLASSES, form).examples,
  });
  const rows: Row[] = [];
  for (const folder of models) {
    const card = await readCard(folder), { denoiser, autoencoder, coupling, version, space } = card;
    if (denoiser.type !== "pair-attention" || autoencoder.type !== "heavy-atom") {
      throw new RangeError(`the network of a model must be pair-attention; got ${denoiser.type} in ${folder}`);
    }
    const { bytes, tensors: values } = await readWeightsFile(`${folder}/${denoiser.file}`, denoiser.sha256);
    const model = toldModel(folder, card, bytes);
    const { learner } = await openLearner("native", {
      ...{ space, sizes: sizesOf(denoiser), seed: 1, values, threads },
    });
    try {
      const form = formOf(autoencoder), sets = setsOf(form);
      for (const times of HELD_OUT_TIMES) {
        for (const [set, examples] of Object.entries(sets)) {
          const parts: Record<string, number[]> = { total: [], positions: [], scalars: [], bonds: [] };
          for (const groups of heldOutBatches(times, { examples, molecules, coupling, ...form })) {
            const losses = await learner.loss(groups, "params");
            parts.total.push(losses.total);
            for (const [name, value] of Object.entries(losses.parts)) parts[name].push(value);
          }
          const means = Object.entries(parts).map(([name, all]) => [name, meanError(all).mean]);
          rows.push({ model, version, times, set, ...Object.fromEntries(means), error: meanError(parts.total).error });
        }
      }
    } finally {
      learner.dispose();
    }
  }
  const result = { bench: "losses", settings: { molecules }, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "losses");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);

/** A training run small enough for a test: two molecules, 16 channels, one block, on the cpu backend. Also a program. */
import * as tf from "@tensorflow/tfjs";
import { initialise, pairAttentionLoss } from "../../../model/networks/pair_attention/denoiser.ts";
import { pairAttentionParameters } from "../../../model/networks/pair_attention/parameters.ts";
import { makeGroups } from "../../../model/training/batches.ts";
import { type Group, type Learner } from "../../../model/diffusion/learner.ts";
import { RUN_SCHEDULE, runSchedule, runSpace } from "../../../model/training/settings.ts";
import { createTensorflowLearner } from "../../../model/engines/tensorflow/tensorflow_learner.ts";
import { train, type TrainOptions, type TrainResult } from "../../../model/training/train.ts";
import { smallExamples } from "./molecules.ts";

/** Settings as `runTraining` writes them. */
export const tinySettings = { model: "tiny", width: 16, blocks: 1, batch: 4, seed: 3 };

export async function tinyLearner(): Promise<Learner> {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  const space = runSpace(), sizes = { width: tinySettings.width, blocks: tinySettings.blocks };
  return createTensorflowLearner<Group>(tf, {
    backend: "cpu",
    specs: pairAttentionParameters(space, sizes),
    values: initialise(space, sizes, tinySettings.seed),
    loss: (params, group) => pairAttentionLoss(tf, space, sizes, params, group),
  });
}

export function tinyGroups(update: number): Group[] {
  const { batch, seed } = tinySettings;
  return makeGroups({ examples: smallExamples(), batch, seed, update, schedule: runSchedule() });
}

/** Trains the tiny network in `folder`. */
export async function tinyRun(folder: string, options: Partial<TrainOptions<Group>>): Promise<TrainResult> {
  const learner = options.learner ?? await tinyLearner();
  try {
    return await train({
      learner,
      makeGroups: tinyGroups,
      validation: tinyGroups(1000),
      folder,
      settings: { ...tinySettings, schedule: RUN_SCHEDULE, sizes: { "3": 1, "4": 1 } },
      logEvery: 2,
      ...options,
    });
  } finally {
    if (!options.learner) learner.dispose();
  }
}

// tiny_run.ts FOLDER UPDATES: trains, a checkpoint after every update, and says how far it is, for a test to kill.
if (import.meta.main) {
  const [folder, updates] = Deno.args;
  await tinyRun(folder, {
    updates: Number(updates),
    resume: true,
    checkpointSeconds: 0,
    onProgress: ({ update }) => console.log(update),
  });
}

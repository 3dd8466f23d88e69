/** Training of a regressor on its half of QM9, from molecules to checkpoints, a learning curve and a card. */
import { z } from "zod";
import { halvesOf } from "../../../chem/halves.ts";
import { PROPERTIES, PROPERTY_NAMES } from "../../../chem/properties.ts";
import { openQm9 } from "../../../chem/qm9.ts";
import { writeAtomically } from "../../diffusion/files.ts";
import { averagesOf, type Losses } from "../../diffusion/learner.ts";
import { whileOwned } from "../../diffusion/lock.ts";
import { writeSafetensors } from "../../diffusion/safetensors.ts";
import { strict } from "../../diffusion/strict.ts";
import { openLearner, type Trainer } from "../../engines/open_learner.ts";
import { QM9_CLASSES } from "../../networks/heavy_atom/space.ts";
import { writeLearningCurve } from "../curve.ts";
import { readFirstValues } from "../first_values.ts";
import { createProgress } from "../progress.ts";
import { train, type TrainResult } from "../train.ts";
import { drawLabelled, labelledGroups, loadValued, REGRESSOR_SPACE } from "./batches.ts";
import { composition, fitLabels } from "./labels.ts";
import { createRegressorLearner } from "./learner.ts";

/** Settings that decide a run's numbers. */
export const regressorSettings = strict({
  width: z.int().min(16).multipleOf(16).default(128),
  blocks: z.int().min(1).max(64).default(5),
  batch: z.int().min(1).default(64),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  muon: z.number().positive().default(0.02),
  adamw: z.number().positive().default(2e-3),
  emaLimit: z.number().min(0).lt(1).default(0.999),
});

/** Checked settings. */
export type RegressorSettings = z.infer<typeof regressorSettings>;

/** The settings' names. */
export const REGRESSOR_CHOICES = Object.keys(regressorSettings.shape) as (keyof RegressorSettings)[];

/** What is left of properties at most while learning, in standard deviations: a few molecules of QM9 lie far off. */
const CLIP = 10;

/** The files of a trained regressor. */
export const REGRESSOR_CARD = "regressor.json", REGRESSOR_FILE = "regressor.safetensors";

/** What a regressor's folder says of it. */
export const regressorCard = strict({
  width: z.int(),
  blocks: z.int(),
  atoms: z.array(z.array(z.number())),
  scales: z.array(z.number()),
  updates: z.int(),
  molecules: z.int(),
  minutes: z.number(),
});

/** What the command takes. */
export interface RegressorOptions extends Partial<RegressorSettings> {
  readonly folder: string;
  /** Of training, over all resumes; or updates. */
  readonly minutes?: number;
  readonly updates?: number;
  readonly resume?: boolean;
  /** The folder of a regressor of the same size whose weights are begun with. */
  readonly from?: string;
  readonly backend?: Trainer;
  readonly threads?: number;
  readonly data?: string;
  readonly write: (text: string) => void;
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
  readonly validateSeconds?: number;
  /** Molecules of the validation split that the curve is measured on. Default 2048. */
  readonly heldOut?: number;
}

const encoder = new TextEncoder();

/** Absolute errors in units, in a line. */
function errorLine(parts: Readonly<Record<string, number>>, scales: readonly number[]): string {
  return PROPERTY_NAMES.map((name, p) => `${name} ${(parts[name] * scales[p]).toPrecision(3)} ${PROPERTIES[name].unit}`)
    .join(", ");
}

/**
 * Trains, or goes on with `resume`. The folder gets checkpoints, losses and, at the end, the averaged weights and a card.
 *
 * @throws as `train`
 */
export async function runRegressor(options: RegressorOptions): Promise<TrainResult> {
  const { folder } = options;
  return await whileOwned(folder, () => trainIn(folder, options));
}

async function trainIn(folder: string, options: RegressorOptions): Promise<TrainResult> {
  const { write, terminal = false, heldOut = 2048 } = options;
  const chosen = REGRESSOR_CHOICES.flatMap((name) => options[name] === undefined ? [] : [[name, options[name]]]);
  const settings = regressorSettings.parse(Object.fromEntries(chosen)),
    { width, blocks, muon, adamw, emaLimit } = settings;
  const data = await openQm9(options.data), { regressor } = halvesOf(data.split.train);
  const set = loadValued(data, regressor), valid = loadValued(data, data.split.valid.subarray(0, heldOut));
  const compositions = set.values.map((_, k) => composition(set.examples.example(k), QM9_CLASSES.length));
  const labelling = fitLabels(compositions, set.values);
  const { learner: network, why } = await openLearner(options.backend ?? "auto", {
    space: REGRESSOR_SPACE,
    sizes: { width, blocks },
    seed: settings.seed,
    threads: options.threads,
    values: options.from === undefined
      ? undefined
      : (await readFirstValues(`${options.from}/${REGRESSOR_FILE}`)).values,
  });
  const learner = createRegressorLearner(network, REGRESSOR_SPACE);
  let heard: Losses | undefined;
  try {
    write(`learns on ${learner.backend} (${why}) from ${set.examples.count} molecules\n`);
    const progress = createProgress({ write, terminal });
    const validation = labelledGroups(valid, [...valid.values.keys()], labelling);
    const result = await train({
      learner: { ...learner, loss: async (groups, which) => heard = await learner.loss(groups, which) },
      makeGroups: (update) =>
        drawLabelled(set, labelling, { ...settings, update }).map((group) => ({
          ...group,
          labels: group.labels.map((label) => Math.max(-CLIP, Math.min(CLIP, label))),
        })),
      validation,
      settings,
      folder,
      minutes: options.minutes,
      updates: options.updates,
      resume: options.resume,
      muon,
      adamw,
      emaLimit,
      rates: { warmup: 200, cooldown: 1 },
      signal: options.signal,
      validateSeconds: options.validateSeconds,
      onProgress: progress.onProgress,
      onValidated: () => Promise.resolve(write(`held out: ${errorLine(heard!.parts, labelling.scales)}\n`)),
    });
    progress.end();
    await writeLearningCurve(folder);
    const { update: updates, seconds } = result, molecules = updates * settings.batch;
    const card = { width, blocks, ...labelling, updates, molecules, minutes: seconds / 60 };
    const weights = writeSafetensors(averagesOf(await network.state()), { dtype: "F16" });
    await writeAtomically(`${folder}/${REGRESSOR_FILE}`, weights);
    await writeAtomically(`${folder}/${REGRESSOR_CARD}`, encoder.encode(JSON.stringify(card)));
    return result;
  } finally {
    learner.dispose();
  }
}

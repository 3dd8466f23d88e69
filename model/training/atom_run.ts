/** Trains GeoLDM (its autoencoder, then diffusion of its latents) or EDM on QM9 with TensorFlow.js. */
import { existsSync } from "node:fs";
import type * as tfjs from "@tensorflow/tfjs";
import { DEFAULT_DATA_SET, openDataSet } from "../../chem/data_sets.ts";
import { openBackend } from "../engines/tensorflow/open.ts";
import type { BackendChoice } from "../engines/tensorflow/types.ts";
import type { Tf } from "../networks/tf.ts";
import { egnnDenoiserParameters } from "../networks/egnn_denoiser.ts";
import { geoldmParameters } from "../networks/geoldm/networks.ts";
import { initialValues } from "../networks/pair_attention/initialise.ts";
import { toTensors } from "../networks/pair_attention/denoiser.ts";
import type { Tensors } from "../networks/pair_attention/layers.ts";
import type { LossTensors } from "../networks/pair_attention/loss.ts";
import type { ParameterSpec } from "../networks/pair_attention/parameters.ts";
import { type AtomGroup, type AtomSet, atomSet, makeAtomGroup } from "./atom_batches.ts";
import {
  alignedGroup,
  autoencoderLoss,
  cleanValues,
  denoisingLoss,
  posteriorLatents,
  scaledAtoms,
} from "./atom_losses.ts";
import {
  ATOM_SCHEDULE,
  atomSchedule,
  type AtomSettings,
  atomSettings,
  atomSpace,
  autoencoderSizes,
  denoiserSizes,
  NORMALISERS,
} from "./atom_settings.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { writeAtomically } from "../diffusion/files.ts";
import { whileOwned } from "../diffusion/lock.ts";
import { writeLearningCurve } from "./curve.ts";
import { atomMoments, LATENTS } from "./moments.ts";
import { createProgress } from "./progress.ts";
import { createTensorflowLearner } from "../engines/tensorflow/tensorflow_learner.ts";
import { train, type TrainOptions, type TrainResult } from "./train.ts";

/** What the run takes beside its settings. */
export interface AtomRunOptions {
  /** Where the run's files go: `autoencoder/` (GeoLDM) and `denoiser/`. */
  readonly folder: string;
  /** Time or updates of the denoiser. */
  readonly minutes?: number;
  readonly updates?: number;
  /** Share of these that the autoencoder gets before, on top. Default 0.25. */
  readonly autoencoderShare?: number;
  readonly resume?: boolean;
  readonly backend?: BackendChoice;
  /** QM9 in compact form; without it, where it is found. */
  readonly data?: string;
  readonly write: (text: string) => void;
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
}

/** One network of a run. */
interface Stage {
  readonly name: "autoencoder" | "denoiser";
  readonly specs: readonly ParameterSpec[];
  readonly loss: (params: Tensors, group: AtomGroup) => LossTensors;
  /** What is done to a group before it is learned from. */
  readonly ready?: (group: AtomGroup) => Promise<AtomGroup>;
  /** Share of the run's minutes or updates. */
  readonly share: number;
}

/** What the stages of a run have in common. */
interface Setting {
  readonly tf: Tf;
  readonly backend: string;
  readonly settings: AtomSettings;
  readonly options: AtomRunOptions;
  readonly data: { readonly train: AtomSet; readonly valid: AtomSet };
}

/** Seed of the held-out batches: the same for every run. */
const HELD_OUT_SEED = 20_101;

async function runStage({ tf, backend, settings, options, data }: Setting, stage: Stage): Promise<TrainResult> {
  const { name, specs, loss, ready = (group) => Promise.resolve(group), share } = stage,
    { batch, seed, adamw, clip, emaLimit, warmup, cooldown } = settings;
  const schedule = atomSchedule(), space = atomSpace(settings), { timesteps } = ATOM_SCHEDULE;
  const group = (set: AtomSet, size: number, seed: number) => async (update: number) => [
    await ready(makeAtomGroup({ set, space, batch: size, seed, update, schedule, timesteps })),
  ];
  const learner = createTensorflowLearner<AtomGroup>(tf, { backend, specs, values: initialValues(specs, seed), loss });
  const { write, terminal = false, signal } = options, progress = createProgress({ write, terminal });
  const folder = `${options.folder}/${name}`;
  write(`${name}: trains on ${backend}\n`);
  try {
    const limits: Pick<TrainOptions<AtomGroup>, "minutes" | "updates"> = {
      ...(options.minutes ? { minutes: options.minutes * share } : {}),
      ...(options.updates ? { updates: Math.max(1, Math.round(options.updates * share)) } : {}),
    };
    const result = await train<AtomGroup>({
      learner,
      makeGroups: group(data.train, batch, seed),
      validation: (await Promise.all(
        Array.from({ length: 8 }, (_, k) => group(data.valid, Math.min(batch, 32), HELD_OUT_SEED)(k)),
      )).flat(),
      settings: {
        ...settings,
        schedule: ATOM_SCHEDULE,
        sizes: Object.fromEntries([...data.train.sizes].map(([size, rows]) => [size, rows.length])),
      },
      folder,
      resume: options.resume,
      adamw,
      clip,
      emaLimit,
      rates: { warmup, cooldown },
      onProgress: progress.onProgress,
      onPassedOver: (why) => write(`${why}\n`),
      ...limits,
      ...(signal ? { signal } : {}),
    });
    progress.end();
    await writeLearningCurve(folder);
    return result;
  } finally {
    learner.dispose();
  }
}

/** The averaged weights of a finished stage, on the device. */
async function averaged(tf: Tf, folder: string, specs: readonly ParameterSpec[]): Promise<Record<string, tfjs.Tensor>> {
  const checkpoint = await loadCheckpoint(folder);
  if (!checkpoint) throw new RangeError(`${folder} holds no checkpoint of a run`);
  const { tensors } = checkpoint.state;
  return toTensors(tf, specs, new Map(specs.map(({ name }) => [name, tensors.get(`ema/${name}`)!])));
}

/**
 * Trains the stages that are not finished yet. With `resume`, a run that was stopped goes on where it was.
 *
 * @throws RangeError for options that make no sense; FolderInUseError where another process trains there; DivergedError
 * where the loss is no number
 */
export async function runAtomTraining(asked: Partial<AtomSettings>, options: AtomRunOptions): Promise<TrainResult> {
  return await whileOwned(options.folder, () => trainStages(asked, options));
}

async function trainStages(asked: Partial<AtomSettings>, options: AtomRunOptions): Promise<TrainResult> {
  const settings = atomSettings.parse(asked), specs = geoldmParameters(autoencoderSizes(settings));
  const { name: backend, tf, why } = await openBackend(options.backend ?? "auto");
  options.write(`TensorFlow.js on ${backend} (${why})\n`);
  const qm9 = await openDataSet(options.data);
  if (qm9.chemistry !== "edm") {
    throw new RangeError(
      `data of ${settings.kind} must be ${DEFAULT_DATA_SET}, whose bonds are told by distances; got ${qm9.name}`,
    );
  }
  const data = { train: atomSet(qm9, qm9.split.train), valid: atomSet(qm9, qm9.split.valid) };
  const setting: Setting = { tf, backend, settings, options, data };
  let clean = scaledAtoms(tf, NORMALISERS), frozen: Record<string, tfjs.Tensor> = {};
  if (settings.kind === "geoldm") {
    const sizes = autoencoderSizes(settings), share = options.autoencoderShare ?? 0.25;
    const loss = autoencoderLoss(tf, sizes, settings.klWeight);
    const result = await runStage(setting, { name: "autoencoder", specs, loss, share });
    if (!result.finished) return result;
    frozen = await averaged(tf, `${options.folder}/autoencoder`, specs);
    clean = posteriorLatents(tf, frozen, sizes);
  }
  try {
    const sizes = denoiserSizes(settings), ofDenoiser = egnnDenoiserParameters(atomSpace(settings), sizes);
    const loss = denoisingLoss(tf, sizes, clean), space = atomSpace(settings);
    const ready = settings.coupling === "aligned"
      ? (group: AtomGroup) => alignedGroup(tf, clean, space, group)
      : undefined;
    const result = await runStage(setting, { name: "denoiser", specs: ofDenoiser, loss, ready, share: 1 });
    // The data and the encoder are those of the whole run: what an earlier start has measured stands.
    const path = `${options.folder}/denoiser/${LATENTS}`;
    if (!existsSync(path)) {
      const latents = await atomMoments(data.train, space, (group) => cleanValues(tf, clean, group));
      await writeAtomically(path, new TextEncoder().encode(JSON.stringify(latents)));
    }
    return result;
  } finally {
    tf.dispose(frozen);
  }
}

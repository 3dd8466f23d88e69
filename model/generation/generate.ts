/**
 * From a seed to molecules. Molecule `i` of a seed has its own random streams for its size, its noise and its decoding,
 * so it comes out the same whatever else is asked of the device. Batches are made up from the request alone, so even the
 * rounding is the same; only calls of networks whose rounding knows no company are shared between requests (`batching.ts`).
 */
import { breather } from "../../chem/breathe.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { realigner } from "../diffusion/coupling/align.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { GivenPart } from "../diffusion/fixed.ts";
import { makeGrid } from "../diffusion/grids.ts";
import type { Lease, Model } from "../models/load.ts";
import type { SharedCalls } from "./batching.ts";
import { checkLatents, conditionsAt, type Estimate, late } from "./rows.ts";
import type { OnStage } from "./stages.ts";
import type { TurnOptions } from "./queue.ts";
import type { Turn } from "./turn.ts";
import { moleculeNoise } from "../diffusion/noise.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import { type Effort, mostCalls, type Parallel, runParallel, uncalled } from "../diffusion/samplers/parallel.ts";
import { resampled, type Resampling } from "../diffusion/samplers/resample.ts";
import {
  type Denoise,
  firstLatents,
  planSampling,
  runPlan,
  type SamplingPlan,
  type Start,
} from "../diffusion/samplers/mod.ts";
import { type Settings, startsOf } from "../models/settings.ts";
import { studentOf } from "../models/weights.ts";
import { drawSize, groupBySize, type SizeBatch, sizeDistribution, type SizeRange } from "../diffusion/sizes.ts";
import type { Schedule } from "../diffusion/types.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { FixedCondition } from "../diffusion/condition.ts";
import { guidanceOf } from "../networks/heavy_atom/guide.ts";

/** What to draw. */
export interface DrawRequest {
  readonly count: number;
  /** Index of the first; 0 where absent. What is drawn in parts is the same as in one, but for rounding that depends on company. */
  readonly first?: number;
  readonly seed: number;
  readonly settings: Settings;
  /** The plan of these settings where it is made already; see `acceptOrder`. */
  readonly plan?: SamplingPlan;
  /** Nodes of the model's latent; the data's distribution where absent. */
  readonly size?: SizeRange;
  /** What of each molecule is given. */
  readonly fixed?: FixedDraw;
  /** What the network is told beside the time: properties, and how far it is guided to them. */
  readonly condition?: Pick<FixedCondition, "properties" | "guidance">;
  /** What whoever asked is to be told of it. */
  readonly warnings?: readonly string[];
  /** Several steps of a molecule at once. Default one after the other. */
  readonly parallel?: Parallel;
}

/** A part that is given, and how the rest is drawn to it. */
export interface FixedDraw extends GivenPart {
  readonly resample?: Resampling;
}

/** The steps of a sampling by these settings. @throws RangeError where the grid or the sampler's options make none */
export const planSettings = (
  { algorithm, grid, steps, options }: Omit<Settings, "sampler" | "decoding" | "clamp" | "autoguidance">,
  schedule: Schedule,
): SamplingPlan => planSampling(algorithm, schedule, makeGrid(grid, steps, schedule), options);

/** The plan by which a fixed part is drawn about. @throws RangeError as {@link resampled} */
export const resampledPlan = (plan: SamplingPlan, fixed?: Pick<FixedDraw, "resample">): SamplingPlan =>
  fixed?.resample ? resampled(plan, fixed.resample) : plan;

/** A batch of molecules of one size, as drawn. */
export interface DrawnBatch {
  /** Which of the request's molecules these are. */
  readonly indices: readonly number[];
  readonly molecules: readonly Molecule[];
  /** How each was decoded: as asked, or by `argmax` where no graph was found for it. */
  readonly decodings: readonly Decoding[];
  /** Whether `valence` repaired each: its likeliest graph broke a valence, or distances by `argmax` mean other bonds. */
  readonly repaired: readonly boolean[];
  /** What each took, where several of its steps were called for at once. */
  readonly efforts?: readonly Effort[];
  /** On the device; what was spent waiting for it is not counted. */
  readonly sampleMs: number;
  readonly decodeMs: number;
  /** It is the last of its window. */
  readonly last: boolean;
}

/** Runs work on the device when it is free; see `queue.ts`. */
export type TakeTurn = <T>(work: (turn: Turn) => Promise<T>, options?: TurnOptions) => Promise<T>;

/** How to draw. */
export interface DrawOptions {
  readonly signal?: AbortSignal;
  /** The device's queue. At once where absent. */
  readonly turn?: TakeTurn;
  /** Where its requests share calls; not shared where absent. */
  readonly calls?: SharedCalls;
  /** Others' work goes first, where the denoiser samples by itself. Default false. */
  readonly background?: boolean;
  /** Molecules whose order is settled together. Default 256, or two batches of a denoiser that takes larger ones. */
  readonly window?: number;
  /** Hears how many milliseconds a denoiser that samples by itself took to begin. */
  readonly onWaited?: (ms: number) => void;
  /** Called after each denoiser call, or piece of a batch, with the fraction done, 0 to 1, and that of calls made: less, where molecules did without some. */
  readonly onProgress?: (fraction: number, called: number) => void;
  /** Hears of `sample` and `decode` of each batch. */
  readonly onStage?: OnStage;
  /** Hears of each call of the denoiser. The loop over the steps is then the caller's, whatever the denoiser can do: it draws the same, but slower. */
  readonly onEstimate?: (estimate: Estimate) => void;
  /** What to draw with, taken and released by the caller; a lease of its own where absent. */
  readonly lease?: Lease;
}

/** A lease on the denoiser that serves these settings. @throws NotDistilledError */
export function leaseFor(model: Model, { sampler, steps }: Pick<Settings, "sampler" | "steps">): Lease {
  const distilled = sampler === "distilled" ? steps : undefined;
  if (model.lease) return model.lease(distilled);
  const { version } = studentOf(model.card, { sampler, steps }) ?? model.card;
  return { version, denoiser: model.denoiser(distilled), release() {} };
}

const atOnce: TakeTurn = (work) =>
  work({ yield: nothing, held: true, pass() {}, wait: nothing, served() {}, waitedMs: 0 });

const nothing = () => Promise.resolve();

/**
 * Draws molecules in windows of `window` indices, each window grouped by size into batches of at most `model.batch`.
 *
 * @throws RangeError where the request is impossible (sizes, steps), the signal's reason where it is aborted
 */
export async function* draw(
  model: Model,
  request: DrawRequest,
  { lease, ...options }: DrawOptions = {},
): AsyncGenerator<DrawnBatch, void, void> {
  const own = lease ?? leaseFor(model, request.settings);
  try {
    yield* drawWith(own, model, request, options);
  } finally {
    if (!lease) own.release();
  }
}

async function* drawWith(
  lease: Lease,
  model: Model,
  { plan: made, count, first = 0, seed, settings, size, fixed, condition, parallel }: DrawRequest,
  options: Omit<DrawOptions, "lease">,
): AsyncGenerator<DrawnBatch, void, void> {
  const { onProgress, onStage = () => {} } = options;
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer; got ${count}`);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new RangeError(`seed must be an integer from 0 to 4294967295; got ${seed}`);
  }
  if (!Number.isInteger(first) || first < 0 || first + count > 2 ** 32) {
    throw new RangeError(`first must be an integer from 0 to 4294967296 - count; got ${first}`);
  }
  const plan = made ?? resampledPlan(planSettings(settings, model.schedule), fixed);
  const distribution = sizeDistribution(model.card, size);
  const denoiser = await lease.denoiser;
  const { appetite = 0 } = denoiser.can, most = Math.max(model.batch, appetite);
  // A call of several steps has as many latents as one of a batch.
  const batch = Math.max(1, Math.floor(most / (parallel?.window ?? 1))), calls = mostCalls(plan.length, parallel);
  const window = options.window ?? Math.max(256, 2 * appetite);
  // Where company changes the rounding, windows begin where they do without a `first`, for the same company.
  const begin = denoiser.can.independent ? first : first - first % window, end = first + count;
  let done = 0, all = 0;
  const sampling: Batches = {
    model,
    batch,
    denoiser,
    plan,
    startOf: startsOf(model.card, settings.grid, model.schedule(plan[0].t)),
    seed,
    settings,
    fixed,
    condition: toldOf(condition, settings),
    parallel,
    progress(moleculeSteps, called = moleculeSteps) {
      done += moleculeSteps, all += called;
      const of = (steps: number) => Math.min(1, steps / ((end - begin) * calls));
      onProgress?.(of(done), of(all));
    },
    onStage,
  };
  function* windows(): Generator<SizeBatch[], void, void> {
    for (let from = begin; from < end; from += window) {
      const length = Math.min(window, end - from);
      const sizes = Array.from({ length }, (_, k) => drawSize(distribution, seed, from + k));
      yield groupBySize(sizes, batch, from);
    }
  }
  const { sample, fixes, guides, autoguides } = denoiser.can, here = parallel || options.onEstimate;
  const guided = (!guidanceOf(condition) || guides) && (settings.autoguidance === undefined || autoguides);
  const batches = sample && (!fixed || fixes) && guided && !here
    ? inCrew(sampling, windows(), options)
    : inTurns(sampling, windows(), options);
  if (begin === first) yield* batches;
  else for await (const batch of batches) yield since(first, batch);
}

/** What the network is told, and how its estimates are guided, by its weaker self too. */
const toldOf = (condition: FixedCondition | undefined, { autoguidance }: Pick<Settings, "autoguidance">) =>
  autoguidance === undefined ? condition : { ...condition, autoguidance };

/** What of a batch is not before an index; it may be nothing. */
function since(first: number, batch: DrawnBatch): DrawnBatch {
  if (batch.indices[0] >= first) return batch;
  const kept = <T>(list: readonly T[]) => list.filter((_, k) => batch.indices[k] >= first);
  return {
    ...batch,
    indices: kept(batch.indices),
    molecules: kept(batch.molecules),
    decodings: kept(batch.decodings),
    repaired: kept(batch.repaired),
    efforts: batch.efforts && kept(batch.efforts),
  };
}

/** What all batches of a generation have in common. */
interface Batches {
  readonly model: Model;
  /** Most molecules of one. */
  readonly batch: number;
  readonly denoiser: Denoiser;
  readonly plan: SamplingPlan;
  /** Where it begins for molecules of a size, where that is not at noise alone. */
  readonly startOf: (nodes: number) => Start | undefined;
  readonly seed: number;
  readonly settings: Settings;
  readonly fixed?: GivenPart;
  readonly condition?: FixedCondition;
  readonly parallel?: Parallel;
  /** Hears of molecule-steps that are done, and how many of them were called for. */
  readonly progress: (moleculeSteps: number, called?: number) => void;
  readonly onStage: OnStage;
}

/** A batch of a window. */
interface WindowBatch extends SizeBatch {
  readonly last: boolean;
}

const marked = (window: readonly SizeBatch[]): WindowBatch[] =>
  window.map((batch, k) => ({ ...batch, last: k === window.length - 1 }));

/** Latents to molecules. */
async function decoded(batches: Batches, batch: WindowBatch, x0: Float32Array, signal?: AbortSignal) {
  const { model, seed, settings, fixed, condition, onStage } = batches, { nodes, indices, last } = batch;
  const { decoding } = settings, properties = condition?.properties;
  checkLatents(x0, { model: model.card.name, seed, indices, ...settings });
  const started = performance.now(), streams = indices.map((index) => random(seed, index, PURPOSE.decode));
  const decodings: Decoding[] = indices.map(() => decoding), onFallback = (k: number) => void (decodings[k] = "argmax");
  const repaired = indices.map(() => false), onRepaired = (k: number) => void (repaired[k] = true);
  const shape = { batch: indices.length, nodes },
    options = { decoding, fixed, properties, signal, onFallback, onRepaired };
  const molecules = await model.autoencoder.decode(x0, shape, streams, options);
  const ended = performance.now();
  onStage({ name: "decode", from: started, to: ended, molecules: molecules.length });
  return { indices, molecules, decodings, repaired, last, decodeMs: ended - started };
}

/** Batch after batch, with the loop over the steps here: each call of the denoiser waits for its turn on the device. */
async function* inTurns(
  batches: Batches,
  windows: Iterable<SizeBatch[]>,
  { signal, turn = atOnce, calls, onEstimate }: DrawOptions,
): AsyncGenerator<DrawnBatch, void, void> {
  const { model, denoiser, plan, startOf, seed, settings, fixed, condition, parallel } = batches;
  const { autoencoder, card: { coupling } } = model;
  const shared = denoiser.can.independent ? calls : undefined, pause = breather();

  const drawBatch = async (batch: WindowBatch, turn: Turn): Promise<DrawnBatch> => {
    const { nodes, indices } = batch, shape = { batch: indices.length, nodes }, space = denoiser.space;
    const noise = moleculeNoise(space, nodes, seed, indices);
    const fix = (x: Float32Array, of: "estimate" | "start", rows = shape) =>
      fixed && autoencoder.fix?.(x, rows, fixed.part, of);
    const waitedBefore = turn.waitedMs;
    /** Of latents at a time each. */
    const estimate = async (z: Float32Array, times: readonly number[]): Promise<Float32Array> => {
      signal?.throwIfAborted();
      if (!shared) await turn.yield();
      const rows = { batch: times.length, nodes }, conditions = conditionsAt(times, condition);
      const x0 = shared
        ? await shared.predict(turn, { denoiser, z, shape: rows, conditions }, { limit: model.batch })
        : await denoiser.predict(z, rows, conditions);
      fix(x0, "estimate", rows);
      for (const { stretch, batch } of late(x0, times, settings.clamp)) {
        await autoencoder.clamp?.(stretch, { batch, nodes }, { signal, fixed: fixed?.part });
      }
      batches.progress(times.length);
      // An engine works beside this thread, whose event loop turns meanwhile.
      if (!denoiser.can.independent) await pause();
      return x0;
    };
    const denoise: Denoise = async (z, time) => {
      const x0 = await estimate(z, indices.map(() => time));
      onEstimate?.({ time, z, x0, nodes, indices });
      return x0;
    };
    const aligned = realigner(coupling, space, shape, pause), started = performance.now();
    const first = await firstLatents(noise, startOf(nodes), aligned, (x) => fix(x, "start"));
    const inParallel = parallel && await runParallel(
      plan,
      (z, rows) => estimate(z, rows.map(({ step }) => step.t)),
      first,
      noise,
      { ...parallel, batch: indices.length, signal, realign: realigner(coupling, space, { batch: 1, nodes }) },
    );
    const x0 = inParallel?.x0 ?? await runPlan(plan, denoise, first, noise, signal, aligned);
    const ended = performance.now(), sampleMs = ended - started - (turn.waitedMs - waitedBefore);
    batches.onStage({ name: "sample", from: ended - sampleMs, to: ended, molecules: indices.length });
    if (inParallel) batches.progress(uncalled(inParallel.efforts, plan.length, parallel), 0);
    return { ...await decoded(batches, batch, x0, signal), sampleMs, efforts: inParallel?.efforts };
  };

  for (const window of windows) {
    for (const batch of marked(window)) {
      signal?.throwIfAborted();
      yield await turn((mine) => drawBatch(batch, mine), { early: shared !== undefined });
    }
  }
}

/**
 * All batches of a window at once, and those of the next before the last of it are done, where the denoiser samples by itself: it is
 * never without work, and never further ahead than that of whoever takes the molecules.
 */
async function* inCrew(
  batches: Batches,
  windows: Iterator<SizeBatch[]>,
  { signal, background, onWaited }: DrawOptions,
): AsyncGenerator<DrawnBatch, void, void> {
  const {
    model: { autoencoder: { bondSums, charges }, card: { coupling } },
    denoiser,
    plan,
    startOf,
    seed,
    settings,
    fixed,
    condition,
  } = batches;
  const over = new AbortController(), owner = {};
  const all = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  const clamp = bondSums && settings.clamp > 0
    // A part that is given may have a charge of its own.
    ? { below: settings.clamp, bondSums, charges: fixed ? undefined : charges }
    : undefined;

  const begin = (batch: WindowBatch) => {
    const { nodes, indices } = batch, submitted = performance.now();
    const sampled = denoiser.can.sample!(
      {
        shape: { batch: indices.length, nodes },
        plan,
        start: startOf(nodes),
        coupling,
        seed,
        indices,
        clamp,
        fixed: fixed?.part,
        condition,
        background,
      },
      { signal: all, owner, onDone: (molecules) => batches.progress(molecules * plan.length) },
    ).then(({ x0, waitedMs }) => ({ x0, began: submitted + waitedMs, ended: performance.now() }));
    sampled.catch(() => {}); // whoever takes it hears of it
    return { batch, sampled };
  };

  const started = performance.now();
  let ahead: ReturnType<typeof begin>[] = [], until: number | undefined;
  try {
    for (let next = windows.next(); ahead.length > 0 || !next.done;) {
      // Before what is left of one window is too little to keep all workers busy, the next begins.
      while (!next.done && ahead.reduce((sum, { batch }) => sum + batch.indices.length, 0) <= batches.batch) {
        ahead.push(...marked(next.value).map(begin));
        next = windows.next();
      }
      const [{ batch, sampled }, ...rest] = ahead, { x0, began, ended } = await sampled;
      ahead = rest;
      if (until === undefined) onWaited?.(began - started);
      batches.onStage({ name: "sample", from: began, to: ended, molecules: batch.indices.length });
      // The time in which any of it was on its way, each moment counted once.
      const sampleMs = Math.max(0, ended - Math.max(began, until ?? 0));
      until = Math.max(ended, until ?? 0);
      yield { ...await decoded(batches, batch, x0, signal), sampleMs };
    }
  } finally {
    over.abort(new DOMException("nobody waits for the molecules", "AbortError"));
  }
}

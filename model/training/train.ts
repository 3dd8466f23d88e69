/** The training loop: any learner, any batches. */
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { Group, Learner, Losses } from "../diffusion/learner.ts";
import { LOSSES, openLossLog } from "./loss_log.ts";
import { breathe } from "../../chem/breathe.ts";
import { createStandstill } from "./standstill.ts";
import { emaDecay, rateFactor, type RateOptions } from "./schedule.ts";

/** How far a run is. */
export interface Progress {
  /** Updates done. */
  readonly update: number;
  /** Seconds of training, over all resumes. */
  readonly seconds: number;
  /** Molecules seen. */
  readonly molecules: number;
  /** Molecules a second since this process began to train. */
  readonly speed: number;
  /** Share of the run that is over, 0 to 1. */
  readonly fraction: number;
  /** Losses, smoothed over about 50 updates. */
  readonly losses: Losses;
  /** The last validation loss. */
  readonly validation?: number;
}

/** What a run needs. One of `minutes` and `updates` ends it; with both, the first that comes. */
export interface TrainOptions<G> {
  readonly learner: Learner<G>;
  /** The groups of update 0, 1, ...: a function of the update alone, or a resume is not exact. */
  readonly makeGroups: (update: number) => G[] | Promise<G[]>;
  /** Held-out groups, always the same. */
  readonly validation?: G[];
  /** Of training, over all resumes, without those in which the process was stopped. */
  readonly minutes?: number;
  readonly updates?: number;
  /** Where checkpoints and losses go; made where it is missing. */
  readonly folder: string;
  /** Go on from the folder's checkpoint. Without it a folder that has one is refused. */
  readonly resume?: boolean;
  /** Kept in the checkpoint; a resume with others is refused. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Learning rates before the factor of `rateFactor`. */
  readonly muon?: number;
  readonly adamw?: number;
  readonly clip?: number;
  readonly emaLimit?: number;
  readonly rates?: RateOptions;
  readonly checkpointSeconds?: number;
  readonly validateSeconds?: number;
  /** Updates a row of losses.csv. */
  readonly logEvery?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Awaited before each update; what it waits does not count as training. */
  readonly gate?: () => void | Promise<void>;
  /** Share of the run that is over, in place of that of its minutes or updates; the run ends at 1. */
  readonly course?: (update: number, seconds: number) => number;
  /** Awaited after each validation; `finished` after the last. */
  readonly onValidated?: (at: { update: number; seconds: number; loss: number; finished: boolean }) => Promise<void>;
  /** Measure a run that begins before its first update, too. */
  readonly validateFirst?: boolean;
  readonly onSaved?: (update: number) => void;
  /** Called where a run goes on from a checkpoint that is not the newest, with why. */
  readonly onPassedOver?: (why: string) => void;
  /** Ends the run early, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Seconds that only grow; for tests. */
  readonly clock?: () => number;
}

/** Where a run ended. */
export interface TrainResult {
  readonly update: number;
  readonly seconds: number;
  /** Where its updates were made, over all resumes. */
  readonly backends: readonly string[];
  readonly losses: Losses;
  readonly validation?: number;
  /** False where the signal ended it. */
  readonly finished: boolean;
}

/** A loss that is no number: the last checkpoint is good, the run is not. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}

const size = (groups: readonly { shape: { batch: number } }[]) =>
  groups.reduce((sum, { shape }) => sum + shape.batch, 0);

/** Moves smoothed losses a fiftieth of the way towards `fresh`. */
function smooth(old: Losses | undefined, fresh: Losses): Losses {
  if (!old) return fresh;
  const mix = (a: number, b: number) => a + 0.02 * (b - a);
  const parts = Object.entries(fresh.parts).map(([name, part]) => [name, mix(old.parts[name] ?? part, part)]);
  return { total: mix(old.total, fresh.total), parts: Object.fromEntries(parts) };
}

/** Running means for a row of the log. */
function accumulator() {
  let count = 0, sums: Record<string, number> = {};
  return {
    add({ total, parts }: Losses) {
      for (const [name, value] of Object.entries({ total, ...parts })) sums[name] = (sums[name] ?? 0) + value;
      count++;
    },
    /** The means, and a fresh start; undefined where nothing was added. */
    take() {
      if (count === 0) return undefined;
      const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / count]));
      count = 0, sums = {};
      return means;
    },
  };
}

function check<G>({ minutes, updates, muon = 0.02, adamw = 2e-3, clip = 10 }: TrainOptions<G>): void {
  if (minutes === undefined && updates === undefined) {
    throw new RangeError("a run must have minutes or updates; got neither");
  }
  for (const [name, value] of Object.entries({ minutes, updates, muon, adamw, clip })) {
    if (value !== undefined && !(value > 0)) throw new RangeError(`${name} must be above 0; got ${value}`);
  }
}

/**
 * Trains until the minutes or updates are over, or the signal says so. Checkpoints every minute and at the end; the
 * next batch is made while an update runs. Ended by updates, a run that was killed and resumed gives the same weights as one
 * that was not.
 *
 * @throws RangeError for options that make no sense, a folder in use, or a resume with other settings
 * @throws DivergedError where the loss is no longer a number
 */
export async function train<G extends Pick<Group, "shape">>(options: TrainOptions<G>): Promise<TrainResult> {
  check(options);
  const { learner, makeGroups, folder, minutes = Infinity, updates = Infinity, signal, onProgress } = options;
  const { muon = 0.02, adamw = 2e-3, clip = 10, emaLimit = 0.9995, rates, logEvery = 50 } = options;
  const { checkpointSeconds = 60, validateSeconds = 180, clock = () => performance.now() / 1000 } = options;
  const settings = JSON.stringify(options.settings ?? {});
  await Deno.mkdir(folder, { recursive: true });
  const saved = await loadCheckpoint(folder);
  if (saved && !options.resume) {
    throw new RangeError(`${folder} holds a run of ${saved.update} updates: resume it or name another folder`);
  }
  if (saved && saved.settings !== settings) {
    throw new RangeError(`settings must be those of the run in ${folder}: ${saved.settings}; got ${settings}`);
  }
  if (saved?.passedOver) options.onPassedOver?.(saved.passedOver);
  if (saved) await learner.restore(saved.state);

  let update = saved?.update ?? 0, losses: Losses | undefined;
  /** Measured since the last row of the log, and the last one measured. */
  let fresh: number | undefined, validation: number | undefined;
  let groups = await makeGroups(update), paused = 0;
  const batch = size(groups), began = clock(), before = saved?.seconds ?? 0, first = update;
  const came = saved?.backends ?? [], backends = () => update > first ? [...new Set([...came, learner.backend])] : came;
  const elapsed = () => before + clock() - began - paused;
  const fraction = () =>
    Math.min(1, Math.max(update / updates, elapsed() / 60 / minutes, options.course?.(update, elapsed()) ?? 0));
  const log = await openLossLog(
    `${folder}/${LOSSES}`,
    Object.keys((await learner.loss(groups, "params")).parts),
    update,
  );
  const means = accumulator(), stoodStill = createStandstill();
  let nextSave = elapsed() + checkpointSeconds, nextValidation = elapsed() + validateSeconds;

  const report = async (rate: number) => {
    const row = means.take();
    if (row) {
      await log.add({ update, seconds: elapsed(), molecules: update * batch, rate, losses: row, validation: fresh });
    }
    if (row) fresh = undefined; // each measurement stands in one row
  };
  const validate = async (finished = false) => {
    if (!options.validation?.length) return;
    fresh = validation = (await learner.loss(options.validation, "ema")).total;
    try {
      await options.onValidated?.({ update, seconds: elapsed(), loss: validation, finished });
    } catch (error) {
      if (!signal?.aborted) throw error; // it ends here; what is learned is saved below
    }
  };
  const save = async () => {
    await saveCheckpoint(folder, {
      state: await learner.state(),
      update,
      seconds: elapsed(),
      backends: backends(),
      settings,
    });
    options.onSaved?.(update);
  };

  let rate = 0;
  if (options.validateFirst && update === 0) await validate();
  while (fraction() < 1 && !signal?.aborted) {
    // The event loop turns once an update, or a signal would not be heard where the arithmetic blocks the thread.
    await breathe();
    const waits = clock();
    await options.gate?.();
    paused += clock() - waits;
    if (signal?.aborted) break;
    rate = rateFactor(update, fraction(), rates);
    const decay = emaDecay(update, emaLimit), starts = clock();
    const [now, next] = await Promise.all([
      learner.update(groups, { muon: muon * rate, adamw: adamw * rate, emaDecay: decay, clip }),
      makeGroups(update + 1),
    ]);
    paused += stoodStill(clock() - starts);
    if (!Number.isFinite(now.total)) {
      throw new DivergedError(
        `the loss of update ${update} is ${now.total}: the run has diverged; the last checkpoint in ${folder} is good`,
      );
    }
    update++, groups = next;
    means.add(now);
    losses = smooth(losses, now);
    if (elapsed() >= nextValidation) {
      await validate();
      await report(rate);
      nextValidation = elapsed() + validateSeconds;
    } else if (update % logEvery === 0) await report(rate);
    if (elapsed() >= nextSave) {
      await save();
      nextSave = elapsed() + checkpointSeconds;
    }
    const molecules = update * batch, speed = (update - first) * batch / Math.max(1e-9, elapsed() - before);
    onProgress?.({ update, seconds: elapsed(), molecules, speed, fraction: fraction(), losses, validation });
  }
  const finished = !signal?.aborted;
  if (update > first) await save();
  if (finished) await validate(true);
  await report(rate);
  losses ??= await learner.loss(groups, "params");
  return { update, seconds: elapsed(), backends: backends(), losses, validation, finished };
}

/** A round of distillation, from a teacher in a model's folder to a student's weights beside its judgement. */
import type { RoundOptions } from "./round.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator } from "../../chem/validator.ts";
import type { Card } from "../models/card.ts";
import { decodings, type Settings } from "../models/settings.ts";
import { loadCheckpoint } from "../training/checkpoint.ts";
import type { Group } from "../diffusion/learner.ts";
import { train } from "../training/train.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import { courseOf, type Validation } from "./course.ts";
import { atSteps, type Bench, drawWith, JUDGING_SEED, VALIDATION_SEED } from "./draw.ts";
import type { Drawn } from "./events.ts";
import { judge } from "./judge.ts";
import { AVERAGE, type Learning } from "./methods/method.ts";
import { methodOf } from "./methods/mod.ts";
import { whileOwned } from "../diffusion/lock.ts";
import { gridAtSteps } from "../diffusion/grids.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { openParts } from "./parts.ts";
import { type RoundParts } from "./round.ts";
import { writeResult } from "./result.ts";
import { learningRateOf, type RoundSettings } from "./settings.ts";
import { openValidationLog } from "./validation_log.ts";

/** How a round ended. */
export interface RoundResult {
  readonly finished: boolean;
  readonly accepted: boolean;
  readonly update: number;
  readonly seconds: number;
}

/** The learned network at these steps, as a sampler of its card would run it. */
function settingsAt({ method, variant, grid, options, clamp, to }: RoundSettings, card: Card, steps: number): Settings {
  const decoding = decodings(card).includes("argmax") ? "argmax" : decodings(card)[0];
  const own = gridAtSteps(grid, to, steps, makeSchedule(card.schedule));
  const common = { steps, decoding, clamp, grid: own, options } as const;
  return methodOf(method).makes === "model"
    ? { ...common, sampler: "ddpm", algorithm: "ddpm" }
    : { ...common, sampler: "distilled", algorithm: variant };
}

/** Events of progress, at most two a second. */
function throttled(onEvent: RoundOptions["onEvent"], limit: number) {
  let last = -Infinity;
  return (
    at: {
      update: number;
      seconds: number;
      fraction: number;
      batch: number;
      speed: number;
      loss: number;
      parts: Record<string, number>;
    },
  ) => {
    if (performance.now() - last < 500) return;
    last = performance.now();
    const { update, seconds, fraction, loss, parts } = at, updatesPerSecond = at.speed / at.batch;
    const left = fraction > 0 ? seconds * (1 - fraction) / fraction : limit;
    onEvent({ type: "progress", update, seconds, fraction, loss, parts, updatesPerSecond, eta: left });
  };
}

/**
 * Runs a round to its end, or until the signal says so; started again on its folder it goes on. Writes
 * `student.safetensors` (or for `knowledge` a model's folder, `model`) and `result.json`; see `result.ts`.
 *
 * @throws FolderInUseError where another process runs a round there; RangeError for settings that this model cannot serve;
 * DivergedError where the loss is no number
 */
export async function runRound(settings: RoundSettings, options: RoundOptions): Promise<RoundResult> {
  return await whileOwned(options.folder, async () => {
    const parts = await openParts(settings, options);
    return await runWith(methodOf(settings.method).learning(parts, settings), parts, settings, options);
  });
}

async function runWith<G extends Pick<Group, "shape">>(
  { learner, trainGroups, heldOutGroups, floor: floorOf }: Learning<G>,
  parts: RoundParts,
  settings: RoundSettings,
  { folder, minutes, updates, onEvent, signal, ...options }: RoundOptions,
): Promise<RoundResult> {
  try {
    const validate = createValidator(await createRdkit());
    const { teacher, schedule, autoencoder } = parts, { card } = options.model;
    const bench: Bench = { card, schedule, autoencoder, validate, backend: learner.backend };
    const log = await openValidationLog(folder);
    const before = await loadCheckpoint(folder);
    onEvent({
      type: "started",
      backend: learner.backend,
      why: `${parts.why}; ${parts.source.description}`,
      device: parts.device,
      update: before?.update ?? 0,
      memoryMiB: Math.round(Deno.memoryUsage().rss / 2 ** 20),
      ...(before?.passedOver && { passedOver: before.passedOver }),
    });
    const draw = async (weights: Denoiser, steps: number, seed: number): Promise<Drawn> =>
      await drawWith(bench, atSteps(weights, steps, options.gate), settingsAt(settings, card, steps), {
        count: settings.samples,
        seed,
        judge: seed === JUDGING_SEED,
        signal,
      });
    /** Draws with the moving average of the student's weights as they are now. */
    const drawStudent = async (seed: number): Promise<Drawn> => {
      const student = await parts.studentDenoiser();
      try {
        return await draw(student, settings.to, seed);
      } finally {
        student.dispose();
      }
    };
    const heldOut = await heldOutGroups(), floor = floorOf(heldOut);
    // A run that begins anew measures its beginning anew.
    const curve = before ? await log.read(before.update) : [];
    const { course, average = AVERAGE } = methodOf(settings.method);
    // A resume may go on in another precision, as it may on another machine.
    const { precision: _, ...decisive } = settings;
    const limit = minutes === undefined ? Infinity : minutes * 60, report = throttled(onEvent, limit);
    const result = await train({
      learner,
      makeGroups: trainGroups,
      validation: heldOut,
      validateFirst: true,
      validateSeconds: options.validateSeconds ?? 90,
      checkpointSeconds: options.checkpointSeconds ?? 60,
      settings: decisive,
      folder,
      resume: before !== undefined,
      minutes,
      updates,
      muon: learningRateOf(settings),
      adamw: learningRateOf(settings) / 10,
      clip: 10,
      emaLimit: average,
      rates: { warmup: 50, cooldown: course.cooldown },
      course: (_, seconds) => updates === undefined ? courseOf(curve, seconds, limit, course) : 0,
      gate: options.gate,
      signal,
      onProgress: ({ losses, ...at }) =>
        report({ ...at, batch: settings.batch, loss: losses.total, parts: losses.parts }),
      onSaved: (update) => onEvent({ type: "saved", update }),
      onValidated: async ({ update, seconds, loss, finished }) => {
        const heldOut = loss - floor;
        // The end is judged below, on another seed's molecules; the curve gets its own all the same.
        const drawn = signal?.aborted && !finished ? undefined : await drawStudent(VALIDATION_SEED);
        const at: Validation = { update, seconds, heldOut, ...(drawn && { stability: drawn.moleculeStability }) };
        curve.push(at);
        await log.add(at);
        onEvent({ type: "validated", update, seconds, heldOut, ...(drawn && { drawn }) });
      },
    });
    const { update, seconds } = result;
    const stopped = () => {
      onEvent({ type: "stopped", update, seconds });
      return { finished: false, accepted: false, update, seconds };
    };
    if (!result.finished) return stopped();
    const judged = await judging(async () => ({
      student: await drawStudent(JUDGING_SEED),
      teacher: await draw(teacher.denoiser, settings.from, JUDGING_SEED),
    }), signal);
    if (!judged) return stopped();
    const verdict = judge(settings, judged.student, judged.teacher);
    onEvent({ type: "judged", ...judged, ...verdict });
    await writeResult(folder, { settings, parts, card, result, curve, judged, verdict });
    onEvent({ type: "finished", update, seconds, accepted: verdict.accepted });
    return { finished: true, accepted: verdict.accepted, update, seconds };
  } finally {
    parts.dispose();
  }
}

/** What the work gives; undefined where the signal ended it. */
async function judging<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

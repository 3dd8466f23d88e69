/** What a round will take, guessed before it begins: time from a forward call that is measured here, memory from sizes. */
import { z } from "zod";
import type { Card } from "../../models/card.ts";
import { auxiliariesOf } from "../../distillation/methods/method.ts";
import { methodOf } from "../../distillation/methods/mod.ts";
import type { RoundSettings } from "../../distillation/settings.ts";
import { drawNoise } from "../../diffusion/latent.ts";
import { random } from "../../diffusion/random.ts";
import type { BatchShape, LatentSpace } from "../../diffusion/types.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { runtimeOf } from "../../engines/runtimes.ts";
import { MOST_MINUTES } from "../../distillation/order.ts";
import type { Limits } from "../../distillation/order.ts";

/** Seconds, and MiB. */
export const estimateSchema = z.strictObject({
  secondsPerUpdate: z.number().describe("From the time of a forward call of the loaded model on this machine"),
  updates: z.number().nullable().describe("That fit into the minutes asked, or those asked"),
  trainingSeconds: z.number(),
  judgingSeconds: z.number().describe("To draw the molecules that the finished student and its teacher are judged on"),
  memoryMiB: z.number(),
  availableMiB: z.number().nullable().describe("When the round was asked for; null where the system does not tell"),
  backend: z.string().describe("What the forward call ran on; the worker may find a faster one"),
});

/** See {@link estimateSchema}. */
export type Estimate = z.infer<typeof estimateSchema>;

/** A round that cannot fit into memory or time. */
export class TooLargeRoundError extends RangeError {
  override readonly name = "TooLargeRoundError";
  constructor(message: string, readonly estimate: Estimate) {
    super(message);
  }
}

/** Forward calls that the student's learning is worth: a backward pass is worth two, and its own call one. */
const STUDENT = 3;

/** What is known of a model. */
export interface Measured {
  readonly card: Card;
  /** Numbers in the denoiser's weights. */
  readonly parameters: number;
  /** Seconds of a forward call, for each molecule. */
  readonly forwardSeconds: number;
  readonly backend: string;
  /** Undefined where the system does not tell. */
  readonly availableMiB: number | undefined;
}

/**
 * A Deno process with the code, RDKit.js and the engine; and QM9 with its latents. With the weights of the shipped model a
 * worker on the native engine peaks at 475 MiB, whether its batch has 128 molecules or 1024.
 */
const PROCESS_MIB = 190, DATA_MIB = 250;

/**
 * Numbers a node and a pair that a block keeps for the backward pass, in channels of the network: counted from the arrays of a
 * block, not measured. The native engine takes a few molecules at a time, TensorFlow.js the whole batch.
 */
const KEPT = { node: 16, pair: 2 }, AT_A_TIME = 16;

/** Arrays of the size of the weights: the student, its gradient, two moments, its moving average, the teacher. */
const COPIES = 6;

/**
 * What the round takes.
 *
 * @throws TooLargeRoundError with both numbers where memory or a week is not enough
 */
export function estimateRound(
  settings: RoundSettings,
  { minutes, updates }: Limits,
  { card, parameters, forwardSeconds, backend, availableMiB }: Measured,
): Estimate {
  const { batch, samples, from, to, width, blocks } = settings, method = methodOf(settings.method);
  const own = card.denoiser, size = { width: width ?? own.width, blocks: blocks ?? own.blocks };
  const ratio = (size.width * size.blocks) / (own.width * own.blocks);
  const work = method.work(settings);
  const secondsPerUpdate = batch * forwardSeconds * (work.teacher + ratio * (STUDENT + work.student));
  const limits = [minutes === undefined ? Infinity : 60 * minutes, (updates ?? Infinity) * secondsPerUpdate];
  const trainingSeconds = Math.min(...limits), judgingSeconds = samples * forwardSeconds * (from + ratio * to);

  const nodes = Math.max(...Object.keys(card.sizes).map(Number));
  const together = runtimeOf(backend) === "native" ? Math.min(batch, AT_A_TIME) : batch;
  const kept = together * size.blocks * size.width * nodes * (KEPT.node + KEPT.pair * nodes);
  const networks = 1 + auxiliariesOf(method, settings).length;
  const memoryMiB = PROCESS_MIB + DATA_MIB + 4 * (COPIES * networks * parameters + kept) / 2 ** 20;

  const brief = (value: number) => Number(value.toPrecision(3));
  const estimate: Estimate = {
    secondsPerUpdate: brief(secondsPerUpdate),
    updates: Math.min(updates ?? Infinity, Math.floor(trainingSeconds / secondsPerUpdate)),
    trainingSeconds: brief(trainingSeconds),
    judgingSeconds: brief(judgingSeconds),
    memoryMiB: Math.round(memoryMiB),
    availableMiB: availableMiB === undefined ? null : Math.floor(availableMiB),
    backend,
  };
  if (availableMiB !== undefined && memoryMiB > availableMiB) {
    throw new TooLargeRoundError(
      `the round needs about ${estimate.memoryMiB} MiB, ${estimate.availableMiB} MiB are free: ask for a smaller batch`,
      estimate,
    );
  }
  const seconds = trainingSeconds + judgingSeconds;
  if (seconds > 60 * MOST_MINUTES) {
    throw new TooLargeRoundError(
      `the round would take about ${brief(seconds / 86_400)} days (${estimate.secondsPerUpdate} s an update), ` +
        "at most 7 are allowed: ask for fewer updates or a smaller batch",
      estimate,
    );
  }
  return estimate;
}

/** Most molecules of the call that is timed: beyond it the time is in proportion. */
const TIMED = 64;

/**
 * Seconds that a forward call takes for each molecule, in batches of this size.
 *
 * @param nodes of a common molecule of the model
 */
export async function timeForward(
  denoiser: Pick<Denoiser, "space" | "predict">,
  { batch, nodes }: BatchShape,
  now: () => number = () => performance.now(),
): Promise<number> {
  const shape = { batch: Math.min(batch, TIMED), nodes }, z = noiseOf(denoiser.space, shape);
  await denoiser.predict(z, shape, { time: 0.5 }); // the first call of a shape may be slow
  const from = now();
  await denoiser.predict(z, shape, { time: 0.5 });
  return (now() - from) / 1000 / shape.batch;
}

function noiseOf(space: LatentSpace, { batch, nodes }: BatchShape): Float32Array {
  return drawNoise(space, { batch, nodes }, Array.from({ length: batch }, (_, i) => random(0, i)));
}

/** Held-out draws that programs compare losses on. */
import type { Coupling } from "../model/diffusion/coupling/align.ts";
import type { Group } from "../model/diffusion/learner.ts";
import type { ExampleSet } from "../model/networks/heavy_atom/examples.ts";
import type { LatentForm } from "../model/networks/heavy_atom/space.ts";
import { makeGroups } from "../model/training/batches.ts";
import { HELD_OUT_SEED } from "../model/training/data.ts";
import { runSchedule } from "../model/training/settings.ts";

/** Molecules of a batch. */
const BATCH = 128;

/** Seeds and times of the draws: uniform, which is training's own held-out loss, and those of few-step samplers, as `train --focus` has them. */
const TIMES = {
  uniform: { seed: HELD_OUT_SEED },
  focused: { seed: HELD_OUT_SEED + 1, focus: { first: -0.5, last: 8, share: 0.999 } },
} as const;

/** One of the kinds of times. */
export type HeldOutTimes = keyof typeof TIMES;

/** Their names. */
export const HELD_OUT_TIMES = Object.keys(TIMES) as HeldOutTimes[];

/** Fixed noisy batches of 128 of at least this many molecules of a set, drawn with replacement. */
export function heldOutBatches(
  times: HeldOutTimes,
  { examples, molecules, coupling, ...form }:
    & { examples: ExampleSet; molecules: number; coupling: Coupling }
    & LatentForm,
): Group[][] {
  const schedule = runSchedule();
  return Array.from(
    { length: Math.ceil(molecules / BATCH) },
    (_, update) => makeGroups({ ...TIMES[times], examples, batch: BATCH, update, schedule, coupling, ...form }),
  );
}

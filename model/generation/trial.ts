/** A trial generation: shows that weights load and draw, and has whatever is slow at the first call behind it. */
import type { Molecule } from "../../chem/molecule.ts";
import { decorate } from "../diffusion/decorate.ts";
import { conditionDraw, trialCondition } from "./condition_order.ts";
import { draw, type TakeTurn } from "./generate.ts";
import type { Lease, Model } from "../models/load.ts";
import type { StudentEntry } from "../models/overlay.ts";
import { QueueFullError } from "./ledger.ts";
import type { Queue, Slot } from "./queue.ts";
import { chooseSettings } from "../models/settings.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

/** How to try. */
export interface TrialOptions {
  /** Molecules. */
  readonly count: number;
  readonly turn?: TakeTurn;
}

/** Turns on the device for what is no request: waits while the queue has no slot left. */
export const turnsOf = (queue: Queue): TakeTurn => async (work) => {
  for (;;) {
    let slot: Slot;
    try {
      slot = queue.enter();
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    try {
      return await slot.turn(work);
    } finally {
      slot.leave();
    }
  }
};

/** Steps at which undistilled weights are tried. */
const STEPS = 4;

/**
 * Draws a few molecules with these very weights, at a student's own steps.
 *
 * @param student undefined for the undistilled weights
 * @returns the molecules
 * @throws Error where the weights cannot be loaded, or an estimate or a position is not finite
 */
export async function tryStudent(
  model: Model,
  student: StudentEntry | undefined,
  lease: Lease,
  { count, turn }: TrialOptions,
): Promise<Molecule[]> {
  const card = { ...model.card, distilled: student ? [student] : [] };
  const settings = chooseSettings(card, student?.steps ?? STEPS, student && "distilled");
  const checked: Lease = { ...lease, denoiser: lease.denoiser.then(finite), release() {} };
  const condition = conditionDraw({ condition: trialCondition(card) });
  const batches = await Array.fromAsync(draw(model, { count, seed: 0, settings, condition }, { turn, lease: checked }));
  const molecules = batches.flatMap(({ molecules }) => molecules);
  if (!molecules.every(({ positions }) => positions.every(Number.isFinite))) {
    throw new Error(`version ${lease.version} draws molecules whose positions are not finite`);
  }
  return molecules;
}

/** A denoiser that throws rather than give numbers that are not finite. */
const finite = (denoiser: Denoiser): Denoiser =>
  decorate(denoiser, {
    check(x0, of) {
      if (!x0.every(Number.isFinite)) throw new Error(`the network's ${of} is not finite`);
    },
  });

/** Molecules drawn to judge a student by. */
import type { Validate } from "../../chem/validator.ts";
import type { Card } from "../models/card.ts";
import { generateMolecules } from "../generation/pipeline.ts";
import type { Model } from "../models/load.ts";
import type { Settings } from "../models/settings.ts";
import type { Autoencoder, Schedule } from "../diffusion/types.ts";
import { decorate } from "../diffusion/decorate.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { Drawn } from "./events.ts";

/** All that it takes to draw with a network that is not in service. */
export interface Bench {
  readonly card: Card;
  readonly schedule: Schedule;
  readonly autoencoder: Autoencoder;
  readonly validate: Validate;
  readonly backend: string;
}

/** Seeds of the molecules on which rounds are validated, and on which they are judged. */
export const VALIDATION_SEED = 20_101, JUDGING_SEED = 20_102;

/**
 * Draws with this network and measures.
 *
 * @throws the signal's reason where it is aborted; Error where the molecules are not finite
 */
export async function drawWith(
  { card, schedule, autoencoder, validate, backend }: Bench,
  denoiser: Denoiser,
  settings: Settings,
  { count, seed, signal, batch = 128 }: { count: number; seed: number; signal?: AbortSignal; batch?: number },
): Promise<Drawn> {
  const model: Model = {
    card,
    backend: { name: backend, why: "" },
    schedule,
    autoencoder,
    batch,
    denoiser: () => Promise.resolve(denoiser),
    dispose() {},
  };
  const generation = generateMolecules(model, { count, seed, settings }, {
    validate,
    detail: { inchikey: false },
    signal,
    window: Math.min(count, 2048),
  });
  for await (const window of generation.windows) {
    if (!window.every(({ molecule }) => molecule.positions.every(Number.isFinite))) {
      throw new Error("molecules with positions that are no numbers");
    }
  }
  const { moleculeStability, atomStability, validity, validUnique } = generation.summary();
  return { steps: settings.steps, moleculeStability, atomStability, validity, validUnique };
}

/** A denoiser that is told its number of steps, and waits at a gate before each call. */
export const atSteps = (denoiser: Denoiser, steps: number, gate?: () => void | Promise<void>): Denoiser =>
  decorate(denoiser, { condition: { steps }, gate, dispose: () => denoiser.dispose() });

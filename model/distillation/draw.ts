/** Molecules drawn to judge a student by. */
import { createJudgeSummary } from "../../chem/judge/summary.ts";
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

/** What is drawn. */
export interface DrawWithOptions {
  readonly count: number;
  readonly seed: number;
  /** Judge geometry and composition, too. Default false. */
  readonly judge?: boolean;
  readonly signal?: AbortSignal;
  readonly batch?: number;
}

/**
 * Draws with this network and measures.
 *
 * @throws the signal's reason where it is aborted; Error where the molecules are not finite
 */
export async function drawWith(
  { card, schedule, autoencoder, validate, backend }: Bench,
  denoiser: Denoiser,
  settings: Settings,
  { count, seed, judge = false, signal, batch = 128 }: DrawWithOptions,
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
    detail: { inchikey: false, judge },
    signal,
    window: Math.min(count, 2048),
  });
  const judged = createJudgeSummary();
  for await (const window of generation.windows) {
    if (!window.every(({ molecule }) => molecule.positions.every(Number.isFinite))) {
      throw new Error("molecules with positions that are no numbers");
    }
    if (judge) { for (const { validation } of window) judged.add({ validation }); }
  }
  const { moleculeStability, atomStability, validity, validUnique } = generation.summary();
  const drawn = { steps: settings.steps, moleculeStability, atomStability, validity, validUnique };
  if (!judge) return drawn;
  const shares = Object.entries(judged.composition()).map(([name, { value }]) => [name, { value }]);
  return { ...drawn, sound: judged.summary().sound, composition: Object.fromEntries(shares) as Drawn["composition"] };
}

/** A denoiser that is told its number of steps, and waits at a gate before each call. */
export const atSteps = (denoiser: Denoiser, steps: number, gate?: () => void | Promise<void>): Denoiser =>
  decorate(denoiser, { condition: { steps }, gate, dispose: () => denoiser.dispose() });

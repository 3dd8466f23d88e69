/** What a caller orders of a model, checked against its card before anything is loaded or drawn. */
import type { Card } from "../models/card.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import { type DrawRequest, planSettings } from "./generate.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import { parseSamplerOptions, type SamplingPlan } from "../diffusion/samplers/mod.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { chooseSettings, decodings } from "../models/settings.ts";
import { startless } from "../diffusion/grids.ts";
import { type SamplerChoice } from "../diffusion/samplers/mod.ts";
import { countsWords, sizeDistribution, type SizeRange } from "../diffusion/sizes.ts";

/** Molecules asked of a model. */
export interface Order {
  readonly count: number;
  readonly steps: number;
  readonly seed: number;
  /** Index of the first molecule, by which a large drawing is split into several. Default 0. */
  readonly first?: number;
  readonly sampler?: SamplerChoice;
  readonly grid?: GridSpec;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly decoding?: Decoding;
  readonly clamp?: number;
  readonly size?: { readonly counts: Card["counts"]; readonly range: SizeRange };
}

/** An order that this model cannot serve; `field` is the part of the order at fault. */
export class ImpossibleOrderError extends RangeError {
  override readonly name = "ImpossibleOrderError";
  constructor(readonly field: string, message: string) {
    super(message);
  }
}

/**
 * Turns an order into a request for `draw`.
 *
 * @throws NotDistilledError; ImpossibleOrderError for sizes that the model's data lacks, or counted in what it does not
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { readCard } from "../models/card.ts";
 *
 * const card = await readCard("weights/qm9");
 * const { settings } = acceptOrder(card, { count: 2, steps: 4, seed: 1 });
 * assert.equal(settings.sampler, "distilled"); // the card has a student of 4 steps
 * assert.throws(() => acceptOrder(card, { count: 2, steps: 5, seed: 1, sampler: "distilled" }), { name: "NotDistilledError" });
 * ```
 */
export function acceptOrder(card: Card, order: Order): DrawRequest {
  const { count, first = 0, steps, seed, sampler, grid, options, decoding, clamp, size } = order;
  if (first + count > 2 ** 32) {
    throw new ImpossibleOrderError("first", `first + count may be at most 4294967296; got ${first} + ${count}`);
  }
  if (decoding && !decodings(card).includes(decoding)) {
    throw new ImpossibleOrderError(
      "decoding",
      `the decoding of ${card.name} must be ${decodings(card).join(" or ")}; got ${decoding}`,
    );
  }
  if (clamp && card.autoencoder.type !== "heavy-atom") {
    throw new ImpossibleOrderError("clamp", `model ${card.name} has no bond orders to clamp`);
  }
  const settings = chooseSettings(card, steps, sampler, { grid, options, decoding, clamp });
  const fault = startless(settings.grid, card);
  if (fault) throw new ImpossibleOrderError("grid", fault);
  if (grid && settings.sampler === "distilled") {
    throw new ImpossibleOrderError(
      "grid",
      `weights distilled to ${steps} steps take the grid that they learned; name another sampler to take a grid`,
    );
  }
  if (options && Object.keys(options).length > 0 && settings.sampler === "distilled") {
    throw new ImpossibleOrderError(
      "options",
      `weights distilled to ${steps} steps take the options that they learned by; name another sampler to take options`,
    );
  }
  parseSamplerOptions(settings.algorithm, settings.options);
  let plan: SamplingPlan;
  try {
    plan = planSettings(settings, makeSchedule(card.schedule));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ImpossibleOrderError("grid", error.message);
  }
  if (size && size.counts !== card.counts) {
    throw new ImpossibleOrderError(
      size.counts,
      `model ${card.name} counts ${countsWords(card.counts)}: ask for ${card.counts}, not ${size.counts}`,
    );
  }
  try {
    sizeDistribution(card, size?.range);
  } catch (error) {
    throw new ImpossibleOrderError(size!.counts, (error as Error).message);
  }
  return { count, first, seed, settings, plan, size: size?.range };
}

/** A seed where none was given: 32 random bits. */
export const drawSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0];

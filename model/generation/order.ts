/** What a caller orders of a model, checked against its card before anything is loaded or drawn. */
import type { Card } from "../models/card.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import { checkGuided, type ConditionAsked, conditionDraw, ImpossibleConditionError } from "./condition_order.ts";
import { type FixedAsked, fixedDraw } from "./fixed_order.ts";
import { type DrawRequest, type FixedDraw, planSettings, resampledPlan } from "./generate.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import { parseSamplerOptions, type SamplingPlan } from "../diffusion/samplers/mod.ts";
import type { Parallel } from "../diffusion/samplers/parallel.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { chooseSettings, decodings, type Settings } from "../models/settings.ts";
import { startless } from "../diffusion/grids.ts";
import { type SamplerChoice } from "../diffusion/samplers/mod.ts";
import { ImpossiblePartError } from "../networks/heavy_atom/fixed_part.ts";
import { guidanceOf } from "../networks/heavy_atom/guide.ts";
import { hasWeaker } from "../models/told.ts";
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
  /** How far estimates are guided from those of the network's weaker self (`networks/heavy_atom/autoguide.ts`). */
  readonly autoguidance?: number;
  readonly size?: { readonly counts: Card["counts"]; readonly range: SizeRange };
  readonly fixed?: FixedAsked;
  /** Properties that molecules are to have; of models that are told them. */
  readonly condition?: ConditionAsked;
  /** How far estimates are guided to them (`networks/heavy_atom/guide.ts`). Default 1. */
  readonly guidance?: number;
  readonly parallel?: Parallel;
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
  const { count, first = 0, steps, seed, sampler, grid, options, decoding, clamp, autoguidance, size } = order;
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
  // Estimates are guided one way: to properties where that is asked, whatever the card recommends.
  const guided = order.condition && guidanceOf({ properties: order.condition, guidance: order.guidance }) !== undefined;
  const asked = { grid, options, decoding, clamp, autoguidance: autoguidance ?? (guided ? 1 : undefined) };
  const chosen = chooseSettings(card, steps, sampler, asked);
  const settings = order.fixed && !grid ? startedLater(chosen) : chosen;
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
  const fixed = order.fixed && acceptFixed(order.fixed, card, settings);
  try {
    plan = resampledPlan(plan, fixed);
  } catch (error) {
    throw new ImpossibleOrderError("fixed/resample", (error as Error).message);
  }
  const { parallel } = order;
  if (parallel && card.coupling === "aligned" && plan.some(({ noise }) => noise !== 0)) {
    throw new ImpossibleOrderError(
      "parallel",
      `parallel needs steps that draw no noise (ddim, dpm-solver++ or heun) of model ${card.name}, which aligns noise to each estimate; those of ${settings.sampler} draw some`,
    );
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
  const condition = acceptCondition(order, card, settings);
  checkAutoguided(settings, card, condition);
  const range = fixed ? sizeWith(fixed, card, size?.range) : size?.range;
  return { count, first, seed, settings, plan, size: range, fixed, ...condition, parallel };
}

/**
 * The log-SNR at which sampling about a fixed part begins at the earliest where nobody says: the start knows where the part's surroundings are, and
 * more noise only forgets it. What was measured: docs/fixed.md.
 */
const FIXED_START = 1;

/** Settings about a fixed part; those of a student stay as it learned them. */
function startedLater(settings: Settings): Settings {
  const { grid, sampler } = settings;
  if (sampler === "distilled" || grid.type !== "logSnr" || !grid.start) return settings;
  const logSnr = Math.max(FIXED_START, grid.start.logSnr);
  return { ...settings, grid: { ...grid, start: { ...grid.start, logSnr } } };
}

/**
 * The fixed part of an order. Students learned steps between estimates of their own; of those only fresh noise forgets what an estimate was before a
 * part was put in.
 *
 * @throws ImpossibleOrderError
 */
function acceptFixed(
  asked: FixedAsked,
  card: Card,
  { sampler, algorithm, steps }: Settings,
): FixedDraw {
  if (sampler === "distilled" && algorithm !== "consistency") {
    throw new ImpossibleOrderError(
      "fixed",
      `fixed needs a sampler of undistilled weights, or a student whose variant is consistency; that of ${steps} steps is of ${algorithm}`,
    );
  }
  try {
    return fixedDraw(asked, card);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    const field = error instanceof ImpossiblePartError ? error.field : "molblock";
    throw new ImpossibleOrderError(`fixed/${field}`, error.message);
  }
}

/**
 * What the network is told of an order's properties, and what is to be said of them.
 *
 * @throws ImpossibleOrderError
 */
function acceptCondition(
  asked: Pick<Order, "condition" | "guidance">,
  card: Card,
  settings: Settings,
): Pick<DrawRequest, "condition" | "warnings"> {
  try {
    const warnings = checkGuided(asked, card, settings);
    if (!asked.condition) return {};
    return { condition: conditionDraw(asked), ...warnings.length > 0 && { warnings } };
  } catch (error) {
    if (!(error instanceof ImpossibleConditionError)) throw error;
    throw new ImpossibleOrderError(error.field, error.message);
  }
}

/** @throws ImpossibleOrderError for a model without a weaker self to be guided by, and where estimates are guided to properties already */
function checkAutoguided(settings: Settings, card: Card, { condition }: Pick<DrawRequest, "condition">): void {
  if (settings.autoguidance === undefined) return;
  if (!hasWeaker(card)) {
    const message = `model ${card.name} has no weaker self to be guided by: autoguidance must be 1 or absent`;
    throw new ImpossibleOrderError("autoguidance", message);
  }
  if (guidanceOf(condition) !== undefined) {
    const message = "estimates are guided one way: autoguidance must be 1 where guidance is neither 0 nor 1";
    throw new ImpossibleOrderError("autoguidance", message);
  }
}

/**
 * The sizes that are drawn about a fixed part: those asked, which must have room for it; else the data's, from one node more than it has.
 *
 * @throws ImpossibleOrderError
 */
function sizeWith({ part: { nodes, most } }: FixedDraw, card: Card, asked?: SizeRange): SizeRange {
  const { sizes } = sizeDistribution(card), largest = sizes.at(-1)!, counted = countsWords(card.counts);
  if (nodes > largest) {
    throw new ImpossibleOrderError(
      "fixed/atoms",
      `the fixed part must have at most ${largest} ${counted}, as model ${card.name} has; got ${nodes}`,
    );
  }
  if (asked && asked.min < nodes) {
    throw new ImpossibleOrderError(
      card.counts,
      `${card.counts} must be at least ${nodes}, those of the fixed part; got ${asked.min}`,
    );
  }
  const range = asked ?? { min: Math.max(sizes[0], Math.min(nodes + 1, largest)), max: largest };
  if (range.max > nodes && most.every((order) => order === 0)) {
    throw new ImpossibleOrderError("fixed/attach", "attach must have an atom where others are drawn; got none");
  }
  return range;
}

/** A seed where none was given: 32 random bits. */
export const drawSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0];

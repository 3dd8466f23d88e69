/** The network's rows of its conditions: what it takes beside the latents, the same on every backend. */
import type { Condition, Conditioned } from "../../diffusion/condition.ts";
import { levelFeatures } from "./levels.ts";
import { type ConditionSizes, HIGHEST_FREQUENCY, LOWEST_FREQUENCY, TIMES, toldRows } from "./parameters.ts";
import { propertyFeatures, UNTOLD } from "./properties.ts";
import { scaleFeature } from "./scale.ts";

/** Conditions of a batch as the network takes them. */
export interface ConditionRows {
  /** `[B, 16 + graph + 2 properties + scale + levels]` */
  readonly features: Float32Array;
  /** `[B]` */
  readonly alpha: Float32Array;
  /** `[B]` */
  readonly sigma: Float32Array;
  /** The block that all are estimated without, for the network's weaker self; none where absent. */
  readonly without?: number;
}

/** Numbers in a row of features. */
export const featureWidth = (sizes: ConditionSizes = {}): number => TIMES + toldRows(sizes);

/**
 * The angular frequencies of the time's features, `[8]`: even in their logarithm from 1.5 to the highest, which is 192 unless a network has
 * another, 1.5 2^k.
 */
export function frequencies(highest = HIGHEST_FREQUENCY): Float64Array {
  const count = TIMES / 2, octaves = Math.log2(highest / LOWEST_FREQUENCY) / (count - 1);
  return Float64Array.from({ length: count }, (_, k) => LOWEST_FREQUENCY * 2 ** (k * octaves));
}

/** What is wrong where a graph is given to a network that is not told so. */
export const GRAPH_UNTOLD = "graphs can be given only to a network that is told so (`graph` of the card's denoiser)";

/** Those of each network once. */
const known = new Map<number | undefined, Float64Array>();

/**
 * One condition's row: `[sin(t w_k), cos(t w_k), graph, properties, scale, levels]` with the {@link frequencies} w_k and t of 32 bits; into `out` at `at`.
 *
 * @throws RangeError where the network has levels and the condition no number of steps of at least 1, or the condition what the network is not told
 */
export function conditionRow(
  { time, steps, graph, properties, guidance = 1 }: Condition,
  { levels = 0, frequency, conditions, scale, graph: toldGraph }: ConditionSizes,
  out: Float32Array,
  at: number,
): void {
  let w = known.get(frequency);
  if (!w) known.set(frequency, w = frequencies(frequency));
  for (let k = 0; k < TIMES / 2; k++) {
    const angle = Math.fround(time) * w[k];
    out[at + k] = Math.sin(angle);
    out[at + TIMES / 2 + k] = Math.cos(angle);
  }
  if (toldGraph) out[at + TIMES] = graph ? 1 : 0;
  else if (graph) throw new RangeError(GRAPH_UNTOLD);
  const before = { graph: toldGraph };
  if (conditions) propertyFeatures(properties, conditions, out, at + featureWidth(before), scale ? guidance : 1);
  else if (properties) throw new RangeError(UNTOLD);
  if (scale) out[at + featureWidth({ ...before, conditions })] = scaleFeature({ properties, guidance });
  if (levels === 0) return;
  if (steps === undefined) throw new RangeError("this network must be told the number of steps");
  levelFeatures(steps, levels, out, at + featureWidth({ ...before, conditions, scale }));
}

/** Rows of conditions, one after another: `[B, 16 + graph + 2 properties + scale + levels]`. Equal neighbours are computed once. */
export function conditionFeatures(conditions: readonly Condition[], sizes: ConditionSizes = {}): Float32Array {
  const width = featureWidth(sizes), features = new Float32Array(conditions.length * width);
  conditions.forEach((condition, b) => {
    if (b > 0 && condition === conditions[b - 1]) features.copyWithin(b * width, (b - 1) * width, b * width);
    else conditionRow(condition, sizes, features, b * width);
  });
  return features;
}

/** What is wrong where a network that has no weaker self is asked for its estimate. */
export const WEAKLESS = "only a network whose card says `weakWithout` has a weaker self to be guided by";

/**
 * The block that a batch is estimated without; undefined for none.
 *
 * @throws RangeError where the network has no weaker self, or some are asked of it and others not: a call is of one network
 */
export function withoutOf(conditions: readonly Condition[], { weakWithout }: ConditionSizes = {}): number | undefined {
  const weak = conditions.filter((condition) => condition.weak).length;
  if (weak === 0) return undefined;
  if (weakWithout === undefined) throw new RangeError(WEAKLESS);
  if (weak === conditions.length) return weakWithout;
  throw new RangeError(`a call must be all of the weaker self, or nothing; got ${weak} of ${conditions.length}`);
}

/** Rows of conditions whose schedule is known. @throws RangeError as {@link withoutOf} */
export const rowsOf = ({ conditions, alpha, sigma }: Conditioned, sizes?: ConditionSizes): ConditionRows => ({
  features: conditionFeatures(conditions, sizes),
  alpha,
  sigma,
  without: withoutOf(conditions, sizes),
});

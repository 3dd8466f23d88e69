/**
 * How EDM's and GeoLDM's networks are told properties (Hoogeboom et al. 2022, section 5.2; `prepare_context` of their `qm9/utils.py`): at every node, behind all
 * else that goes in, each property's value, less its share for each atom where it has one, less a mean, in mean absolute deviations. Nothing says that a
 * property is unknown, so all must be given.
 */
import type { PropertyValues } from "../../chem/properties.ts";
import type { BatchShape, DecodeOptions } from "../diffusion/types.ts";
import type { PropertyCondition } from "./pair_attention/parameters.ts";
import { UNTOLD } from "./pair_attention/properties.ts";

/** A property that such a network is told. */
export interface ToldProperty extends PropertyCondition {
  /** What is taken from a value for each atom, before the mean. Default 0. */
  readonly perAtom?: number;
}

/** What a network is told: the same for all molecules of a batch, or a molecule each. */
export type ToldValues = DecodeOptions["properties"];

const isEach = (values: ToldValues): values is readonly (PropertyValues | undefined)[] => Array.isArray(values);

/**
 * The context of each molecule, `[B, C]`, in the order of the network's properties; `C` is 0 for a network that is told none. A node is an atom.
 *
 * @throws RangeError where one of them is absent, there are any for a network that is told none, or they are not `batch` in number
 */
export function contextRows(
  told: ToldValues,
  { batch, nodes }: BatchShape,
  conditions: readonly ToldProperty[] = [],
): Float32Array {
  const each = isEach(told) ? told : Array<PropertyValues | undefined>(batch).fill(told);
  if (each.length !== batch) throw new RangeError(`properties must be of ${batch} molecules; got ${each.length}`);
  const rows = new Float32Array(batch * conditions.length);
  each.forEach((values, b) => {
    if (conditions.length === 0 && values) throw new RangeError(UNTOLD);
    conditions.forEach(({ name, mean, deviation, perAtom = 0 }, k) => {
      const value = values?.[name];
      if (value === undefined) throw new RangeError(`properties must have ${name}, which this network is told`);
      rows[b * conditions.length + k] = (value - perAtom * nodes - mean) / deviation;
    });
  });
  return rows;
}

/**
 * Features of nodes `[B,N,k]`, and behind those of each node its molecule's context: `[B,N,k+C]`.
 *
 * @param context of {@link contextRows}
 */
export function withContext(
  features: Float32Array,
  context: Float32Array,
  { batch, nodes }: BatchShape,
): Float32Array {
  const C = context.length / batch, k = features.length / (batch * nodes);
  if (!(C > 0)) return features;
  const wide = new Float32Array(batch * nodes * (k + C));
  for (let row = 0; row < batch * nodes; row++) {
    const b = Math.floor(row / nodes);
    wide.set(features.subarray(row * k, (row + 1) * k), row * (k + C));
    wide.set(context.subarray(b * C, (b + 1) * C), row * (k + C) + k);
  }
  return wide;
}

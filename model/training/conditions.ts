/** Properties that a network learns to be told: whose they are, and which of them a molecule of a batch is told. */
import { z } from "zod";
import {
  PROPERTIES,
  propertiesOf,
  PROPERTY_NAMES,
  type PropertyName,
  type PropertyValues,
} from "../../chem/properties.ts";
import type { DataSet } from "../../chem/data_set.ts";
import type { Qm9 } from "../../chem/qm9.ts";
import { conditionsSpec } from "../models/card_parts.ts";
import type { Random } from "../diffusion/random.ts";

/** Conditions as a card and a run's settings have them. */
export type ConditionEntries = z.infer<typeof conditionsSpec>;

/** Share of the molecules that are told nothing, so that the network also draws without (Ho and Salimans 2022, section 3.2, p_uncond). */
export const NOTHING_TOLD = 0.15;

/** Whether a data set's molecules have properties. */
export const hasProperties = (data: DataSet): data is Qm9 => "properties" in data;

/**
 * Mean, deviation and range of each property over rows of QM9.
 *
 * @throws RangeError for a data set without properties
 */
export function conditionEntries(
  data: DataSet,
  rows: Int32Array,
  names: readonly PropertyName[],
): ConditionEntries {
  if (!hasProperties(data)) {
    throw new RangeError(
      `conditions are of QM9, which has ${PROPERTY_NAMES.join(", ")}; got the data set ${data.name}`,
    );
  }
  return names.map((name) => {
    const values = Array.from(rows, (row) => propertiesOf(data.properties, row, [name])[0]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const ends = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    const rounded = (value: number) => Number(value.toPrecision(6));
    return {
      name,
      unit: PROPERTIES[name].unit,
      mean: rounded(mean),
      deviation: rounded(deviation),
      range: [rounded(ends[0]), rounded(ends[1])],
    };
  });
}

/** What batches are told: the properties of each example, by its index. */
export interface Told {
  readonly names: readonly PropertyName[];
  /** Values of `names`, `[examples][names]`. */
  readonly values: readonly (readonly number[])[];
}

/** The properties of examples that lie in these rows. */
export const toldOf = (data: Qm9, rows: Int32Array, entries: ConditionEntries): Told => {
  const names = entries.map(({ name }) => name);
  return { names, values: Array.from(rows, (row) => propertiesOf(data.properties, row, names)) };
};

/**
 * What an example's network is told: nothing for a share {@link NOTHING_TOLD}; else of P properties a number, 1 to P, of which all are as frequent, and
 * which ones by chance: each is learned by itself and beside others.
 */
export function drawTold({ names, values }: Told, index: number, stream: Random): PropertyValues | undefined {
  if (stream.uniform() < NOTHING_TOLD) return undefined;
  const order = names.map((_, k) => k), count = 1 + stream.integer(names.length);
  for (let k = 0; k < count; k++) {
    const other = k + stream.integer(names.length - k);
    [order[k], order[other]] = [order[other], order[k]];
  }
  return Object.fromEntries(order.slice(0, count).map((k) => [names[k], values[index][k]]));
}

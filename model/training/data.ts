/** Training and held-out examples from a data set. */
import { CHEMISTRIES } from "../../chem/chemistry.ts";
import type { DataSet } from "../../chem/data_set.ts";
import { type Example, type ExampleSet, packExamples, toExample } from "../networks/heavy_atom/examples.ts";
import { netCharge } from "../networks/heavy_atom/graph.ts";
import { chargesOf, type LatentForm, QM9_CLASSES } from "../networks/heavy_atom/space.ts";
import { type HeavyAtomClass } from "../diffusion/types.ts";
import { type BatchOptions, makeGroups } from "./batches.ts";
import type { Group } from "../diffusion/learner.ts";
import { MIN_NODES } from "./settings.ts";

/** Examples of a part of the data, and how many of its molecules have none. */
export interface LoadedExamples {
  readonly examples: ExampleSet;
  /** Molecules too small, or with an atom of no class; of a neutral form also those with a charge. */
  readonly leftOut: number;
  /** The row of each example. */
  readonly rows: Int32Array;
}

/** Takes the molecules of `rows` apart. */
export function loadExamples(
  data: Pick<DataSet, "molecule"> & Partial<Pick<DataSet, "chemistry">>,
  rows: Iterable<number>,
  classes: readonly HeavyAtomClass[] = QM9_CLASSES,
  form: LatentForm = {},
): LoadedExamples {
  const kept = new Map<number, number[]>(), charges = chargesOf(classes, form);
  let asked = 0;
  function* all(): Generator<Example> {
    for (const row of rows) {
      asked++;
      try {
        const example = toExample(data.molecule(row), classes, CHEMISTRIES[data.chemistry ?? "edm"], form);
        if (charges && netCharge({ kinds: example.classes }, charges) !== 0) continue;
        const ofSize = kept.get(example.nodes);
        if (ofSize) ofSize.push(row);
        else kept.set(example.nodes, [row]);
        yield example;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
  }
  const examples = packExamples(all(), { minNodes: MIN_NODES });
  // As they are packed: by size, in their order.
  const rowsKept = Int32Array.from([...examples.sizes.keys()].flatMap((size) => kept.get(size)!));
  return { examples, leftOut: asked - examples.count, rows: rowsKept };
}

/** Seed of the held-out noise: the same for every run, so that runs can be compared. */
export const HELD_OUT_SEED = 20_100;

/** Fixed noisy groups of held-out molecules for the validation loss, at most 128 molecules each. */
export function heldOutGroups(
  examples: ExampleSet,
  how: Pick<BatchOptions, "schedule" | "coupling" | "classes" | "told" | keyof LatentForm>,
  molecules = 512,
): Group[] {
  const chunks = Math.ceil(molecules / 128);
  return Array.from(
    { length: chunks },
    (_, update) =>
      makeGroups({ ...how, examples, batch: Math.min(128, molecules - 128 * update), seed: HELD_OUT_SEED, update }),
  )
    .flat();
}

/** Clean latents with their labels, for a regressor. */
import { propertiesOf, PROPERTY_NAMES } from "../../../chem/properties.ts";
import type { Qm9 } from "../../../chem/qm9.ts";
import { PURPOSE, random } from "../../diffusion/random.ts";
import { latentLength } from "../../diffusion/latent.ts";
import { IDENTITY, writeLatent } from "../../networks/heavy_atom/encode.ts";
import type { Example, ExampleSet } from "../../networks/heavy_atom/examples.ts";
import { heavyAtomSpace, QM9_CLASSES } from "../../networks/heavy_atom/space.ts";
import { loadExamples } from "../data.ts";
import { composition, type Labelling, toLabels } from "./labels.ts";
import type { LabelledGroup } from "./learner.ts";

/** Examples, and the values of their properties. */
export interface ValuedExamples {
  readonly examples: ExampleSet;
  /** `[examples][6]` */
  readonly values: readonly (readonly number[])[];
}

/** Takes rows of QM9 apart. */
export function loadValued(data: Qm9, rows: Iterable<number>): ValuedExamples {
  const { examples, rows: kept } = loadExamples(data, rows);
  return { examples, values: Array.from(kept, (row) => propertiesOf(data.properties, row)) };
}

/** The latent that a regressor looks at. Its hydrogens are named by a rule, so that a molecule has one value. */
export const REGRESSOR_SPACE = heavyAtomSpace(QM9_CLASSES);

/** Examples of one size as a network is asked of them: clean, at time 0; of vectors it is to say its own part alone (`readout.ts`). */
export function cleanGroup(examples: readonly Example[]): Omit<LabelledGroup, "labels"> {
  const { nodes } = examples[0], batch = examples.length, length = latentLength(REGRESSOR_SPACE, nodes);
  const z = new Float32Array(batch * length), draws = random(0, 0);
  examples.forEach((example, b) =>
    // The network is equivariant: another rotation or reflection changes nothing.
    writeLatent(example, QM9_CLASSES.length, IDENTITY, draws, z, b * length, { hydrogen: "canonical" })
  );
  const conditions = Array(batch).fill({ time: 0 });
  return {
    shape: { batch, nodes },
    z,
    conditions,
    alpha: new Float32Array(batch),
    sigma: new Float32Array(batch).fill(1),
  };
}

/** The groups of examples by size, the largest first, with the place of each molecule among `examples`. */
export function bySize(examples: readonly Example[]): { readonly places: readonly number[]; readonly nodes: number }[] {
  const groups = new Map<number, number[]>();
  examples.forEach(({ nodes }, place) => groups.set(nodes, [...groups.get(nodes) ?? [], place]));
  return [...groups].sort(([a], [b]) => b - a).map(([nodes, places]) => ({ nodes, places }));
}

/** Labelled groups of some of the examples, by their indices. */
export function labelledGroups(
  { examples, values }: ValuedExamples,
  indices: readonly number[],
  labelling: Labelling,
): LabelledGroup[] {
  const chosen = indices.map((index) => examples.example(index));
  return bySize(chosen).map(({ places }) => {
    const labels = new Float32Array(places.length * PROPERTY_NAMES.length);
    places.forEach((place, b) => {
      const counts = composition(chosen[place], QM9_CLASSES.length);
      labels.set(toLabels(labelling, counts, values[indices[place]]), b * PROPERTY_NAMES.length);
    });
    return { ...cleanGroup(places.map((place) => chosen[place])), labels };
  });
}

/** The batch of an update: `batch` molecules with replacement. */
export function drawLabelled(
  set: ValuedExamples,
  labelling: Labelling,
  { batch, seed, update }: { batch: number; seed: number; update: number },
): LabelledGroup[] {
  const stream = random(seed, update, PURPOSE.regressor);
  return labelledGroups(set, Array.from({ length: batch }, () => stream.integer(set.examples.count)), labelling);
}

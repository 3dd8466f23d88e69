/** Molecules as EDM's and GeoLDM's networks see them: centred positions, one-hot types, nuclear charges. */
import type { Molecule } from "../../chem/molecule.ts";

/** What counts as a type, and whether the nuclear charge is one more feature. */
export interface AtomFeatureOptions {
  /** Atomic numbers in the order of the one-hot types. */
  readonly elements: readonly number[];
  readonly includeCharges: boolean;
}

/** Molecules of one size as arrays. */
export interface AtomFeatures {
  /** `[B,N,3]`, angstrom, centred on the mean of the atoms. */
  readonly positions: Float32Array;
  /** `[B,N,elements (+ 1)]` */
  readonly features: Float32Array;
  readonly nodes: number;
}

/**
 * @throws RangeError for no molecules, molecules of several sizes, and an element outside the list
 */
export function atomFeatureArrays(
  molecules: readonly Molecule[],
  { elements, includeCharges }: AtomFeatureOptions,
): AtomFeatures {
  if (molecules.length === 0) throw new RangeError("molecules of a batch must be at least 1; got 0");
  const nodes = molecules[0].atomicNumbers.length, width = elements.length + (includeCharges ? 1 : 0);
  const positions = new Float32Array(molecules.length * nodes * 3);
  const features = new Float32Array(molecules.length * nodes * width);
  molecules.forEach(({ atomicNumbers, positions: from }, b) => {
    if (atomicNumbers.length !== nodes) {
      throw new RangeError(`molecules of a batch must be of one size; got ${nodes} and ${atomicNumbers.length} atoms`);
    }
    const mean = [0, 1, 2].map((axis) => {
      let sum = 0;
      for (let i = 0; i < nodes; i++) sum += from[3 * i + axis];
      return sum / nodes;
    });
    for (let i = 0; i < nodes; i++) {
      const at = b * nodes + i, type = elements.indexOf(atomicNumbers[i]);
      if (type < 0) {
        throw new RangeError(
          `atomic numbers of this model must be ${elements.join(", ")}; got ${atomicNumbers[i]}`,
        );
      }
      for (let axis = 0; axis < 3; axis++) positions[3 * at + axis] = from[3 * i + axis] - mean[axis];
      features[width * at + type] = 1;
      if (includeCharges) features[width * at + elements.length] = atomicNumbers[i];
    }
  });
  return { positions, features, nodes };
}

/** The most likely type of each atom as its atomic number, from logits or one-hots `[atoms, stride]` at `offset`. */
export function likeliestElements(
  values: Float32Array,
  { elements }: Pick<AtomFeatureOptions, "elements">,
  { stride, offset = 0 }: { stride: number; offset?: number },
): Uint8Array {
  const atoms = values.length / stride, out = new Uint8Array(atoms);
  for (let i = 0; i < atoms; i++) {
    let best = 0;
    for (let type = 1; type < elements.length; type++) {
      if (values[i * stride + offset + type] > values[i * stride + offset + best]) best = type;
    }
    out[i] = elements[best];
  }
  return out;
}

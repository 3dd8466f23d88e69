/** EDM's "autoencoder": positions, one-hot types and charges themselves, each divided by its factor. */
import { atomFeatureArrays, type AtomFeatureOptions, likeliestElements } from "./atom_features.ts";
import type { Autoencoder, LatentSpace } from "../diffusion/types.ts";

/** What the latent is made of. */
export interface IdentityOptions extends AtomFeatureOptions {
  /** Positions, one-hot types and charges are divided by these (Hoogeboom et al., 2022, section 3.3). */
  readonly normalisers: readonly [number, number, number];
}

/** The latent of an atom: `[ position / a | one-hot type / b | charge / c ]`. */
export function createIdentityAutoencoder(options: IdentityOptions): Autoencoder {
  const { elements, includeCharges, normalisers: [ofPosition, ofType, ofCharge] } = options;
  const features = elements.length + (includeCharges ? 1 : 0), width = 3 + features;
  const space: LatentSpace = { vectors: 1, scalars: features, pairs: 0 };
  return {
    space,
    counts: "atoms",
    // deno-lint-ignore require-await -- errors are to come as rejections
    async encode(molecules) {
      const { positions, features: h } = atomFeatureArrays(molecules, options), atoms = positions.length / 3;
      const z = new Float32Array(atoms * width);
      for (let i = 0; i < atoms; i++) {
        for (let axis = 0; axis < 3; axis++) z[i * width + axis] = positions[3 * i + axis] / ofPosition;
        for (let k = 0; k < features; k++) {
          z[i * width + 3 + k] = h[i * features + k] / (k < elements.length ? ofType : ofCharge);
        }
      }
      return z;
    },
    // deno-lint-ignore require-await
    async decode(z, { batch, nodes }) {
      const atomicNumbers = likeliestElements(z, options, { stride: width, offset: 3 });
      return Array.from({ length: batch }, (_, b) => {
        const positions = new Float32Array(3 * nodes);
        for (let i = 0; i < nodes; i++) {
          for (let axis = 0; axis < 3; axis++) {
            positions[3 * i + axis] = z[(b * nodes + i) * width + axis] * ofPosition;
          }
        }
        return { atomicNumbers: atomicNumbers.slice(b * nodes, (b + 1) * nodes), positions };
      });
    },
    dispose() {},
  };
}

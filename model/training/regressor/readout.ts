/**
 * Properties of molecules read from a pair-attention network's outputs, and the gradient back to them, so that a denoiser's engines train a regressor
 * as they are.
 *
 * What the heads say is unbounded: alpha = 0 and sigma = 1 leave of a vector the network's own part O, and the logarithm of a softmax' value over
 * that of its first class is a difference of logits u. With u_k of each of N nodes, x its position in angstrom and O its second vector:
 *
 *     alpha, Cv        (1/9) sum_n u_k            they grow with the molecule; most of QM9's have nine nodes
 *     gap, HOMO, LUMO  sum_n a_n u_k              a = softmax over the nodes of u_(k+5): orbitals lie somewhere
 *     mu               |sum_n (u_6 - mean u_6) x + O|    charges without a sum, and atoms' own dipoles
 */
import { PROPERTY_NAMES, type PropertyName } from "../../../chem/properties.ts";
import type { Asked } from "../../diffusion/learner.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { ANGSTROM } from "../../networks/heavy_atom/space.ts";

/** Nodes that sums are divided by. */
const USUAL_NODES = 9;

/** The class whose logits others are measured from, and the places of u and of the weights of the nodes. */
const PLACES: Readonly<Record<PropertyName, { readonly value: number; readonly weight?: number }>> = {
  alpha: { value: 1 },
  gap: { value: 2, weight: 7 },
  homo: { value: 3, weight: 8 },
  lumo: { value: 4, weight: 9 },
  mu: { value: 6 },
  cv: { value: 5 },
};

/** Least value of a softmax that is told from zero, and of a dipole's square. */
const LEAST = 1e-30, LEAST_SQUARE = 1e-12;

/** Properties `[B, 6]`, in units of their own, and how to go back from a gradient at them. */
export interface Read {
  readonly values: Float32Array;
  /** dL/dx0 `[B, L]` for dL/dvalues `[B, 6]`, as `step` of a learner takes it. */
  gradient(ofValues: Float32Array): Float32Array;
}

/** Where numbers of a node lie. */
function layout({ vectors: V, scalars: K, pairs: P }: LatentSpace, nodes: number) {
  const width = 3 * V + K;
  return { width, length: nodes * width + nodes * nodes * P, scalars: 3 * V };
}

/**
 * Reads properties of estimates x0 `[B, L]` that were asked with alpha 0 and sigma 1.
 *
 * @throws RangeError where a latent has fewer than 10 classes or 2 vectors
 */
export function readProperties(
  x0: Float32Array,
  { z, shape: { batch: B, nodes: N } }: Asked,
  space: LatentSpace,
): Read {
  if (space.scalars < 10 || space.vectors < 2) {
    throw new RangeError(
      `a regressor's latent must have at least 10 classes and 2 vectors; got ${JSON.stringify(space)}`,
    );
  }
  const { width, length, scalars } = layout(space, N), count = PROPERTY_NAMES.length;
  const values = new Float32Array(B * count), dipoles = new Float64Array(3 * B);
  const at = (b: number, n: number) => b * length + n * width;
  const said = (b: number, n: number, k: number) => Math.max(LEAST, x0[at(b, n) + scalars + k]);
  const logit = (b: number, n: number, k: number) => Math.log(said(b, n, k) / said(b, n, 0));
  const logits = (b: number, k: number) => Float64Array.from({ length: N }, (_, n) => logit(b, n, k));
  for (let b = 0; b < B; b++) {
    PROPERTY_NAMES.forEach((name, p) => {
      const { value, weight } = PLACES[name], u = logits(b, value);
      if (name === "mu") {
        const mean = sum(u) / N, d = dipoles.subarray(3 * b, 3 * b + 3);
        for (let n = 0; n < N; n++) {
          for (let axis = 0; axis < 3; axis++) {
            d[axis] += (u[n] - mean) * ANGSTROM * z[at(b, n) + axis] + x0[at(b, n) + 3 + axis];
          }
        }
        values[b * count + p] = Math.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2 + LEAST_SQUARE);
      } else {
        const weights = weight === undefined ? undefined : softmax(logits(b, weight));
        values[b * count + p] = weights ? sum(u.map((one, n) => weights[n] * one)) : sum(u) / USUAL_NODES;
      }
    });
  }

  const gradient = (ofValues: Float32Array) => {
    const out = new Float32Array(x0.length), d = new Float64Array(space.scalars);
    for (let b = 0; b < B; b++) {
      const weights = PROPERTY_NAMES.map((name) => {
        const { weight } = PLACES[name];
        return weight === undefined ? undefined : softmax(logits(b, weight));
      });
      for (let n = 0; n < N; n++) {
        d.fill(0);
        PROPERTY_NAMES.forEach((name, p) => {
          const { value, weight } = PLACES[name], g = ofValues[b * count + p], a = weights[p]?.[n];
          if (name === "mu") {
            for (let axis = 0; axis < 3; axis++) {
              const along = g * dipoles[3 * b + axis] / values[b * count + p];
              d[value] += along * ANGSTROM * z[at(b, n) + axis]; // positions are centred: the mean of u has no part in it
              out[at(b, n) + 3 + axis] = along;
            }
          } else if (a !== undefined) {
            d[value] += g * a;
            d[weight!] += g * a * (logit(b, n, value) - values[b * count + p]);
          } else d[value] += g / USUAL_NODES;
        });
        d[0] = -sum(d);
        // A softmax turns d / x at its values x into d - p sum(d), and the sum is 0.
        for (let k = 0; k < space.scalars; k++) out[at(b, n) + scalars + k] = d[k] / said(b, n, k);
      }
    }
    return out;
  };
  return { values, gradient };
}

const sum = (x: Float64Array) => x.reduce((all, one) => all + one, 0);

function softmax(x: Float64Array): Float64Array {
  const most = Math.max(...x), e = x.map((one) => Math.exp(one - most)), all = sum(e);
  return e.map((one) => one / all);
}

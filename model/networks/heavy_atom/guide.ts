/**
 * Classifier-free guidance (Ho and Salimans 2022, "Classifier-free diffusion guidance", eq. 6) on estimates of x0: from what a network says without being told
 * properties to what it says when told, w of the way, and beyond it above 1.
 *
 *     vectors          x = u + w (c - u)
 *     classes, orders  p ~ p_u^(1 - w) p_c^w     the same line between logarithms: a distribution again, whatever w
 *
 * Here w = 1 + the paper's w. At w = 1 the network's own conditional estimate, at 0 the one without, each of one call; two calls else.
 */
import { type Condition, type Conditions, eachCondition } from "../../diffusion/condition.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { rowsOf } from "../../diffusion/latent.ts";
import type { BatchShape, LatentSpace } from "../../diffusion/types.ts";
import { ONE_HOT } from "./space.ts";

/** What a network is asked where an estimate is not guided: without properties where none of what they change is taken. */
export function unguided<C extends Pick<Condition, "properties" | "guidance">>({ guidance = 1, ...condition }: C) {
  const { properties: _, ...untold } = condition;
  return guidance === 0 ? untold : condition;
}

/** How far an estimate is guided; undefined where one call says all. */
export const guidanceOf = ({ properties, guidance = 1 }: Pick<Condition, "properties" | "guidance"> = {}) =>
  properties && guidance !== 1 && guidance !== 0 ? guidance : undefined;

/** Least probability: the logarithms of smaller ones are as good. */
const LEAST = 1e-12;

/** A row of a softmax, the values between 0 and one half. */
function guideRow(told: Float32Array, untold: Float32Array, w: number, at: number, length: number): void {
  let most = -Infinity;
  for (let k = at; k < at + length; k++) {
    const c = Math.log(Math.max(told[k] / ONE_HOT, LEAST)), u = Math.log(Math.max(untold[k] / ONE_HOT, LEAST));
    told[k] = u + w * (c - u);
    if (told[k] > most) most = told[k];
  }
  let sum = 0;
  for (let k = at; k < at + length; k++) sum += told[k] = Math.exp(told[k] - most);
  for (let k = at; k < at + length; k++) told[k] *= ONE_HOT / sum;
}

/**
 * Guides estimates `[B, L]` in their place.
 *
 * @param told estimates with properties; written over
 * @param untold those without
 * @param w one for each molecule `[B]`, or for all
 */
export function guide(
  told: Float32Array,
  untold: Float32Array,
  w: number | readonly number[],
  { vectors: V, scalars: K, pairs: P }: LatentSpace,
  { batch, nodes: N }: BatchShape,
): void {
  const width = 3 * V + K, length = N * width + N * N * P;
  for (let b = 0; b < batch; b++) {
    const by = typeof w === "number" ? w : w[b];
    for (let i = 0; i < N; i++) {
      const node = b * length + i * width;
      for (let k = node; k < node + 3 * V; k++) told[k] = untold[k] + by * (told[k] - untold[k]);
      guideRow(told, untold, by, node + 3 * V, K);
      for (let j = 0; j < N; j++) {
        if (i !== j) guideRow(told, untold, by, b * length + N * width + (i * N + j) * P, P);
      }
    }
  }
}

/**
 * Guides some molecules of a batch in their place.
 *
 * @param told `[B, L]`; those of these places are written over
 * @param untold `[places, L]`
 * @param w of a place
 */
export function guideSome(
  told: Float32Array,
  untold: Float32Array,
  places: readonly number[],
  w: (place: number) => number,
  space: LatentSpace,
  shape: BatchShape,
): void {
  const length = told.length / shape.batch,
    of = (x: Float32Array, k: number) => x.subarray(k * length, (k + 1) * length);
  places.forEach((b, k) => guide(of(told, b), of(untold, k), w(b), space, { ...shape, batch: 1 }));
}

/** A denoiser around one that is told properties, of which conditions' `guidance` is heard: both estimates of a guided molecule come from one call. */
export function createGuided(network: Denoiser): Denoiser {
  const { space } = network, { sample, ...can } = network.can;
  const predict = async (z: Float32Array, shape: BatchShape, conditions: Conditions): Promise<Float32Array> => {
    const all = eachCondition(conditions, shape.batch), places = all.flatMap((one, b) => guidanceOf(one) ? [b] : []);
    const asked = Array.isArray(conditions) ? all.map(unguided) : unguided(conditions as Condition);
    if (places.length === 0) return await network.predict(z, shape, asked);
    const length = z.length / shape.batch, wide = new Float32Array(z.length + places.length * length);
    wide.set(z);
    wide.set(rowsOf(z, places, length), z.length);
    const untold = places.map((b) => unguided({ ...all[b], guidance: 0 }));
    const batch = shape.batch + places.length;
    const said = await network.predict(wide, { ...shape, batch }, [...all.map(unguided), ...untold]);
    const x0 = said.slice(0, z.length);
    guideSome(x0, said.subarray(z.length), places, (b) => guidanceOf(all[b])!, space, shape);
    return x0;
  };
  return {
    space,
    predict,
    can: {
      ...can,
      sample: sample &&
        ((sampling, options) =>
          sample({
            ...sampling,
            condition: guidanceOf(sampling.condition)
              ? sampling.condition
              : sampling.condition && unguided(sampling.condition),
          }, options)),
    },
    dispose: () => network.dispose(),
  };
}

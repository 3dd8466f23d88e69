/** A training batch of the right form without any data: random positions and classes, bonded in a chain. */
import { heavyAtomSpace, ONE_HOT } from "../model/networks/heavy_atom/space.ts";
import { conditioned } from "../model/diffusion/condition.ts";
import { drawNoise, latentLength } from "../model/diffusion/latent.ts";
import { random } from "../model/diffusion/random.ts";
import { makeSchedule } from "../model/diffusion/schedules.ts";
import type { Group } from "../model/diffusion/learner.ts";
import { lossWeights } from "../model/training/weights.ts";
import type { BatchShape } from "../model/diffusion/types.ts";

/** Clean latents `[B, L]`: noise for positions and vectors, one class a node, one bond order a pair. */
function cleanLatents(shape: BatchShape): Float32Array {
  const space = heavyAtomSpace(), { batch, nodes } = shape, { vectors, scalars, pairs } = space;
  const streams = Array.from({ length: batch }, (_, b) => random(4, b));
  const z = drawNoise(space, shape, streams), length = latentLength(space, nodes), width = 3 * vectors + scalars;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < nodes; i++) {
      const at = b * length + i * width + 3 * vectors, kind = streams[b].integer(scalars);
      for (let k = 0; k < scalars; k++) z[at + k] = k === kind ? ONE_HOT : 0;
      for (let j = 0; j < nodes; j++) {
        const from = b * length + nodes * width + (i * nodes + j) * pairs, order = Math.abs(i - j) === 1 ? 1 : 0;
        for (let p = 0; p < pairs; p++) z[from + p] = i !== j && p === order ? ONE_HOT : 0;
      }
    }
  }
  return z;
}

/** The batch at half time. */
export function trainingBatch(shape: BatchShape): Group {
  const { batch } = shape, target = cleanLatents(shape), schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
  const { alpha, sigma } = schedule(0.5), each = lossWeights(sigma);
  const noise = drawNoise(heavyAtomSpace(), shape, Array.from({ length: batch }, (_, b) => random(5, b)));
  return {
    shape,
    z: noise.map((value, i) => alpha * target[i] + sigma * value),
    target,
    ...conditioned(Array(batch).fill({ time: 0.5 }), schedule),
    weights: Float32Array.from({ length: 3 * batch }, (_, i) => each[i % 3]),
  };
}

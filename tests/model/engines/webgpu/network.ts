/** What tests of the GPU share: an adapter, if there is one, and small networks of which every parameter matters. */
import { shaken } from "../shaken.ts";
import { findAdapter, type Gpu, openGpu } from "../../../../model/engines/webgpu/device.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import type { PairAttentionSizes } from "../../../../model/networks/pair_attention/parameters.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { BatchShape } from "../../../../model/diffusion/types.ts";

export const space = { vectors: 3, scalars: 12, pairs: 4 }, schedule = cosineSchedule();

/** Whether there is an adapter, be it in software, and whether it has 16-bit floats. */
export const found = await findAdapter().then(
  ({ adapter }) => ({ gpu: true, f16: adapter.features.has("shader-f16") }),
  () => ({ gpu: false, f16: false }),
);

/** Opens whatever adapter there is, for the length of `work`. */
export async function withGpu<T>(work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await openGpu({ software: true });
  try {
    return await work(gpu);
  } finally {
    gpu.close();
  }
}

/** Parameters of which none is zero. */
export const parameters = (sizes: PairAttentionSizes) => shaken(space, sizes);

/** Noisy latents, and a time for each. */
export function noisy(shape: BatchShape, seed = 5) {
  const z = drawNoise(space, shape, Array.from({ length: shape.batch }, (_, b) => random(seed, b)));
  return { z, t: Float32Array.from({ length: shape.batch }, (_, b) => (b + 0.5) / shape.batch) };
}

/** Largest difference relative to the largest value of `expected`. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let error = actual.length === expected.length ? 0 : NaN, largest = 0;
  for (let k = 0; k < expected.length; k++) {
    const difference = Math.abs(actual[k] - expected[k]);
    error = difference <= error ? error : difference; // NaN stays
    largest = Math.max(largest, Math.abs(expected[k]));
  }
  return error / largest;
}

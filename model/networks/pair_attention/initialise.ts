/** First values of the parameters. */
import { PURPOSE, random } from "../../diffusion/random.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { pairAttentionParameters, type PairAttentionSizes, type ParameterSpec } from "./parameters.ts";

/** A tensor as files and engines hold it. */
export interface Values {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** Parameters drawn as their specs say; parameter k draws from the stream (seed, k) alone. */
export function initialValues(specs: readonly ParameterSpec[], seed: number): Map<string, Values> {
  return new Map(specs.map(({ name, shape, init: { kind, scale } }, k) => {
    const draw = random(seed, k, PURPOSE.initialValues), data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) {
      if (kind === "uniform") data[i] = scale * (2 * draw.uniform() - 1);
      else if (kind !== "zeros") data[i] = scale * draw.normal();
    }
    if (kind === "identity") { for (let i = 0; i < shape[0]; i++) data[i * shape[1] + i] += 1; }
    return [name, { shape: [...shape], data }];
  }));
}

/** Parameters of a new pair-attention denoiser. */
export function initialise(space: LatentSpace, sizes: PairAttentionSizes, seed: number): Map<string, Values> {
  return initialValues(pairAttentionParameters(space, sizes), seed);
}

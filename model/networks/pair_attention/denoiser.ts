/** The pair-attention denoiser on any TensorFlow.js backend, as samplers want it. */
import type * as tfjs from "@tensorflow/tfjs";
import { conditioned, eachCondition } from "../../diffusion/condition.ts";
import type { Asked } from "../../diffusion/learner.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import type { Values } from "./initialise.ts";
import { withoutOf } from "./conditions.ts";
import { conditionTensors, joinLatent, splitLatent } from "./inputs.ts";
import type { Tensors, Tf } from "./layers.ts";
import { pairAttention } from "./network.ts";
import { pairAttentionParameters, type PairAttentionSizes, type ParameterSpec } from "./parameters.ts";

/** What a pair-attention denoiser is made of. */
export interface PairAttentionOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  /** The card's schedule: alpha and sigma at a time. */
  readonly schedule: (t: number) => { readonly alpha: number; readonly sigma: number };
}

/** Puts parameters on the device. Throws RangeError where one is missing or has another shape than its spec. */
export function toTensors(
  tf: Tf,
  specs: readonly ParameterSpec[],
  values: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
): Record<string, tfjs.Tensor> {
  for (const { name, shape } of specs) {
    const given = values.get(name)?.shape;
    if (given?.join() !== shape.join()) {
      throw new RangeError(`parameter ${name} must be of shape [${shape}]; got ${given ? `[${given}]` : "none"}`);
    }
  }
  return Object.fromEntries(specs.map(({ name, shape }) => [name, tf.tensor(values.get(name)!.data, [...shape])]));
}

/** Estimates of x0 `[B, L]` by these parameters; of `latents` `[B, L]`, where given, in place of `asked.z`, to differentiate in. */
export function pairAttentionEstimate(
  tf: Tf,
  space: LatentSpace,
  sizes: Omit<PairAttentionSizes, "width">,
  params: Tensors,
  { z, shape, ...at }: Asked,
  latents?: tfjs.Tensor2D,
): tfjs.Tensor2D {
  return joinLatent(
    tf,
    pairAttention(tf, params, { ...sizes, without: withoutOf(at.conditions, sizes) }, {
      ...splitLatent(tf, latents ?? z, space, shape),
      ...conditionTensors(tf, at, sizes),
    }),
  );
}

/** @param params see `parameters.ts` for names and shapes */
export function createPairAttention(
  tf: Tf,
  { space, sizes, schedule }: PairAttentionOptions,
  params: ReadonlyMap<string, Values>,
): Denoiser {
  if (!(sizes.width > 0 && sizes.width % 16 === 0)) {
    throw new RangeError(`width must be a positive multiple of 16; got ${sizes.width}`);
  }
  if (space.vectors < 2 || space.scalars < 1 || space.pairs < 1) {
    throw new RangeError(`the latent must have at least 2 vectors, scalars and pairs; got ${JSON.stringify(space)}`);
  }
  const tensors = toTensors(tf, pairAttentionParameters(space, sizes), params);
  return {
    space,
    async predict(z, shape, conditions) {
      const at = conditioned(eachCondition(conditions, shape.batch), schedule);
      const x0 = tf.tidy(() => pairAttentionEstimate(tf, space, sizes, tensors, { z, shape, ...at }));
      try {
        return await x0.data() as Float32Array;
      } finally {
        x0.dispose();
      }
    },
    can: {},
    dispose() {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}

export { initialise } from "./initialise.ts";
export { type Gradients, lossAndGradients, pairAttentionLoss } from "./loss.ts";

/** EDM's and GeoLDM's denoiser: an EGNN on noisy latents with the time, and properties where it is told any, as more features of every node. */
import type * as tfjs from "@tensorflow/tfjs";
import { type Conditions, eachCondition } from "../diffusion/condition.ts";
import type { Tf } from "./tf.ts";
import { centred, egnn } from "./egnn.ts";
import { contextRows, type ToldProperty, withContext } from "./egnn_context.ts";
import { centredPositions, type EgnnNetwork, type EgnnNetworkOptions } from "./egnn_network.ts";
import type { Asked } from "../diffusion/learner.ts";
import { checkLatents } from "../diffusion/latent.ts";
import { egnnParameters, type EgnnSizes } from "./egnn_parameters.ts";
import type { Tensors } from "./pair_attention/layers.ts";
import { toTensors } from "./pair_attention/denoiser.ts";
import type { ParameterSpec } from "./pair_attention/parameters.ts";
import type { StoredTensor } from "../diffusion/safetensors.ts";
import type { BatchShape, LatentSpace, Schedule } from "../diffusion/types.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

/** What the network's output means. */
export type Parametrisation = "eps" | "x0" | "v";

/** Sizes of the denoiser's EGNN, and how it is used. */
export interface EgnnDenoiserSizes extends EgnnSizes {
  readonly conditionTime: boolean;
  readonly parametrisation: Parametrisation;
}

/** The same of a network that may be told properties. */
export interface ToldEgnnSizes extends EgnnDenoiserSizes {
  /** All of them always; none where absent. */
  readonly conditions?: readonly ToldProperty[];
}

/** Features of a node as the EGNN reads them: the scalars (or a constant where there are none), the time, and properties. */
function inputs({ scalars }: LatentSpace, { conditionTime, conditions = [] }: ToldEgnnSizes): number {
  return Math.max(scalars, 1) + (conditionTime ? 1 : 0) + conditions.length;
}

/** The denoiser's parameters. */
export function egnnDenoiserParameters(space: LatentSpace, sizes: ToldEgnnSizes): ParameterSpec[] {
  return egnnParameters("", inputs(space, sizes), inputs(space, sizes), sizes);
}

/**
 * The network's own output: (params, z, t) -> prediction, Hoogeboom et al. (2022), eq. 13: the displacement of the
 * positions without its mean, and the features without the time's and the properties'.
 *
 * @param z `[B,N,3+k]`
 * @param t `[B]`
 * @param context `[B,C]`, of a network that is told C properties
 * @returns `[B,N,3+k]`
 */
export function egnnPrediction(
  tf: Tf,
  params: Tensors,
  sizes: EgnnDenoiserSizes,
  z: tfjs.Tensor,
  t: tfjs.Tensor,
  context?: tfjs.Tensor2D,
): tfjs.Tensor {
  const [B, N, width] = z.shape as [number, number, number], k = width - 3;
  const x = tf.slice(z, [0, 0, 0], [-1, -1, 3]);
  const features = [k > 0 ? tf.slice(z, [0, 0, 3], [-1, -1, k]) : tf.ones([B, N, 1])];
  if (sizes.conditionTime) features.push(tf.tile(tf.reshape(t, [B, 1, 1]), [1, N, 1]));
  if (context) features.push(tf.tile(tf.expandDims(context, 1), [1, N, 1]));
  const out = egnn(tf, params, "", sizes, { h: tf.concat(features, -1), x });
  const moved = centred(tf, tf.sub(out.x, x));
  return k > 0 ? tf.concat([moved, tf.slice(out.h, [0, 0, 0], [-1, -1, k])], -1) : moved;
}

/** x0 as a combination of z and the prediction: `[of z, of the prediction]`. */
export function towardsX0(parametrisation: Parametrisation, alpha: number, sigma: number): [number, number] {
  switch (parametrisation) {
    case "eps": // z = alpha x0 + sigma eps
      return [1 / alpha, -sigma / alpha];
    case "x0":
      return [0, 1];
    case "v": // v = alpha eps - sigma x0 (Salimans & Ho, 2022, appendix D)
      return [alpha, -sigma];
  }
}

/** Estimates of x0 `[B, L]` for latents `[B, L]`, differentiable in the parameters and in the latents. */
export function egnnEstimate(
  tf: Tf,
  sizes: EgnnDenoiserSizes,
  params: Tensors,
  { shape: { batch, nodes }, conditions, alpha, sigma }: Omit<Asked, "z">,
  z: tfjs.Tensor2D,
): tfjs.Tensor {
  const output = egnnPrediction(
    tf,
    params,
    sizes,
    tf.reshape(z, [batch, nodes, -1]),
    tf.tensor1d(conditions.map(({ time }) => time)),
  );
  const shares = Array.from(alpha, (value, b) => towardsX0(sizes.parametrisation, value, sigma[b]));
  const [ofZ, ofOutput] = [0, 1].map((k) => tf.tensor2d(shares.map((pair) => pair[k]), [batch, 1]));
  return tf.add(tf.mul(ofZ, z), tf.mul(ofOutput, tf.reshape(output, [batch, -1])));
}

/** What an EGNN denoiser is made of. */
export interface EgnnDenoiserOptions {
  readonly space: LatentSpace;
  readonly sizes: ToldEgnnSizes;
  readonly schedule: Schedule;
}

/** Throws RangeError for a latent space with more vectors than the position, or with pairs. */
export function checkSpace(space: LatentSpace): void {
  if (space.vectors !== 1 || space.pairs !== 0) {
    throw new RangeError(
      `the latent of an EGNN must have one vector a node and no pairs; got ${JSON.stringify(space)}`,
    );
  }
}

/** One time a molecule, of 32 bits. */
const timesOf = (conditions: Conditions, batch: number): Float32Array =>
  Float32Array.from(eachCondition(conditions, batch), ({ time }) => time);

/** What each molecule is told, `[B, C]`. @throws RangeError as {@link contextRows} */
const contextOf = (conditions: Conditions, shape: BatchShape, { conditions: told }: ToldEgnnSizes): Float32Array =>
  contextRows(eachCondition(conditions, shape.batch).map(({ properties }) => properties), shape, told);

/** x0 `[B, L]` of z and the network's output. */
function estimates(
  z: Float32Array,
  prediction: Float32Array,
  times: Float32Array,
  { sizes, schedule }: EgnnDenoiserOptions,
): Float32Array {
  const x0 = new Float32Array(z.length), length = z.length / times.length;
  for (let b = 0; b < times.length; b++) {
    const { alpha, sigma } = schedule(times[b]);
    const [ofZ, ofPrediction] = towardsX0(sizes.parametrisation, alpha, sigma);
    for (let i = b * length; i < (b + 1) * length; i++) x0[i] = ofZ * z[i] + ofPrediction * prediction[i];
  }
  return x0;
}

/**
 * The denoiser as samplers want it: x0 estimates.
 *
 * @param params see {@link egnnDenoiserParameters}
 * @throws RangeError for a latent space with more vectors than the position, or with pairs; for parameters that lack
 */
export function createEgnnDenoiser(
  tf: Tf,
  { space, sizes, schedule }: EgnnDenoiserOptions,
  params: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Denoiser {
  checkSpace(space);
  const tensors = toTensors(tf, egnnDenoiserParameters(space, sizes), params), width = 3 + space.scalars;
  return {
    space,
    async predict(z, { batch, nodes }, conditions) {
      const times = timesOf(conditions, batch), context = contextOf(conditions, { batch, nodes }, sizes);
      const output = tf.tidy(() =>
        egnnPrediction(
          tf,
          tensors,
          sizes,
          tf.tensor3d(z, [batch, nodes, width]),
          tf.tensor1d(times),
          context.length > 0 ? tf.tensor2d(context, [batch, context.length / batch]) : undefined,
        )
      );
      try {
        return estimates(z, await output.data() as Float32Array, times, { space, sizes, schedule });
      } finally {
        output.dispose();
      }
    },
    can: {},
    dispose() {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}

/** The denoiser's network as the engine takes it. */
export function egnnDenoiserNetwork({ space, sizes }: Omit<EgnnDenoiserOptions, "schedule">): EgnnNetworkOptions {
  return { sizes, inputs: inputs(space, sizes), outputs: inputs(space, sizes) };
}

/**
 * The same denoiser on the engine; it disposes of the network.
 *
 * @param network of {@link egnnDenoiserNetwork}
 * @throws RangeError as {@link createEgnnDenoiser}
 */
export function createEngineEgnnDenoiser(options: EgnnDenoiserOptions, network: EgnnNetwork): Denoiser {
  const { space, sizes } = options, k = space.scalars, width = 3 + k, all = inputs(space, sizes);
  const features = all - (sizes.conditions?.length ?? 0);
  checkSpace(space);
  const predict: Denoiser["predict"] = async (z, shape, conditions) => {
    checkLatents(z, space, shape);
    const { batch, nodes } = shape, rows = batch * nodes, times = timesOf(conditions, batch);
    // Ones where there are no scalars.
    const h = new Float32Array(rows * features).fill(1), x = new Float32Array(rows * 3);
    for (let row = 0; row < rows; row++) {
      x.set(z.subarray(row * width, row * width + 3), row * 3);
      h.set(z.subarray(row * width + 3, (row + 1) * width), row * features);
      if (sizes.conditionTime) h[(row + 1) * features - 1] = times[Math.floor(row / nodes)];
    }
    const told = withContext(h, contextOf(conditions, shape, sizes), shape);
    const out = await network.run({ h: told, x }, shape), prediction = new Float32Array(z.length);
    const moved = centredPositions(out.x.map((value, i) => value - x[i]), shape);
    for (let row = 0; row < rows; row++) {
      prediction.set(moved.subarray(row * 3, row * 3 + 3), row * width);
      prediction.set(out.h.subarray(row * all, row * all + k), row * width + 3);
    }
    return estimates(z, prediction, times, options);
  };
  return {
    space,
    predict,
    can: { independent: true },
    dispose: () => network.dispose(),
  };
}

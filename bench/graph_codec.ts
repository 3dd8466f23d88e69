/**
 * A learned codec of a heavy-atom latent's invariant part, for comparison with the hand-made one: a variational autoencoder of the graph. Its
 * encoder takes one-hot classes and bond orders to as many numbers a node and a pair as one-hot ones have beside their fixed sum, K - 1 and
 * P - 1, and knows the neighbours; its decoder takes these back to logits. Positions and vectors to hydrogens stay as they are.
 */
import type * as tfjs from "@tensorflow/tfjs";
import { drawNoise } from "../model/diffusion/latent.ts";
import { averagesOf, type Group } from "../model/diffusion/learner.ts";
import { random } from "../model/diffusion/random.ts";
import type { BatchShape, LatentSpace } from "../model/diffusion/types.ts";
import { createTensorflowLearner } from "../model/engines/tensorflow/tensorflow_learner.ts";
import { ONE_HOT } from "../model/networks/heavy_atom/space.ts";
import { toTensors } from "../model/networks/pair_attention/denoiser.ts";
import { initialValues } from "../model/networks/pair_attention/initialise.ts";
import { splitLatent } from "../model/networks/pair_attention/inputs.ts";
import { linear, offDiagonal, project, silu, type Tensors, type Tf } from "../model/networks/pair_attention/layers.ts";
import { crossEntropy } from "../model/networks/pair_attention/loss.ts";
import type { ParameterSpec } from "../model/networks/pair_attention/parameters.ts";
import { emaDecay, rateFactor } from "../model/training/schedule.ts";
import { eachRow, type Part } from "./linear_heads.ts";

/** Channels of a node and of a pair, and rounds of messages, of the encoder and of the decoder. */
const WIDTH = 48, PAIR_WIDTH = 16, ROUNDS = 2;

/** Of the posterior at first, in nats: narrow, so that something is learned before the divergence counts. */
const FIRST_LOG_VARIANCE = -3;

/** Purpose of the streams of the posterior's draws; see model/diffusion/random.ts. */
const POSTERIOR = 109;

/** Numbers of each node `[B, N, ...]` and of each pair `[B, N, N, ...]`, symmetric. */
interface GraphTensors {
  readonly nodes: tfjs.Tensor;
  readonly pairs: tfjs.Tensor;
}

/** The layers of a network from `[inNodes, inPairs]` to `[outNodes, outPairs]` numbers. */
function layersOf(at: string, [inNodes, inPairs]: number[], [outNodes, outPairs]: number[]): ParameterSpec[] {
  const list: ParameterSpec[] = [];
  const add = (name: string, shape: number[], scale: number) =>
    list.push({ name: `${at}.${name}`, shape, init: { kind: "uniform", scale }, optimiser: "adamw" });
  const layer = (name: string, input: number, output: number) => {
    add(`${name}.weight`, [input, output], 1 / Math.sqrt(input));
    add(`${name}.bias`, [output], 1 / Math.sqrt(input));
  };
  layer("input", inNodes, WIDTH);
  for (let round = 0; round < ROUNDS; round++) {
    layer(`${round}.ends`, WIDTH, 2 * PAIR_WIDTH);
    add(`${round}.pair`, [inPairs, PAIR_WIDTH], 1 / Math.sqrt(inPairs));
    layer(`${round}.up`, WIDTH + PAIR_WIDTH, WIDTH);
    layer(`${round}.down`, WIDTH, WIDTH);
  }
  layer("nodes", WIDTH, outNodes);
  layer("ends", WIDTH, PAIR_WIDTH);
  add("pair", [inPairs, PAIR_WIDTH], 1 / Math.sqrt(inPairs));
  layer("pairs", PAIR_WIDTH + inPairs, outPairs);
  return list;
}

/** Every parameter of a codec: the encoder's mean and log-variance of each number, the decoder's logits. */
export function codecParameters({ scalars: K, pairs: P }: LatentSpace): ParameterSpec[] {
  const graph = [K, P], latent = [K - 1, P - 1];
  return [...layersOf("encoder", graph, latent.map((size) => 2 * size)), ...layersOf("decoder", latent, graph)];
}

/** Messages along all pairs, then numbers of nodes and of pairs. Indifferent to the order of nodes. */
function graphNetwork(tf: Tf, params: Tensors, at: string, { nodes, pairs }: GraphTensors): GraphTensors {
  const N = nodes.shape[1]!, mask = offDiagonal(tf, N);
  const meet = (a: tfjs.Tensor, b: tfjs.Tensor, name: string) =>
    silu(tf, tf.add(tf.add(tf.expandDims(a, 2), tf.expandDims(b, 1)), project(tf, pairs, params[`${at}.${name}`])));
  let h = linear(tf, params, `${at}.input`, nodes);
  for (let round = 0; round < ROUNDS; round++) {
    const [a, b] = tf.split(linear(tf, params, `${at}.${round}.ends`, h), 2, -1);
    const messages = tf.mul(tf.sum(tf.mul(meet(a, b, `${round}.pair`), mask), 2), 1 / 3);
    const up = silu(tf, linear(tf, params, `${at}.${round}.up`, tf.concat([h, messages], -1)));
    h = tf.add(h, linear(tf, params, `${at}.${round}.down`, up));
  }
  const ends = linear(tf, params, `${at}.ends`, h), met = tf.concat([meet(ends, ends, "pair"), pairs], -1);
  return {
    nodes: linear(tf, params, `${at}.nodes`, h),
    pairs: tf.mul(linear(tf, params, `${at}.pairs`, met), mask),
  };
}

/** The invariant part of hand-made latents `[B, L]`, as probabilities. */
function graphOf(tf: Tf, z: Float32Array, space: LatentSpace, shape: BatchShape): GraphTensors {
  const { scalars, pairs } = splitLatent(tf, z, space, shape);
  return { nodes: tf.mul(scalars, 1 / ONE_HOT), pairs: tf.mul(pairs, 1 / ONE_HOT) };
}

/** Molecules of one size: hand-made latents `[B, L]`, and normal draws of as many numbers as the codec's latents have. */
interface CodecGroup extends Pick<Group, "shape" | "target"> {
  readonly noise: Float32Array;
}

/** The latents that the codec itself makes: no vectors. */
const inner = ({ scalars, pairs }: LatentSpace): LatentSpace => ({
  vectors: 0,
  scalars: scalars - 1,
  pairs: pairs - 1,
});

/**
 * Means over molecules of the reconstruction's cross-entropy, in nats a molecule, and of the divergence of the posterior from a standard
 * normal, of which `kl` counts (Kingma & Welling 2014; Higgins et al. 2017). A pair counts once.
 */
export function codecLoss(tf: Tf, space: LatentSpace, kl: number, params: Tensors, group: CodecGroup) {
  const { shape } = group, told = graphOf(tf, group.target, space, shape), mask = offDiagonal(tf, shape.nodes);
  const said = graphNetwork(tf, params, "encoder", told), noise = splitLatent(tf, group.noise, inner(space), shape);
  const draw = (x: tfjs.Tensor, e: tfjs.Tensor) => {
    const [mean, raw] = tf.split(x, 2, -1), logVariance = tf.add(raw, FIRST_LOG_VARIANCE);
    const divergence = tf.mul(
      tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), logVariance), 1),
      0.5,
    );
    return { value: tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), e)), divergence };
  };
  const nodes = draw(said.nodes, noise.scalars), pairs = draw(said.pairs, noise.pairs);
  const logits = graphNetwork(tf, params, "decoder", { nodes: nodes.value, pairs: tf.mul(pairs.value, mask) });
  const perMolecule = (x: tfjs.Tensor, share = 1) => tf.mul(tf.sum(x), share / shape.batch) as tfjs.Scalar;
  const classes = perMolecule(crossEntropy(tf, told.nodes, logits.nodes));
  const orders = perMolecule(crossEntropy(tf, told.pairs, logits.pairs), 0.5);
  const divergence = tf.add(perMolecule(nodes.divergence), perMolecule(tf.mul(pairs.divergence, mask), 0.5));
  const total = tf.add(tf.add(classes, orders), tf.mul(divergence, kl)) as tfjs.Scalar;
  return { total, parts: { classes, orders, divergence: divergence as tfjs.Scalar } };
}

/** An orthonormal basis `[n - 1, n]` of the vectors whose sum is 0 (Helmert's). */
export function sumZeroBasis(n: number): Float32Array {
  const basis = new Float32Array((n - 1) * n);
  for (let k = 1; k < n; k++) {
    const row = basis.subarray((k - 1) * n, k * n);
    row.fill(1 / Math.sqrt(k * (k + 1)), 0, k);
    row[k] = -k / Math.sqrt(k * (k + 1));
  }
  return basis;
}

/** Between hand-made latents and learned ones of the same shape, whose scalars and pairs have the sum 0. */
export interface GraphCodec {
  /** Of hand-made latents `[B, L]`, or of estimates of them. */
  encode(z: Float32Array, shape: BatchShape): Promise<Float32Array>;
  /** Back to expected one-hot ones. */
  decode(z: Float32Array, shape: BatchShape): Promise<Float32Array>;
  /** Of the last update, where it was learned. */
  readonly losses?: Readonly<Record<string, number>>;
}

/** How a codec is learned. */
export interface CodecOptions {
  readonly space: LatentSpace;
  /** Weight of the divergence. */
  readonly kl: number;
  readonly updates: number;
  readonly seed: number;
  /** The hand-made latents of an update. */
  readonly groups: (update: number) => readonly Pick<Group, "shape" | "target">[];
}

/** AdamW's rate at first, and the updates whose latents show the means' spread. */
const RATE = 0.004, SHOWN = 32;

/** Of rows of numbers: the mean of each, and the sum of their variances. */
interface Spread {
  readonly mean: number[];
  readonly variance: number;
}

/** The spread of the scalars of nodes and of the features of pairs of two nodes, over groups of latents `[B, L]`. */
function spreadOf(
  groups: readonly { readonly z: Float32Array; readonly shape: BatchShape }[],
  space: LatentSpace,
): Record<Part, Spread> {
  const sums = (n: number) => ({ count: 0, sum: Array<number>(n).fill(0), squares: 0 });
  const all = { scalars: sums(space.scalars), pairs: sums(space.pairs) };
  for (const { z, shape } of groups) {
    eachRow(space, shape, (at, n, _, part) => {
      const to = all[part];
      to.count++;
      for (let k = 0; k < n; k++) to.sum[k] += z[at + k], to.squares += z[at + k] ** 2;
    });
  }
  const spread = ({ count, sum, squares }: ReturnType<typeof sums>): Spread => {
    const mean = sum.map((value) => value / count);
    return { mean, variance: squares / count - mean.reduce((all, value) => all + value * value, 0) };
  };
  return { scalars: spread(all.scalars), pairs: spread(all.pairs) };
}

/**
 * Learns a codec. Its latents are the posterior's means, shifted and scaled as a whole so that nodes and pairs have the mean 0 and the summed
 * variance that one-hot ones have: what noise leaves of them is then a matter of their arrangement alone.
 */
export async function learnCodec(
  tf: Tf,
  { space, kl, updates, seed, groups }: CodecOptions,
): Promise<GraphCodec> {
  const specs = codecParameters(space);
  const learner = createTensorflowLearner<CodecGroup>(tf, {
    backend: tf.getBackend(),
    specs,
    values: initialValues(specs, seed),
    loss: (params, group) => codecLoss(tf, space, kl, params, group),
  });
  let losses: GraphCodec["losses"];
  for (let update = 0; update < updates; update++) {
    const stream = random(seed, update, POSTERIOR);
    const drawn = groups(update).map(({ shape, target }) => {
      const noise = drawNoise(inner(space), shape, Array(shape.batch).fill(stream));
      return { shape, target, noise };
    });
    const factor = rateFactor(update, update / updates, { warmup: updates / 20 });
    losses =
      (await learner.update(drawn, { muon: 0, adamw: RATE * factor, clip: 100, emaDecay: emaDecay(update, 0.98) }))
        .parts;
  }
  const params = toTensors(tf, specs, averagesOf(await learner.state()));
  learner.dispose();
  const means = (z: Float32Array, shape: BatchShape): GraphTensors => {
    const { nodes, pairs } = graphNetwork(tf, params, "encoder", graphOf(tf, z, space, shape));
    return { nodes: tf.split(nodes, 2, -1)[0], pairs: tf.split(pairs, 2, -1)[0] };
  };
  /** Latents `[B, L]` of nodes and pairs, behind the vectors of `z`. */
  const joined = async (
    shape: BatchShape,
    make: () => GraphTensors & { readonly vectors?: tfjs.Tensor },
  ): Promise<Float32Array> => {
    const { batch: B, nodes: N } = shape;
    const out = tf.tidy(() => {
      const { vectors, nodes, pairs } = make();
      const own = vectors ? tf.concat([tf.reshape(vectors, [B, N, -1]), nodes], -1) : nodes;
      return tf.concat([tf.reshape(own, [B, -1]), tf.reshape(tf.mul(pairs, offDiagonal(tf, N)), [B, -1])], 1);
    });
    try {
      return await out.data() as Float32Array;
    } finally {
      out.dispose();
    }
  };
  const shown = Array.from({ length: SHOWN }, (_, update) => groups(update)).flat(), learned = [];
  for (const { target, shape } of shown) learned.push({ shape, z: await joined(shape, () => means(target, shape)) });
  const given = spreadOf(shown.map(({ target: z, shape }) => ({ z, shape })), space);
  const found = spreadOf(learned, inner(space));
  /** From means to a part of the latents, and back. */
  const frame = (part: Part) => {
    const n = space[part], { mean, variance } = found[part], scale = Math.sqrt(given[part].variance / variance);
    const basis = () => tf.tensor2d(sumZeroBasis(n), [n - 1, n]);
    return {
      to: (x: tfjs.Tensor) => project(tf, tf.mul(tf.sub(x, mean), scale), basis()),
      from: (x: tfjs.Tensor) => tf.add(tf.mul(project(tf, x, tf.transpose(basis())), 1 / scale), mean),
    };
  };
  const frames = { scalars: frame("scalars"), pairs: frame("pairs") };
  return {
    losses,
    encode: (z, shape) =>
      joined(shape, () => {
        const { nodes, pairs } = means(z, shape), { vectors } = splitLatent(tf, z, space, shape);
        return { vectors, nodes: frames.scalars.to(nodes), pairs: frames.pairs.to(pairs) };
      }),
    decode: (z, shape) =>
      joined(shape, () => {
        const { vectors, scalars, pairs } = splitLatent(tf, z, space, shape);
        const logits = graphNetwork(tf, params, "decoder", {
          nodes: frames.scalars.from(scalars),
          pairs: tf.mul(frames.pairs.from(pairs), offDiagonal(tf, shape.nodes)),
        });
        const expected = (x: tfjs.Tensor) => tf.mul(tf.softmax(x, -1), ONE_HOT);
        return { vectors, nodes: expected(logits.nodes), pairs: expected(logits.pairs) };
      }),
  };
}

/** The kernels of a training step of the pair-attention denoiser; `passes.ts` says in which order they run. */
import { EXPANSION, PAIR_WIDTH, type PairAttentionSizes, SETS } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import type { Gpu } from "../device.ts";
import { NORMED, normed } from "../network.ts";
import { endColumns, projectedColumns } from "../packing.ts";
import { createProduct } from "../products.ts";
import { createMoments } from "../rows.ts";
import { roundUp } from "../round_up.ts";
import { inputTerms } from "./batch.ts";
import { createInputGradient, createWeightGradient } from "./gradients.ts";
import { createLoss } from "./loss.ts";
import { READ, READ4, WRITE4 } from "./molecules.ts";
import { createNormBackward } from "./norms.ts";
import { createTrainingPairs } from "./pairs.ts";
import { createPairsBackward } from "./pairs_backward.ts";
import { createFirstSets, createFirstSetsBackward, createNextSets, createSetsBackward } from "./sets.ts";
import { createSums } from "./sums.ts";

/** What is trained. */
export interface TrainingOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
}

/** Sizes of the layers on nodes: rows of a weight, and its columns. */
export function layerSizes({ space, sizes: { width: f, ...told } }: TrainingOptions) {
  return {
    input: { terms: inputTerms(space, told), columns: f },
    projected: { terms: f + SETS, columns: projectedColumns(f) },
    out: { terms: f + PAIR_WIDTH, columns: f },
    up: { terms: f + SETS, columns: EXPANSION * f },
    down: { terms: EXPANSION * f, columns: f + SETS },
    ends: { terms: f, columns: endColumns(space).all },
  };
}

/** Floats of a row of an array of so many numbers, where products write whole tiles of it. */
export const rowFloats = (columns: number): number => roundUp(columns, 64);

const MOMENTS = NORMED.moments;
/** [LN(rows), norms] by single numbers; see `normed`. */
const NORMED1 = { rows: READ, norms: READ, moments: MOMENTS };
const normed1 = (f: number) => `
  if (k < ${f}u) { let m = moments[row]; return (rows[row * ${f}u + k] - m.x) * m.y; }
  return norms[row * ${SETS}u + k - ${f}u];`;
const SLOPE = `
fn slope(x: vec4<f32>) -> vec4<f32> { let s = 1.0 / (1.0 + exp(min(-x, vec4<f32>(80.0)))); return s * (1.0 + x * (1.0 - s)); }`;
/** [dh, dgates] as the gradient of the second layer of nodes. */
const DOWN = { dh: READ4, dgates: READ4 };
const down = (f: number) => `
  if (quad < ${f / 4}u) { return dh[row * ${f / 4}u + quad]; }
  return dgates[row * ${SETS / 4}u + quad - ${f / 4}u];`;

/** The layers' forward passes, whose results the backward pass finds where they are. */
async function forwardLayers(gpu: Gpu, options: TrainingOptions) {
  const { sizes: { width: f } } = options, size = layerSizes(options), quads = f / 4, wide = f + PAIR_WIDTH;
  const [input, projected, out, up, down, ends] = await Promise.all([
    createProduct(gpu, {
      label: "input, for training",
      ...size.input,
      bindings: { inputs: READ4, result: WRITE4 },
      load: `return inputs[row * ${size.input.terms / 4}u + quad];`,
      store: `result[row * ${quads}u + quad] = value;`,
    }),
    createProduct(gpu, {
      label: "projections, for training",
      ...size.projected,
      bindings: { ...NORMED, result: WRITE4 },
      load: normed(f),
      store: `result[row * ${rowFloats(size.projected.columns) / 4}u + quad] = value;`,
    }),
    createProduct(gpu, {
      label: "output of attention, for training",
      ...size.out,
      bindings: { mixed: READ4, before: READ4, result: WRITE4 },
      load: `return mixed[row * ${wide / 4}u + quad];`,
      store: `result[row * ${quads}u + quad] = before[row * ${quads}u + quad] + value;`,
    }),
    createProduct(gpu, {
      label: "first layer of nodes, for training",
      ...size.up,
      bindings: { ...NORMED, result: WRITE4 },
      load: normed(f),
      store: `result[row * ${size.up.columns / 4}u + quad] = value;`,
    }),
    createProduct(gpu, {
      label: "second layer of nodes, for training",
      ...size.down,
      bindings: { up: READ4, before: READ4, result: WRITE4, gates: WRITE4 },
      load: `return silu(up[row * ${size.down.terms / 4}u + quad]);`,
      store: `if (quad < ${quads}u) { result[row * ${quads}u + quad] = before[row * ${quads}u + quad] + value; }
       else { gates[row * ${SETS / 4}u + quad - ${quads}u] = tanh_(value); }`,
    }),
    createProduct(gpu, {
      label: "ends, for training",
      ...size.ends,
      bindings: { rows: READ4, moments: MOMENTS, result: WRITE4 },
      load: `let m = moments[row]; return (rows[row * ${quads}u + quad] - m.x) * m.y;`,
      store: `result[row * ${rowFloats(size.ends.columns) / 4}u + quad] = value;`,
    }),
  ]);
  return { input, projected, out, up, down, ends };
}

/** Gradients of the layers' inputs. */
async function inputGradients(gpu: Gpu, options: TrainingOptions) {
  const { sizes: { width: f } } = options, size = layerSizes(options), quads = f / 4;
  const split = (norms: string) =>
    `if (quad < ${quads}u) { dnormed[row * ${quads}u + quad] = value; }
    else { dnorms[row * ${SETS / 4}u + quad - ${quads}u] ${norms} value; }`;
  const [projected, out, up, downs, ends] = await Promise.all([
    createInputGradient(gpu, {
      label: "projections",
      ...size.projected,
      bindings: { dprojected: READ4, dnormed: WRITE4, dnorms: WRITE4 },
      dy: `return dprojected[row * ${rowFloats(size.projected.columns) / 4}u + quad];`,
      store: split("+="),
    }),
    createInputGradient(gpu, {
      label: "output of attention",
      ...size.out,
      bindings: { dh: READ4, dmixed: WRITE4 },
      dy: `return dh[row * ${quads}u + quad];`,
      store: `dmixed[row * ${size.out.terms / 4}u + quad] = value;`,
    }),
    createInputGradient(gpu, {
      label: "first layer of nodes",
      ...size.up,
      bindings: { dhidden: READ4, dnormed: WRITE4, dnorms: WRITE4 },
      dy: `return dhidden[row * ${size.up.columns / 4}u + quad];`,
      store: split("="),
    }),
    createInputGradient(gpu, {
      label: "second layer of nodes",
      ...size.down,
      bindings: { ...DOWN, up: READ4, dhidden: WRITE4 },
      declarations: SLOPE,
      dy: down(f),
      store: `let k = row * ${size.down.terms / 4}u + quad; dhidden[k] = value * slope(up[k]);`,
    }),
    createInputGradient(gpu, {
      label: "ends",
      ...size.ends,
      bindings: { dends: READ4, dnormed: WRITE4 },
      dy: `return dends[row * ${rowFloats(size.ends.columns) / 4}u + quad];`,
      store: `dnormed[row * ${quads}u + quad] = value;`,
    }),
  ]);
  return { projected, out, up, down: downs, ends };
}

/** Gradients of the layers' weights. */
async function weightGradients(gpu: Gpu, options: TrainingOptions) {
  const { sizes: { width: f } } = options, size = layerSizes(options), quads = f / 4;
  const [input, projected, out, up, downs, ends] = await Promise.all([
    createWeightGradient(gpu, {
      label: "input",
      ...size.input,
      bindings: { inputs: READ, dh: READ4 },
      x: `return inputs[row * ${size.input.terms}u + k];`,
      dy: `return dh[row * ${quads}u + quad];`,
    }),
    createWeightGradient(gpu, {
      label: "projections",
      ...size.projected,
      bindings: { ...NORMED1, dprojected: READ4 },
      x: normed1(f),
      dy: `return dprojected[row * ${rowFloats(size.projected.columns) / 4}u + quad];`,
      where: `row < ${f}u || quad >= ${3 * f / 4}u`, // queries, keys and values know nothing of norms
    }),
    createWeightGradient(gpu, {
      label: "output of attention",
      ...size.out,
      bindings: { mixed: READ, dh: READ4 },
      x: `return mixed[row * ${size.out.terms}u + k];`,
      dy: `return dh[row * ${quads}u + quad];`,
    }),
    createWeightGradient(gpu, {
      label: "first layer of nodes",
      ...size.up,
      bindings: { ...NORMED1, dhidden: READ4 },
      x: normed1(f),
      dy: `return dhidden[row * ${size.up.columns / 4}u + quad];`,
    }),
    createWeightGradient(gpu, {
      label: "second layer of nodes",
      ...size.down,
      bindings: { up: READ, ...DOWN },
      x: `let u = up[row * ${size.down.terms}u + k]; return u / (1.0 + exp(min(-u, 80.0)));`,
      dy: down(f),
    }),
    createWeightGradient(gpu, {
      label: "ends",
      ...size.ends,
      bindings: { rows: READ, moments: MOMENTS, dends: READ4 },
      x: `let m = moments[row]; return (rows[row * ${f}u + k] - m.x) * m.y;`,
      dy: `return dends[row * ${rowFloats(size.ends.columns) / 4}u + quad];`,
    }),
  ]);
  return { input, projected, out, up, down: downs, ends };
}

/** The kernels that serve molecules of any size. */
export async function createTrainingKernels(gpu: Gpu, options: TrainingOptions, slices: number) {
  const { space, sizes: { width } } = options;
  const [forward, inputs, weights, moments, norm, firstSets, nextSets, sets, firstSetsBack, sums] = await Promise.all([
    forwardLayers(gpu, options),
    inputGradients(gpu, options),
    weightGradients(gpu, options),
    createMoments(gpu, width),
    createNormBackward(gpu, width),
    createFirstSets(gpu, space),
    createNextSets(gpu),
    createSetsBackward(gpu),
    createFirstSetsBackward(gpu, space),
    createSums(gpu, slices),
  ]);
  return { forward, inputs, weights, moments, norm, firstSets, nextSets, sets, firstSetsBack, sums };
}

/** The kernels for molecules of up to `most` nodes. */
export async function createPairKernels(
  gpu: Gpu,
  { space, sizes: { width } }: TrainingOptions,
  most: number,
) {
  const options = { space, width, most };
  const [pairs, pairsBack] = await Promise.all([
    createTrainingPairs(gpu, options),
    createPairsBackward(gpu, options),
  ]);
  return { pairs, pairsBack };
}

/** All of them. */
export type TrainingKernels =
  & Awaited<ReturnType<typeof createTrainingKernels>>
  & Awaited<ReturnType<typeof createPairKernels>>
  & { readonly loss: Awaited<ReturnType<typeof createLoss>> };

/**
 * The pair-attention denoiser's forward pass as a list of dispatches: eight a block, and no copies between them. See docs/denoiser.md
 * for the mathematics and docs/gpu.md for how it is cut up.
 */
import { latentLength } from "../../diffusion/latent.ts";
import {
  EXPANSION,
  MOST_PAIRS,
  MOST_SCALARS,
  PAIR_WIDTH,
  type PairAttentionSizes,
  SETS,
  TIMES,
  toldRows,
} from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { CALL_BYTES } from "./call.ts";
import call from "./call.wgsl" with { type: "text" };
import type { Gpu } from "./device.ts";
import type { Forward, Ports } from "./engine.ts";
import { createEstimates } from "./estimates.ts";
import type { Kernel, Resource } from "./kernel.ts";
import { createArray } from "./memory.ts";
import { endColumns, projectedColumns } from "./packing.ts";
import { createPairs, pairTiling } from "./pairs.ts";
import type { Precision } from "../runtimes.ts";
import { createProduct, type Product, productGroups, TILE_ROWS, TILE_TERMS } from "./products.ts";
import { createMoments, momentGroups } from "./rows.ts";
import { createFirstSets, createNextSets } from "./sets.ts";
import { roundUp } from "./round_up.ts";
import { createSeen } from "./seen.ts";

/** What a network is made of. */
export interface NetworkOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  /** Of products; 32 bits where absent. */
  readonly precision?: Precision;
}

/** Throws RangeError where the kernels lack a network of these sizes. */
export function checkNetwork({ space, sizes: { width } }: Pick<NetworkOptions, "space" | "sizes">): void {
  if (!(width > 0 && width % 16 === 0)) throw new RangeError(`width must be a positive multiple of 16; got ${width}`);
  const { vectors, scalars, pairs } = space;
  if (vectors < 1 || scalars < 1 || scalars > MOST_SCALARS || pairs < 1 || pairs > MOST_PAIRS) {
    const asked = `vectors, 1 to ${MOST_SCALARS} scalars and 1 to ${MOST_PAIRS} pair features`;
    throw new RangeError(`a latent must have ${asked}; got ${JSON.stringify(space)}`);
  }
}

/** Floats of a row of conditions: features of the time and of the number of steps, alpha, sigma. */
export const conditionWidth = (sizes: PairAttentionSizes): number => TIMES + toldRows(sizes) + 2;

type Read<Name extends string> = Product<Name>["bindings"];
const read4 = { access: "read", type: "array<vec4<f32>>" } as const;
const write4 = { access: "write", type: "array<vec4<f32>>" } as const;
const floats = { access: "read", type: "array<f32>" } as const;

/** [LN(rows), norms] as a product's left side: its bindings, and how it is loaded. */
export const NORMED = {
  rows: read4,
  norms: read4,
  moments: { access: "read", type: "array<vec2<f32>>" },
} as const;
export const normed = (f: number): string => `
  if (quad < ${f / 4}u) { let m = moments[row]; return (rows[row * ${f / 4}u + quad] - m.x) * m.y; }
  return norms[row * ${SETS / 4}u + quad - ${f / 4}u];`;

/** The kernels that serve molecules of any size. */
export async function createRowKernels(gpu: Gpu, { space, sizes: { width: f }, precision }: NetworkOptions) {
  const end = endColumns(space), hidden = EXPANSION * f, columns = projectedColumns(f), wide = f + PAIR_WIDTH;
  const product = <Name extends string>(
    label: string,
    terms: number,
    columns: number,
    bindings: Read<Name>,
    load: string,
    store: string,
  ) => createProduct(gpu, { label, terms, columns, precision, bindings, load, store });
  const [projected, out, up, down, ends, moments] = await Promise.all([
    product(
      "projections",
      f + SETS,
      columns,
      { ...NORMED, result: write4 },
      normed(f),
      `result[row * ${roundUp(columns, 64) / 4}u + quad] = value;`,
    ),
    product(
      "output of attention",
      wide,
      f,
      { mixed: read4, result: write4 },
      `return mixed[row * ${wide / 4}u + quad];`,
      `result[row * ${f / 4}u + quad] += value;`,
    ),
    product(
      "first layer of nodes",
      f + SETS,
      hidden,
      { ...NORMED, result: write4 },
      normed(f),
      `result[row * ${hidden / 4}u + quad] = silu(value);`,
    ),
    product(
      "second layer of nodes",
      hidden,
      f + SETS,
      { hidden: read4, result: write4, gates: write4 },
      `return hidden[row * ${hidden / 4}u + quad];`,
      `if (quad < ${f / 4}u) { result[row * ${f / 4}u + quad] += value; }
       else { gates[row * ${SETS / 4}u + quad - ${f / 4}u] = tanh_(value); }`,
    ),
    product(
      "ends",
      f,
      end.all,
      { rows: read4, moments: NORMED.moments, result: write4 },
      `let m = moments[row]; return (rows[row * ${f / 4}u + quad] - m.x) * m.y;`,
      `result[row * ${end.floats / 4}u + quad] = value;`,
    ),
    createMoments(gpu, f),
  ]);
  return { projected, out, up, down, ends, moments };
}

/** The kernels for molecules of one size. */
export async function createSizeKernels(gpu: Gpu, { space, sizes, precision }: NetworkOptions, nodes: number) {
  const { vectors: V, scalars: K } = space, { width: f } = sizes, told = TIMES + toldRows(sizes);
  const terms = roundUp(K + told, TILE_TERMS), conditions = conditionWidth(sizes);
  const [input, first, pairs, next, estimates, seen] = await Promise.all([
    createProduct(gpu, {
      label: `input of ${nodes} nodes`,
      terms,
      columns: f,
      precision,
      bindings: { latents: floats, conditions: floats, call: { access: "uniform", type: "Call" }, result: write4 },
      declarations: `${call}
fn element(row: u32, k: u32) -> f32 {
  let molecule = row / ${nodes}u;
  if (k < ${K}u) { return latents[molecule * ${latentLength(space, nodes)}u + row % ${nodes}u * ${3 * V + K}u + ${
        3 * V
      }u + k]; }
  if (k < ${K + told}u) { return conditions[(call.first + call.stride * molecule) * ${conditions}u + k - ${K}u]; }
  return 0.0;
}`,
      load: `let k = 4u * quad;
  return vec4<f32>(element(row, k), element(row, k + 1u), element(row, k + 2u), element(row, k + 3u));`,
      store: `result[row * ${f / 4}u + quad] = value;`,
    }),
    createFirstSets(gpu, space, nodes),
    createPairs(gpu, space, sizes, nodes),
    createNextSets(gpu, nodes),
    createEstimates(gpu, space, nodes, conditions, sizes),
    sizes.estimates ? createSeen(gpu, space, nodes, conditions) : undefined,
  ]);
  return { input, first, pairs, next, estimates, seen };
}

type RowKernels = Awaited<ReturnType<typeof createRowKernels>>;
type SizeKernels = Awaited<ReturnType<typeof createSizeKernels>>;

/** Arrays that a forward pass of up to `rows` rows works on. */
export type Arrays = Readonly<Record<keyof ReturnType<typeof arraySizes>, GPUBuffer>>;

/** Floats a row of each array. */
function arraySizes({ space, sizes: { width: f, estimates = false } }: Pick<NetworkOptions, "space" | "sizes">) {
  return {
    h: f,
    moments: 2,
    sets: 3 * SETS,
    normalised: 3 * SETS,
    norms: SETS,
    projected: roundUp(projectedColumns(f), 64),
    mixed: f + PAIR_WIDTH,
    updates: 3 * SETS,
    hidden: EXPANSION * f,
    gates: SETS,
    ends: endColumns(space).floats,
    seen: estimates ? 4 : 0,
  };
}

/** Rows that arrays are given so that whole tiles fit: what is beyond the batch is computed too, and never read. */
const roomFor = (rows: number) => roundUp(rows, TILE_ROWS) + TILE_ROWS;

/** Rows of a batch at most, whatever the device has: at width 192 half a gigabyte, and more than fill any GPU. */
const MOST_ROWS = 65536;

/** Most rows whose arrays the device can bind. */
export function mostRows({ device: { limits } }: Gpu, network: Pick<NetworkOptions, "space" | "sizes">): number {
  const widest = Math.max(...Object.values(arraySizes(network)));
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  return Math.min(MOST_ROWS, Math.floor(bytes / (4 * widest)) - 2 * TILE_ROWS);
}

/** Arrays for batches of up to `rows` rows. */
export function createArrays(gpu: Gpu, network: Pick<NetworkOptions, "space" | "sizes">, rows: number): Arrays {
  const named = Object.entries(arraySizes(network)).map(([name, width]) => [
    name,
    createArray(gpu, name, width * roomFor(rows)),
  ]);
  return Object.fromEntries(named) as Arrays;
}

/** Binds the kernels to weights and arrays, once for many calls. */
export function bindForward(
  { space, sizes: { width: f, blocks } }: NetworkOptions,
  nodes: number,
  kernels: RowKernels & SizeKernels,
  weights: (name: string) => Resource,
  arrays: Arrays,
  { latents, conditions, calls, estimates }: Ports,
): Forward {
  const call = { buffer: calls, offset: 0, size: CALL_BYTES };
  const list: { readonly dispatch: Forward; readonly block?: number }[] = [];
  let block: number | undefined;
  const { h, moments, sets, normalised, norms, projected, mixed, updates, hidden, gates, ends, seen } = arrays;
  const weight = (name: string) => ({ weight: weights(name), bias: weights(`${name}.bias`) });
  /** Adds a dispatch whose workgroups depend on the number of molecules. */
  const add = <Name extends string>(
    kernel: Kernel<Name>,
    resources: Record<Name, Resource>,
    workgroups: (molecules: number) => [number, number?],
    told = false,
  ) => {
    const group = kernel.bind(resources);
    list.push({
      block,
      dispatch: (pass, molecules, at) => kernel.run(pass, group, workgroups(molecules), told ? [at] : undefined),
    });
  };
  const rows = (columns: number) => (molecules: number) => productGroups(molecules * nodes, columns);
  const each = (molecules: number): [number] => [molecules];
  const stir = () => add(kernels.moments, { rows: h, moments }, (molecules) => momentGroups(molecules * nodes));
  const normed = { rows: h, norms, moments };

  add(kernels.input, { ...weight("input"), latents, conditions, call, result: h }, rows(f), true);
  add(kernels.first, { latents, weight: weights("coordinates.in"), sets, normalised, norms }, each);
  for (let b = 0; b < blocks; b++) {
    const at = `blocks.${block = b}`;
    if (kernels.seen) {
      const coordinates = weights("coordinates.out");
      add(kernels.seen, { latents, sets, coordinates, conditions, call, seen }, each, true);
    }
    stir();
    add(kernels.projected, { ...weight(`${at}.projected`), ...normed, result: projected }, rows(projectedColumns(f)));
    add(kernels.pairs, {
      latents,
      normalised,
      normalised1: normalised,
      projected,
      projected4: projected,
      radial_weight: weights(`${at}.radial`),
      pair_weight: weights(`${at}.pair`),
      pair_bias: weights(`${at}.pair.bias`),
      mixed,
      updates,
      seen,
    }, (molecules) => [Math.ceil(molecules * nodes / pairTiling(nodes).rows)]);
    add(kernels.out, { ...weight(`${at}.out`), mixed, result: h }, rows(f));
    stir();
    add(kernels.up, { ...weight(`${at}.up`), ...normed, result: hidden }, rows(EXPANSION * f));
    add(kernels.down, { ...weight(`${at}.down`), hidden, result: h, gates }, rows(f + SETS));
    add(kernels.next, { gates, updates, weight: weights(`${at}.mix`), sets, normalised, norms }, each);
  }
  block = undefined;
  stir();
  add(kernels.ends, { ...weight("ends"), rows: h, moments, result: ends }, rows(endColumns(space).all));
  add(
    kernels.estimates,
    {
      latents,
      sets,
      normalised,
      ends,
      ends4: ends,
      pair_weight: weights("bonds.pair"),
      pair_bias: weights("bonds.pair.bias"),
      out_weight: weights("bonds.out"),
      out_bias: weights("bonds.out.bias"),
      coordinates: weights("coordinates.out"),
      conditions,
      call,
      estimates,
    },
    each,
    true,
  );
  return (pass, molecules, at, without) => {
    for (const { dispatch, block } of list) {
      if (block === undefined || block !== without) dispatch(pass, molecules, at);
    }
  };
}

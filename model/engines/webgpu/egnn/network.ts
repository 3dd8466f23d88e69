/** An EGNN's forward pass as a list of dispatches: five a block, where a block has one layer of messages. See `../../../networks/egnn.ts`. */
import type { EgnnNetworkOptions } from "../../../networks/egnn_network.ts";
import type { Gpu } from "../device.ts";
import type { Kernel, Resource } from "../kernel.ts";
import { createArray } from "../memory.ts";
import type { Precision } from "../../runtimes.ts";
import { createProduct, type Product, productGroups, TILE_ROWS, TILE_TERMS } from "../products.ts";
import { roundUp } from "../round_up.ts";
import { createEdges, type EdgeBinding, type EdgeKind } from "./edges.ts";
import { type Followed, followed, projectionsAfter } from "./packing.ts";
import { edgeTiling } from "./tiling.ts";

/** Which network, and in what numbers. */
export interface GpuEgnnOptions extends EgnnNetworkOptions {
  /** Of products and of the edges' two layers; sums and everything else are of 32 bits. Default `f32`. */
  readonly precision?: Precision;
}

const read4 = { access: "read", type: "array<vec4<f32>>" } as const;
const write4 = { access: "write", type: "array<vec4<f32>>" } as const;
const floats = { access: "read", type: "array<f32>" } as const;

/** The kernels that serve molecules of any size: products of rows. */
export async function createRowKernels(gpu: Gpu, { sizes: { width: F }, inputs, outputs, precision }: GpuEgnnOptions) {
  const Q = F / 4, wide = roundUp(outputs, 4);
  const product = <Name extends string>(options: Omit<Product<Name>, "precision">) =>
    createProduct(gpu, { ...options, precision });
  const projections = (what: Followed) =>
    product({
      label: `projections for ${what}`,
      terms: F,
      columns: what === "both" ? 4 * F : 2 * F,
      bindings: { h: read4, result: write4 },
      load: `return h[row * ${Q}u + quad];`,
      store: `result[row * ${F}u + ${what === "messages" ? 2 * Q : 0}u + quad] = value;`,
    });
  const [embedding, messages, coordinates, both, node, update, last] = await Promise.all([
    product({
      label: "embedding",
      terms: roundUp(inputs, TILE_TERMS),
      columns: F,
      bindings: { features: floats, result: write4 },
      declarations: `fn feature(row: u32, k: u32) -> f32 {
  if (k < ${inputs}u) { return features[row * ${inputs}u + k]; }
  return 0.0;
}`,
      load: `let k = 4u * quad;
  return vec4<f32>(feature(row, k), feature(row, k + 1u), feature(row, k + 2u), feature(row, k + 3u));`,
      store: `result[row * ${Q}u + quad] = value;`,
    }),
    projections("messages"),
    projections("coordinates"),
    projections("both"),
    product({
      label: "nodes",
      terms: 2 * F,
      columns: F,
      bindings: { h: read4, heard: read4, result: write4 },
      load: `if (quad < ${Q}u) { return h[row * ${Q}u + quad]; }
  return heard[row * ${Q}u + quad - ${Q}u];`,
      store: `result[row * ${Q}u + quad] = silu(value);`,
    }),
    product({
      label: "updates",
      terms: F,
      columns: F,
      bindings: { hidden: read4, result: write4 },
      load: `return hidden[row * ${Q}u + quad];`,
      store: `result[row * ${Q}u + quad] += value;`,
    }),
    product({
      label: "embedding out",
      terms: F,
      columns: wide,
      bindings: { h: read4, result: { access: "write", type: "array<f32>" } },
      load: `return h[row * ${Q}u + quad];`,
      store: `for (var c = 0u; c < 4u; c++) {
    if (4u * quad + c < ${outputs}u) { result[row * ${outputs}u + 4u * quad + c] = value[c]; }
  }`,
    }),
  ]);
  return { embedding, projections: { messages, coordinates, both }, node, update, last };
}

/** The kernels for molecules of one size: layers of edges. */
export async function createSizeKernels(gpu: Gpu, { sizes, precision }: GpuEgnnOptions, nodes: number) {
  const edges = (kind: EdgeKind) => createEdges(gpu, { kind, sizes, nodes, precision });
  const [messages, coordinates] = await Promise.all([edges("messages"), edges("coordinates")]);
  return { messages, coordinates } satisfies Record<EdgeKind, Kernel<EdgeBinding>>;
}

/** Floats a row of each array that a forward pass works on. */
function arraySizes({ sizes: { width: F }, inputs, outputs }: EgnnNetworkOptions) {
  return {
    features: inputs,
    start: 3,
    h: F,
    projected: 4 * F,
    heard: F,
    hidden: F,
    even: 3,
    odd: 3,
    out: outputs,
  };
}

/** Arrays that a forward pass works on: it reads `features` and `start` (the positions) and writes `out` and the positions that `bindForward` names. */
export type Arrays = Readonly<Record<keyof ReturnType<typeof arraySizes>, GPUBuffer>>;

/** Rows that arrays are given so that whole tiles fit: what is beyond the batch is computed too, and never read. */
const roomFor = (rows: number) => roundUp(rows, TILE_ROWS) + 2 * TILE_ROWS;

/** Most rows whose arrays the device can bind. */
export function mostRows({ device: { limits } }: Gpu, options: EgnnNetworkOptions): number {
  const widest = Math.max(...Object.values(arraySizes(options)));
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  return Math.min(Math.floor(bytes / (4 * widest)) - 3 * TILE_ROWS, limits.maxComputeWorkgroupsPerDimension);
}

/** Arrays for batches of up to `rows` rows. */
export function createArrays(gpu: Gpu, options: EgnnNetworkOptions, rows: number): Arrays {
  const named = Object.entries(arraySizes(options)).map(([name, width]) => [
    name,
    createArray(gpu, name, width * roomFor(rows)),
  ]);
  return Object.fromEntries(named) as Arrays;
}

type Kernels = Awaited<ReturnType<typeof createRowKernels>> & Awaited<ReturnType<typeof createSizeKernels>>;

/** A forward pass, to be recorded for any number of molecules that the arrays have room for. */
export interface Forward {
  record(pass: GPUComputePassEncoder, molecules: number): void;
  /** Where the last positions are. */
  readonly positions: GPUBuffer;
}

/** Binds the kernels to weights and arrays, once for many calls. */
export function bindForward(
  { sizes }: EgnnNetworkOptions,
  nodes: number,
  kernels: Kernels,
  weights: (name: string) => Resource,
  { features, start, h, projected, heard, hidden, even, odd, out }: Arrays,
): Forward {
  const { width: F, blocks, invariantLayers } = sizes, { receivers } = edgeTiling(nodes);
  const list: ((pass: GPUComputePassEncoder, rows: number) => void)[] = [];
  const add = <Name extends string>(
    kernel: Kernel<Name>,
    resources: Record<Name, Resource>,
    workgroups: (rows: number) => [number, number?],
  ) => {
    const group = kernel.bind(resources);
    list.push((pass, rows) => kernel.run(pass, group, workgroups(rows)));
  };
  const weight = (name: string) => ({ weight: weights(name), bias: weights(`${name}.bias`) });
  const columns = (count: number) => (rows: number) => productGroups(rows, count);
  const project = (block: number, layer: number) => {
    const what = followed(sizes, block, layer);
    add(
      kernels.projections[what],
      { ...weight(projectionsAfter(block, layer)), h, result: projected },
      columns(what === "both" ? 4 * F : 2 * F),
    );
  };
  let positions = start;
  const edges = (kind: EdgeKind, at: string, result: GPUBuffer) =>
    add(kernels[kind], {
      projections: projected,
      start,
      positions,
      constants: weights(`${at}.constants`),
      weight: weights(`${at}.hidden`),
      result,
    }, (rows) => [Math.ceil(rows / receivers)]);

  add(kernels.embedding, { ...weight("embedding"), features, result: h }, columns(F));
  project(-1, 0);
  for (let b = 0; b < blocks; b++) {
    for (let l = 0; l < invariantLayers; l++) {
      const at = `blocks.${b}.messages.${l}`;
      edges("messages", at, heard);
      add(kernels.node, { ...weight(`${at}.node`), h, heard, result: hidden }, columns(F));
      add(kernels.update, { ...weight(`${at}.update`), hidden, result: h }, columns(F));
      project(b, l);
    }
    const moved = positions === even ? odd : even;
    edges("coordinates", `blocks.${b}.coordinates`, moved);
    positions = moved;
  }
  add(kernels.last, { ...weight("embedding_out"), h, result: out }, columns(F));
  return {
    record: (pass, molecules) => list.forEach((dispatch) => dispatch(pass, molecules * nodes)),
    positions,
  };
}

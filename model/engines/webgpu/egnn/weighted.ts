/** An EGNN's weights on the device beside its kernels. */
import { narrowFloat16 } from "../../../diffusion/float16.ts";
import type { Gpu } from "../device.ts";
import { type Numbers, uploadAll } from "../memory.ts";
import type { Parameters } from "../packing.ts";
import {
  type Arrays,
  bindForward,
  createArrays,
  createRowKernels,
  createSizeKernels,
  type Forward,
  type GpuEgnnOptions,
  mostRows,
} from "./network.ts";
import { packEgnn } from "./packing.ts";

/** An EGNN that waits for arrays to work on. */
export interface WeightedEgnn {
  /** Most rows that arrays can have. */
  readonly mostRows: number;
  createArrays(rows: number): Arrays;
  /** Compiles kernels for a size where that has not been done. */
  compile(nodes: number): Promise<(arrays: Arrays) => Forward>;
  /** Frees the weights. */
  dispose(): void;
}

/** Uploads weights and compiles what serves molecules of any size. Throws RangeError where parameters do not fit the sizes. */
export async function createWeightedEgnn(
  gpu: Gpu,
  options: GpuEgnnOptions,
  tensors: Parameters,
): Promise<WeightedEgnn> {
  const { products, others } = packEgnn(options, tensors);
  const narrow = options.precision === "f16" ? narrowFloat16 : (data: Float32Array) => data;
  const weights = uploadAll(
    gpu,
    "weights",
    new Map<string, Numbers>([...[...products].map(([name, data]) => [name, narrow(data)] as const), ...others]),
  );
  const rowKernels = await createRowKernels(gpu, options);
  const sizeKernels = new Map<number, ReturnType<typeof createSizeKernels>>();
  return {
    mostRows: mostRows(gpu, options),
    createArrays: (rows) => createArrays(gpu, options, rows),
    async compile(nodes) {
      let kernels = sizeKernels.get(nodes);
      if (!kernels) sizeKernels.set(nodes, kernels = createSizeKernels(gpu, options, nodes));
      const ready = { ...rowKernels, ...await kernels };
      return (arrays) => bindForward(options, nodes, ready, (name) => weights.parts.get(name)!, arrays);
    },
    dispose: () => weights.buffer.destroy(),
  };
}

/** A pair-attention network with its weights, as the engine runs it. */
import { rowsOf, withoutOf } from "../../networks/pair_attention/conditions.ts";
import { flatten } from "../c/parameters.ts";
import { narrowFloat16 } from "../../diffusion/float16.ts";
import { pairAttentionParameters } from "../../networks/pair_attention/parameters.ts";
import { packConditions } from "./conditions.ts";
import type { Gpu } from "./device.ts";
import type { GpuNetwork } from "./engine.ts";
import { type Numbers, uploadAll } from "./memory.ts";
import {
  type Arrays,
  bindForward,
  checkNetwork,
  conditionWidth,
  createArrays,
  createRowKernels,
  createSizeKernels,
  mostRows,
  type NetworkOptions,
} from "./network.ts";
import { pairMemory } from "./pairs.ts";
import { packPairAttention, type Parameters } from "./packing.ts";

/**
 * Uploads weights and compiles what serves molecules of any size.
 *
 * @throws RangeError where parameters are missing or of other shapes, or sizes are beyond the kernels' or the device's
 */
export async function createPairAttentionNetwork(
  gpu: Gpu,
  options: NetworkOptions,
  parameters: Parameters,
): Promise<GpuNetwork<Arrays>> {
  const { space, sizes, precision = "f32" } = options;
  checkNetwork(options);
  const memory = pairMemory(space, sizes), { maxComputeWorkgroupStorageSize: had } = gpu.device.limits;
  if (memory > had) throw new RangeError(`${memory} bytes of workgroup memory asked, ${had} had by ${gpu.label}`);
  flatten(pairAttentionParameters(space, sizes), parameters); // checks names and shapes
  const { products, others } = packPairAttention(space, sizes, parameters);
  const weights = uploadAll(
    gpu,
    "weights",
    new Map<string, Numbers>([
      ...[...products].map((
        [name, data],
      ): [string, Numbers] => [name, precision === "f16" ? narrowFloat16(data) : data]),
      ...others,
    ]),
  );
  const rowKernels = await createRowKernels(gpu, options);
  const sizeKernels = new Map<number, ReturnType<typeof createSizeKernels>>();
  return {
    space,
    conditionWidth: conditionWidth(sizes),
    conditions: (at) => packConditions(rowsOf(at, sizes)),
    without: (conditions) => withoutOf(conditions, sizes),
    mostRows: mostRows(gpu, options),
    createArrays: (rows) => createArrays(gpu, options, rows),
    async compile(nodes) {
      let kernels = sizeKernels.get(nodes);
      if (!kernels) sizeKernels.set(nodes, kernels = createSizeKernels(gpu, options, nodes));
      const ready = { ...rowKernels, ...await kernels };
      return (arrays, ports) => bindForward(options, nodes, ready, (name) => weights.parts.get(name)!, arrays, ports);
    },
    dispose: () => weights.buffer.destroy(),
  };
}

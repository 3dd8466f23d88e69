/** EDM's and GeoLDM's denoiser on the GPU: latents in, estimates out, and whole samplings without reading back. */
import {
  checkSpace,
  egnnDenoiserNetwork,
  type EgnnDenoiserOptions,
  towardsX0,
} from "../../../networks/egnn_denoiser.ts";
import { contextRows } from "../../../networks/egnn_context.ts";
import { createArguments } from "../../../networks/egnn_network.ts";
import { CALL_BYTES } from "../call.ts";
import { type GpuDenoiser, type GpuPlace, openGpuDenoiser } from "../denoiser.ts";
import type { Gpu } from "../device.ts";
import type { GpuNetwork } from "../engine.ts";
import type { Parameters } from "../packing.ts";
import type { Precision } from "../../runtimes.ts";
import { CONDITIONS, createEgnnEstimates, createSplit, splitGroups } from "./latents.ts";
import type { Arrays } from "./network.ts";
import { createWeightedEgnn } from "./weighted.ts";

/** What an EGNN denoiser on the GPU is made of, and where. */
export interface GpuEgnnDenoiserOptions extends EgnnDenoiserOptions, GpuPlace {
  /** Of products and of the edges' two layers; sums and everything else are of 32 bits. Default `f32`. */
  readonly precision?: Precision;
}

/**
 * The denoiser's network as the GPU engine runs it.
 *
 * @throws RangeError on sizes and spaces that the kernels lack, and on parameters that do not fit
 */
export async function createEgnnDenoiserNetwork(
  gpu: Gpu,
  options: Omit<GpuEgnnDenoiserOptions, "schedule">,
  tensors: Parameters,
): Promise<GpuNetwork<Arrays>> {
  const { space, sizes, precision } = options, network = { ...egnnDenoiserNetwork(options), precision };
  const { inputs, outputs } = network, properties = sizes.conditions?.length ?? 0, width = CONDITIONS + properties;
  checkSpace(space);
  createArguments(network); // the engines' limits
  const egnn = await createWeightedEgnn(gpu, network, tensors);
  return {
    space,
    conditionWidth: width,
    conditions({ conditions, alpha, sigma }, nodes) {
      const rows = new Float32Array(conditions.length * width);
      const shape = { batch: conditions.length, nodes };
      const told = contextRows(conditions.map(({ properties }) => properties), shape, sizes.conditions);
      conditions.forEach(({ time }, b) => {
        rows.set([time, ...towardsX0(sizes.parametrisation, alpha[b], sigma[b])], b * width);
        rows.set(told.subarray(b * properties, (b + 1) * properties), b * width + CONDITIONS);
      });
      return rows;
    },
    mostRows: egnn.mostRows,
    createArrays: egnn.createArrays,
    async compile(nodes) {
      const [bind, split, estimate] = await Promise.all([
        egnn.compile(nodes),
        createSplit(gpu, space, nodes, { inputs, properties }),
        createEgnnEstimates(gpu, space, nodes, { outputs, properties }),
      ]);
      return (arrays, { latents, conditions, calls, estimates }) => {
        const { features, start, out } = arrays, { record, positions } = bind(arrays);
        const call = { buffer: calls, offset: 0, size: CALL_BYTES };
        const splitting = split.bind({ latents, conditions, call, features, start });
        const estimating = estimate.bind({ latents, conditions, call, start, positions, out, estimates });
        return (pass, molecules, at) => {
          split.run(pass, splitting, splitGroups(molecules * nodes), [at]);
          record(pass, molecules);
          estimate.run(pass, estimating, [molecules], [at]);
        };
      };
    },
    dispose: egnn.dispose,
  };
}

/**
 * Opens the GPU, where it is not given, and puts the denoiser on it. See `openGpuDenoiser`.
 *
 * @throws Error where there is no GPU; RangeError as {@link createEgnnDenoiserNetwork}
 */
export const createGpuEgnnDenoiser = (options: GpuEgnnDenoiserOptions, tensors: Parameters): Promise<GpuDenoiser> =>
  openGpuDenoiser(options, (gpu) => createEgnnDenoiserNetwork(gpu, options, tensors));

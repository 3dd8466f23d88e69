/** Estimates of x0 by a network under training, of molecules of one size. */
import { rowsOf } from "../../../networks/pair_attention/conditions.ts";
import { latentLength } from "../../../diffusion/latent.ts";
import type { Asked } from "../../../diffusion/learner.ts";
import { CALL_BYTES, callSlots } from "../call.ts";
import { packConditions } from "../conditions.ts";
import type { Gpu } from "../device.ts";
import { createEstimates } from "../estimates.ts";
import type { Resource } from "../kernel.ts";
import { createArray } from "../memory.ts";
import { conditionWidth } from "../network.ts";
import type { TrainingArrays } from "./arrays.ts";
import type { TrainingOptions } from "./kernels.ts";

/** The end of a forward pass. */
export interface Estimate {
  /** To be called in a pass behind the forward pass. */
  record(pass: GPUComputePassEncoder): void;
  /** Where the estimates will be, `floats` numbers. */
  readonly out: GPUBuffer;
  readonly floats: number;
  /** To be called once that has been submitted. */
  dispose(): void;
}

/** What makes estimates by a network's weights; kernels are compiled once for each size of molecule. */
export function createEstimator(
  gpu: Gpu,
  { space, sizes }: TrainingOptions,
  weights: (name: string) => Resource,
): (asked: Asked, arrays: TrainingArrays) => Promise<Estimate> {
  const kernels = new Map<number, ReturnType<typeof createEstimates>>(), { queue } = gpu.device;
  return async ({ shape: { batch, nodes }, ...at }, { work, levels, batch: { latents } }) => {
    const rows = packConditions(rowsOf(at, sizes));
    if (!kernels.has(nodes)) kernels.set(nodes, createEstimates(gpu, space, nodes, conditionWidth(sizes)));
    const kernel = await kernels.get(nodes)!, floats = batch * latentLength(space, nodes);
    const conditions = createArray(gpu, "asked", rows.length), out = createArray(gpu, "estimates", floats);
    const slot = callSlots([{ first: 0, stride: 1 }]), { byteLength: size } = slot;
    const calls = gpu.device.createBuffer({
      label: "call",
      size,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    queue.writeBuffer(conditions, 0, rows);
    queue.writeBuffer(calls, 0, slot);
    const group = kernel.bind({
      latents,
      sets: work.sets,
      normalised: levels[sizes.blocks].normalised,
      ends: work.ends,
      ends4: work.ends,
      pair_weight: weights("bonds.pair"),
      pair_bias: weights("bonds.pair.bias"),
      out_weight: weights("bonds.out"),
      out_bias: weights("bonds.out.bias"),
      coordinates: weights("coordinates.out"),
      conditions,
      call: { buffer: calls, offset: 0, size: CALL_BYTES },
      estimates: out,
    });
    return {
      record: (pass) => kernel.run(pass, group, [batch], [0]),
      out,
      floats,
      dispose: () => [conditions, out, calls].forEach((buffer) => buffer.destroy()),
    };
  };
}

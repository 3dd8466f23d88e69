/** The pair-attention denoiser on the GPU, by kernels of its own in WGSL. */
import { timeRows } from "../engine/inputs.ts";
import { checkLatents, latentLength } from "../latent.ts";
import type { PairAttentionSizes } from "../pair_attention/parameters.ts";
import type { BatchShape, Denoiser, LatentSpace, Schedule } from "../types.ts";
import { callSlots } from "./call.ts";
import { conditionRows } from "./conditions.ts";
import { type Gpu, openGpu } from "./device.ts";
import { createGpuEngine, type GpuEngine } from "./engine.ts";
import { createReadback, readFloats } from "./memory.ts";
import type { Parameters } from "./packing.ts";
import type { Precision } from "./products.ts";
import { createGpuSampler, type SamplerOptions } from "./sampler.ts";

/** What a denoiser on the GPU is made of. */
export interface GpuDenoiserOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly schedule: Schedule;
  /** An open device; one of its own where absent. */
  readonly gpu?: Gpu;
  /** Whether the device that was given is closed with the denoiser. Default false. */
  readonly closes?: boolean;
  /** Whether an adapter that computes on the CPU will do. Default false. */
  readonly software?: boolean;
  /** Of matrix products; sums and everything else are of 32 bits. Default `f32`. */
  readonly precision?: Precision;
  readonly onClamp?: SamplerOptions["onClamp"];
}

/** A denoiser on the GPU. */
export interface GpuDenoiser extends Denoiser {
  readonly engine: GpuEngine;
  /** What it runs on, in words. */
  readonly why: string;
}

/** Estimates of one batch that fits the device. */
async function estimate(
  engine: GpuEngine,
  z: Float32Array,
  shape: BatchShape,
  rows: Float32Array,
): Promise<Float32Array> {
  const { gpu } = engine, { device, guard } = gpu, { batch } = shape;
  const { ports, forward } = await engine.prepare({ shape, conditions: batch, calls: 1 });
  device.queue.writeBuffer(ports.latents, 0, z as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(ports.conditions, 0, rows as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(ports.calls, 0, callSlots([{ first: 0, stride: 1 }]));
  const readback = createReadback(gpu, "estimates", z.length);
  try {
    const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
    forward(pass, batch, 0);
    pass.end();
    encoder.copyBufferToBuffer(ports.estimates, 0, readback, 0, 4 * z.length);
    device.queue.submit([encoder.finish()]);
    return await guard(readFloats(gpu, readback, z.length));
  } finally {
    readback.destroy();
  }
}

/**
 * Opens the GPU, where it is not given, and puts a denoiser on it. An estimate depends on its own molecule alone, to the last bit.
 *
 * @param tensors see `pair_attention/parameters.ts` for names and shapes
 * @throws Error where there is no GPU; RangeError on sizes that the kernels lack, or parameters that don't fit them
 */
export async function createGpuDenoiser(options: GpuDenoiserOptions, tensors: Parameters): Promise<GpuDenoiser> {
  const { space, sizes, schedule } = options, gpu = options.gpu ?? await openGpu({ software: options.software });
  const close = () => {
    if (!options.gpu || options.closes) gpu.close();
  };
  const engine = await createGpuEngine(gpu, options, tensors).catch((error) => {
    close();
    throw error;
  });
  const sampler = createGpuSampler({ engine, space, sizes, onClamp: options.onClamp });
  const predict: Denoiser["predict"] = (z, shape, t, steps) => estimates(z, shape, t, steps);
  const estimates = async (
    z: Float32Array,
    shape: BatchShape,
    t: number | Float32Array | Float64Array,
    steps?: number | Float32Array,
  ): Promise<Float32Array> => {
    checkLatents(z, space, shape);
    if (shape.batch === 0) return new Float32Array();
    const { batch, nodes } = shape, rows = conditionRows(timeRows(t, batch, schedule, { steps, levels: sizes.levels }));
    const length = latentLength(space, nodes), width = rows.length / batch, most = engine.most(nodes);
    return await engine.inTurn(async () => {
      if (batch <= most) return await estimate(engine, z, shape, rows);
      const out = new Float32Array(z.length);
      for (let from = 0; from < batch; from += most) {
        const part = { batch: Math.min(most, batch - from), nodes }, to = from + part.batch;
        const told = rows.subarray(from * width, to * width);
        out.set(await estimate(engine, z.subarray(from * length, to * length), part, told), from * length);
      }
      return out;
    });
  };
  return {
    space,
    engine,
    why: `the engine in WGSL on ${gpu.label}${gpu.software ? ", a software adapter" : ""}`,
    predict,
    predictEach: estimates,
    sample: sampler.sample,
    dispose() {
      sampler.dispose();
      engine.dispose();
      close();
    },
  };
}

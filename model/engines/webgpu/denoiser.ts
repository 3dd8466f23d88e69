/** Denoisers on the GPU, by kernels of their own in WGSL. */
import { conditioned, eachCondition } from "../../diffusion/condition.ts";
import { checkLatents, latentLength } from "../../diffusion/latent.ts";
import type { PairAttentionSizes } from "../../networks/pair_attention/parameters.ts";
import type { BatchShape, LatentSpace, Schedule } from "../../diffusion/types.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { callSlots } from "./call.ts";
import { type Gpu, openGpu, wordsOf } from "./device.ts";
import { type Buffers, createEngine, type GpuEngine, type GpuNetwork, type Lane } from "./engine.ts";
import { createReadback, readFloats } from "./memory.ts";
import type { Parameters } from "./packing.ts";
import { createPairAttentionNetwork } from "./pair_attention.ts";
import type { Precision } from "../runtimes.ts";
import type { RunOptions } from "./run.ts";
import { createGpuSampler } from "./sampler.ts";

/** What all denoisers on the GPU take. */
export interface GpuPlace {
  readonly schedule: Schedule;
  /** An open device; one of its own where absent. */
  readonly gpu?: Gpu;
  /** Whether the device that was given is closed with the denoiser. Default false. */
  readonly closes?: boolean;
  /** Whether an adapter that computes on the CPU will do. Default false. */
  readonly software?: boolean;
  readonly onClamp?: RunOptions["onClamp"];
}

/** What a pair-attention denoiser on the GPU is made of. */
export interface GpuDenoiserOptions extends GpuPlace {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  /** Of matrix products; sums and everything else are of 32 bits. Default `f32`. */
  readonly precision?: Precision;
}

/** A denoiser on the GPU. */
export interface GpuDenoiser extends Denoiser {
  readonly engine: GpuEngine;
  /** What it runs on, in words. */
  readonly why: string;
}

/** Molecules that fill a large GPU: of nine nodes, 9216 rows or some 430 tiles of a product of width 192. */
const APPETITE = 1024;

/** Estimates of one batch that fits the device. */
async function estimate(
  engine: GpuEngine,
  lane: Lane,
  z: Float32Array,
  shape: BatchShape,
  rows: Float32Array,
  without?: number,
): Promise<Float32Array> {
  const { gpu } = engine, { device, guard } = gpu, { batch } = shape;
  const { ports, forward } = await engine.prepare({ shape, conditions: batch, calls: 1 }, lane);
  device.queue.writeBuffer(ports.latents, 0, z as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(ports.conditions, 0, rows as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(ports.calls, 0, callSlots([{ first: 0, stride: 1 }]));
  const readback = createReadback(gpu, "estimates", z.length);
  try {
    const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
    forward(pass, batch, 0, without);
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
 * @param create the network's weights and kernels on the device
 * @throws Error where there is no GPU; whatever `create` throws
 */
export async function openGpuDenoiser<Arrays extends Buffers>(
  options: GpuPlace,
  create: (gpu: Gpu) => Promise<GpuNetwork<Arrays>>,
): Promise<GpuDenoiser> {
  const { schedule } = options, gpu = options.gpu ?? await openGpu({ software: options.software });
  const close = () => {
    if (!options.gpu || options.closes) gpu.close();
  };
  const network = await create(gpu).catch((error) => {
    close();
    throw error;
  });
  const { space } = network, engine = createEngine(gpu, network);
  const sampler = createGpuSampler({ engine, onClamp: options.onClamp });
  const predict: Denoiser["predict"] = async (z, shape, conditions) => {
    checkLatents(z, space, shape);
    if (shape.batch === 0) return new Float32Array();
    const { batch, nodes } = shape;
    const each = eachCondition(conditions, batch), without = network.without?.(each);
    const rows = network.conditions(conditioned(each, schedule), nodes);
    const length = latentLength(space, nodes), width = rows.length / batch, most = engine.most(nodes);
    return await engine.inTurn(async (lane) => {
      if (batch <= most) return await estimate(engine, lane, z, shape, rows, without);
      const out = new Float32Array(z.length);
      for (let from = 0; from < batch; from += most) {
        const part = { batch: Math.min(most, batch - from), nodes }, to = from + part.batch;
        const told = rows.subarray(from * width, to * width);
        const own = z.subarray(from * length, to * length);
        out.set(await estimate(engine, lane, own, part, told, without), from * length);
      }
      return out;
    });
  };
  return {
    space,
    engine,
    why: wordsOf(gpu),
    predict,
    can: { independent: true, sample: sampler.sample, appetite: gpu.software ? undefined : APPETITE },
    dispose() {
      engine.dispose().then(() => {
        sampler.dispose();
        close();
      });
    },
  };
}

/**
 * A pair-attention denoiser; see {@link openGpuDenoiser}.
 *
 * @param tensors see `pair_attention/parameters.ts` for names and shapes
 * @throws RangeError on sizes that the kernels lack, or parameters that don't fit them
 */
export const createGpuDenoiser = (options: GpuDenoiserOptions, tensors: Parameters): Promise<GpuDenoiser> =>
  openGpuDenoiser(options, (gpu) => createPairAttentionNetwork(gpu, options, tensors));

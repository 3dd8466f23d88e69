/** An EGNN on the GPU, by kernels of its own in WGSL. */
import pLimit from "p-limit";
import { checkArrays, createArguments, type EgnnArrays, type EgnnNetwork } from "../../../networks/egnn_network.ts";
import type { BatchShape } from "../../../diffusion/types.ts";
import { type Gpu, openGpu } from "../device.ts";
import { createReadback, readFloats } from "../memory.ts";
import type { Parameters } from "../packing.ts";
import type { Arrays, Forward, GpuEgnnOptions } from "./network.ts";
import { createWeightedEgnn } from "./weighted.ts";

/** What an EGNN on the GPU is made of, and where. */
export interface GpuEgnnPlace extends GpuEgnnOptions {
  /** An open device; one of its own where absent. */
  readonly gpu?: Gpu;
  /** Whether the device that was given is closed with the network. Default false. */
  readonly closes?: boolean;
  /** Whether an adapter that computes on the CPU will do. Default false. */
  readonly software?: boolean;
  /** Most nodes of a batch that are worked on at once; as many as the device can bind where absent. */
  readonly rows?: number;
}

/** An EGNN on the GPU. */
export interface GpuEgnn extends EgnnNetwork {
  readonly gpu: Gpu;
  /** Bytes of the arrays that batches are worked on in. */
  readonly memory: number;
}

/**
 * Opens the GPU, where it is not given, and puts an EGNN on it. Calls run one at a time. A molecule's results depend on it alone,
 * to the last bit.
 *
 * @throws Error where there is no GPU, or it lacks 16-bit floats that were asked for; RangeError on sizes that the kernels
 * lack, and on parameters that do not fit
 */
export async function createGpuEgnn(options: GpuEgnnPlace, tensors: Parameters): Promise<GpuEgnn> {
  const gpu = options.gpu ?? await openGpu({ software: options.software });
  const close = () => {
    if (!options.gpu || options.closes) gpu.close();
  };
  try {
    createArguments(options); // the engines' limits
    return await onGpu(gpu, options, tensors, close);
  } catch (error) {
    close();
    throw error;
  }
}

async function onGpu(gpu: Gpu, options: GpuEgnnPlace, tensors: Parameters, close: () => void): Promise<GpuEgnn> {
  const { inputs, outputs } = options, { device } = gpu;
  const egnn = await createWeightedEgnn(gpu, options, tensors), bound = new Map<number, Forward>();
  const largest = Math.min(options.rows ?? Infinity, egnn.mostRows);
  let arrays: Arrays | undefined, room = 0, closed = false;
  const inTurn = pLimit(1);
  const free = () => Object.values(arrays ?? {}).forEach((buffer) => buffer.destroy());

  /** The forward pass for molecules of this size, with room for some rows. */
  const prepare = async (nodes: number, rows: number): Promise<{ arrays: Arrays; forward: Forward }> => {
    const bind = await egnn.compile(nodes);
    if (!arrays || rows > room) {
      free();
      bound.clear();
      room = Math.max(rows, Math.min(2 * room, largest)); // at least doubles, so that growing batches don't make new ones each time
      arrays = egnn.createArrays(room);
    }
    let forward = bound.get(nodes);
    if (!forward) bound.set(nodes, forward = bind(arrays));
    return { arrays, forward };
  };

  /** One batch that fits the device, into `out` from a row on. */
  const runPart = async ({ h, x }: EgnnArrays, { batch, nodes }: BatchShape, out: EgnnArrays, from: number) => {
    const rows = batch * nodes, { arrays, forward } = await prepare(nodes, rows);
    device.queue.writeBuffer(arrays.features, 0, h as Float32Array<ArrayBuffer>);
    device.queue.writeBuffer(arrays.start, 0, x as Float32Array<ArrayBuffer>);
    const readback = createReadback(gpu, "results", rows * (outputs + 3));
    try {
      const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
      forward.record(pass, batch);
      pass.end();
      encoder.copyBufferToBuffer(arrays.out, 0, readback, 0, 4 * rows * outputs);
      encoder.copyBufferToBuffer(forward.positions, 0, readback, 4 * rows * outputs, 4 * rows * 3);
      device.queue.submit([encoder.finish()]);
      const results = await readFloats(gpu, readback, rows * (outputs + 3));
      out.h.set(results.subarray(0, rows * outputs), from * outputs);
      out.x.set(results.subarray(rows * outputs), from * 3);
    } finally {
      readback.destroy();
    }
  };

  return {
    gpu,
    run(given, shape) {
      checkArrays(given, shape, inputs);
      const { batch, nodes } = shape, most = Math.floor(largest / nodes);
      if (most < 1) throw new RangeError(`molecules must have at most ${largest} nodes on this GPU; got ${nodes}`);
      const out = { h: new Float32Array(batch * nodes * outputs), x: new Float32Array(batch * nodes * 3) };
      return inTurn(async () => {
        if (closed) throw new Error("the engine was closed");
        for (let first = 0; first < batch; first += most) {
          const part = { batch: Math.min(most, batch - first), nodes }, from = first * nodes;
          const to = from + part.batch * nodes;
          const { h, x } = given;
          const piece = { h: h.subarray(from * inputs, to * inputs), x: x.subarray(from * 3, to * 3) };
          await runPart(piece, part, out, from);
        }
        return out;
      });
    },
    get memory() {
      return Object.values(arrays ?? {}).reduce((sum, { size }) => sum + size, 0);
    },
    dispose() {
      if (closed) return;
      closed = true;
      // After the call that runs, if one does.
      inTurn(() => {
        free();
        egnn.dispose();
        close();
      });
    },
  };
}

/** Commands recorded, submitted, and what they leave read back. */
import type { Gpu } from "../device.ts";
import { createReadback, readFloats } from "../memory.ts";

/** Numbers of a buffer, from number `at` on. */
export interface Read {
  readonly buffer: GPUBuffer;
  readonly at?: number;
  readonly floats: number;
}

/**
 * Submits at once what `record` records; resolves with what is asked for once it is done, and at once where nothing is. Deno waits for the device on
 * the thread that asks, so nothing should be asked before it is needed.
 */
export type Submit = (record: (encoder: GPUCommandEncoder) => void, reads: readonly Read[]) => Promise<Float32Array[]>;

/** Submissions to a device. */
export function createSubmit(gpu: Gpu): Submit {
  const { device, guard } = gpu;
  return (record, reads) => {
    const encoder = device.createCommandEncoder();
    record(encoder);
    const readbacks = reads.map(({ buffer, at = 0, floats }) => {
      const readback = createReadback(gpu, "results", floats);
      encoder.copyBufferToBuffer(buffer, 4 * at, readback, 0, 4 * floats);
      return readback;
    });
    device.queue.submit([encoder.finish()]);
    const results = Promise.all(readbacks.map((buffer, k) => readFloats(gpu, buffer, reads[k].floats)));
    return guard(results).finally(() => readbacks.forEach((buffer) => buffer.destroy()));
  };
}

/** Records a compute pass. */
export function compute(encoder: GPUCommandEncoder, record: (pass: GPUComputePassEncoder) => void): void {
  const pass = encoder.beginComputePass();
  record(pass);
  pass.end();
}

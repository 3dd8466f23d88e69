/** Buffers on the device. */
import type { Gpu } from "./device.ts";
import type { Resource } from "./kernel.ts";
import { roundUp } from "./round_up.ts";

/** Arrays of 4-byte or 2-byte numbers. */
export type Numbers = Float32Array | Uint32Array | Uint16Array;

/** Offsets of parts of a buffer are multiples of this many bytes. */
export const ALIGNMENT = 256;

/** Arrays in one buffer, by name; they stay there. */
export function uploadAll(
  { device }: Gpu,
  label: string,
  arrays: ReadonlyMap<string, Numbers>,
): { readonly buffer: GPUBuffer; readonly parts: ReadonlyMap<string, Resource> } {
  let size = 0;
  const places = [...arrays].map(([name, data]) => {
    const offset = size;
    size += roundUp(data.byteLength, ALIGNMENT);
    return { name, data, offset };
  });
  const buffer = device.createBuffer({
    label,
    size: Math.max(size, ALIGNMENT),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  });
  const bytes = new Uint8Array(size);
  for (const { data, offset } of places) {
    bytes.set(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength), offset);
  }
  device.queue.writeBuffer(buffer, 0, bytes);
  const parts = places.map(({ name, data, offset }): [string, Resource] => [
    name,
    { buffer, offset, size: roundUp(data.byteLength, 16) },
  ]);
  return { buffer, parts: new Map(parts) };
}

/** A buffer for `floats` numbers that kernels read and write, and that can be copied to and from. */
export function createArray({ device }: Gpu, label: string, floats: number): GPUBuffer {
  return device.createBuffer({
    label,
    size: roundUp(Math.max(4 * floats, 4), ALIGNMENT),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  });
}

/**
 * What `make` makes; buffers that the GPU cannot give are an error here, and not the device's end.
 *
 * @param make makes buffers without waiting for anything
 */
export async function allocated<T>({ device, label }: Gpu, make: () => T): Promise<T> {
  const scopes = ["validation", "out-of-memory"] as const;
  for (const scope of scopes) device.pushErrorScope(scope);
  const made = (() => {
    try {
      return { value: make() };
    } catch (error) {
      return { error };
    }
  })();
  const failures = await Promise.all(scopes.map(() => device.popErrorScope()));
  if ("error" in made) throw made.error;
  const failure = failures.find((one) => one !== null);
  if (failure) throw new Error(`the GPU has no memory for this (${label}): ${failure.message.trim()}`);
  return made.value;
}

/** A buffer that results are copied to and read from. */
export function createReadback({ device }: Gpu, label: string, floats: number): GPUBuffer {
  return device.createBuffer({
    label,
    size: roundUp(Math.max(4 * floats, 4), ALIGNMENT),
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
}

/** The first `floats` numbers of a readback buffer, once what was submitted is done. */
export async function readFloats(
  { guard }: Gpu,
  buffer: GPUBuffer,
  floats: number,
): Promise<Float32Array<ArrayBuffer>> {
  if (floats === 0) return new Float32Array();
  await guard(buffer.mapAsync(GPUMapMode.READ, 0, 4 * floats));
  const values = new Float32Array(buffer.getMappedRange(0, 4 * floats).slice(0));
  buffer.unmap();
  return values;
}

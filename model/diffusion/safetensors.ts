/**
 * The safetensors format (huggingface/safetensors, "Format"): 8 bytes of little-endian header length, a JSON header
 * `{ name: { dtype, shape, data_offsets: [from, to] }, __metadata__: { string: string } }`, then the tensors' bytes,
 * without holes. Nothing in it can run, and every way in which a file can be damaged is refused with its reason.
 */
import { narrowFloat16, widenBfloat16, widenFloat16 } from "./float16.ts";

/** A tensor as read: `dtype` is the file's; `data` is always single precision. */
export interface StoredTensor {
  readonly dtype: SafetensorsType;
  readonly shape: number[];
  readonly data: Float32Array;
}

/** A tensor to be written. */
export interface WritableTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The types of numbers that can be written. */
export type WrittenType = "F32" | "F16" | "I8" | "U8";

/** How to write: the numbers' type on disk, of each tensor where it is a function of the name, and free strings about the file. */
export interface WriteOptions {
  readonly dtype?: WrittenType | ((name: string) => WrittenType);
  readonly metadata?: Readonly<Record<string, string>>;
}

const BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The types of numbers that can be read. */
export type SafetensorsType = keyof typeof BYTES;

/** Bytes of a number of this type. */
export const bytesOf = (type: SafetensorsType): number => BYTES[type];

/** The reference implementation's own limit on the header, in bytes. */
const LARGEST_HEADER = 100_000_000;

interface Header {
  readonly entries: { name: string; dtype: SafetensorsType; shape: number[]; from: number; to: number }[];
  readonly metadata: Record<string, string>;
  /** Where the tensors' bytes begin. */
  readonly start: number;
}

/** Refuses a file, saying why. */
function refuse(reason: string): never {
  throw new SyntaxError(`not a sound safetensors file: ${reason}`);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The free strings of a header. */
function readMetadataEntry(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || !Object.values(value).every((item) => typeof item === "string")) {
    refuse("__metadata__ must hold strings by name");
  }
  return value as Record<string, string>;
}

/** One tensor's header entry, checked against itself. */
function readEntry(name: string, value: unknown): Header["entries"][number] {
  if (!isRecord(value)) refuse(`the header's entry "${name}" is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES, dtype)) {
    refuse(`"${name}" has dtype ${JSON.stringify(dtype)}; known are ${Object.keys(BYTES).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    refuse(`"${name}" has shape ${JSON.stringify(shape)}; sizes must be integers >= 0`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[0] > offsets[1]) {
    refuse(`data_offsets of "${name}" must be two integers 0 <= from <= to; got ${JSON.stringify(offsets)}`);
  }
  const [from, to] = offsets, type = dtype as SafetensorsType;
  const needed = shape.reduce((product, size) => product * size, 1) * BYTES[type];
  if (to - from !== needed) {
    refuse(`"${name}" (${type} [${shape.join(", ")}]) must have ${needed} bytes; got ${to - from} by its offsets`);
  }
  return { name, dtype: type, shape, from, to };
}

/** The header, checked against the file's length; entries in the order of their bytes. */
function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 8) refuse(`${bytes.length} bytes are fewer than the 8 of the header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true)), start = 8 + length;
  if (length > LARGEST_HEADER) refuse(`the header must have at most ${LARGEST_HEADER} bytes; got ${length}`);
  if (start > bytes.length) refuse(`truncated: the header ends at byte ${start}, the file at ${bytes.length}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (error) {
    refuse(`the header is not JSON in UTF-8 (${(error as Error).message})`);
  }
  if (!isRecord(json)) refuse("the header is not a JSON object");
  const { __metadata__, ...rest } = json;
  const metadata = readMetadataEntry(__metadata__);
  const entries = Object.entries(rest).map(([name, value]) => readEntry(name, value));
  entries.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of entries) {
    if (from !== end) refuse(`"${name}" begins at data byte ${from}, the tensor before it ends at ${end}`);
    end = to;
  }
  const present = bytes.length - start;
  if (end > present) refuse(`truncated: the tensors take ${end} bytes, ${present} are there`);
  if (end < present) refuse(`${present - end} bytes follow the last tensor`);
  return { entries, metadata, start };
}

/** Numbers of any supported type as floats. */
function toFloats(name: string, dtype: SafetensorsType, bytes: Uint8Array): Float32Array {
  // A copy: aligned for typed arrays, and the file's bytes need not be kept.
  const buffer = bytes.slice().buffer as ArrayBuffer;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F16":
      return widenFloat16(new Uint16Array(buffer));
    case "BF16":
      return widenBfloat16(new Uint16Array(buffer));
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "I8":
      return new Float32Array(new Int8Array(buffer));
  }
  const integers = {
    I64: () => new BigInt64Array(buffer),
    U64: () => new BigUint64Array(buffer),
    I32: () => new Int32Array(buffer),
    U32: () => new Uint32Array(buffer),
    I16: () => new Int16Array(buffer),
    U16: () => new Uint16Array(buffer),
    U8: () => new Uint8Array(buffer),
    BOOL: () => new Uint8Array(buffer),
  }[dtype]();
  const data = new Float32Array(integers.length);
  for (let i = 0; i < data.length; i++) {
    data[i] = Number(integers[i]);
    if (Math.abs(data[i]) > 2 ** 24) {
      refuse(`"${name}" holds the integer ${integers[i]}; floats are exact to 2^24 only`);
    }
  }
  return data;
}

/**
 * All tensors of a file.
 *
 * F16 and BF16 widen exactly; F64 rounds to the nearest float; integers and BOOL (0, 1) become floats where exact.
 *
 * @throws SyntaxError for a corrupt or truncated file, and for integers beyond 2^24, with the reason
 */
export function readSafetensors(bytes: Uint8Array): Map<string, StoredTensor> {
  const { entries, start } = readHeader(bytes);
  return new Map(entries.map(({ name, dtype, shape, from, to }) => {
    return [name, { dtype, shape, data: toFloats(name, dtype, bytes.subarray(start + from, start + to)) }];
  }));
}

/** The free strings of a file's header; checks the file as `readSafetensors` does. */
export function readSafetensorsMetadata(bytes: Uint8Array): Record<string, string> {
  return readHeader(bytes).metadata;
}

/**
 * A file of these tensors, in the map's order, as F32 (default), F16 (rounded to nearest even), I8 or U8.
 *
 * @throws RangeError where a shape does not match its data, or a value has no half, or is no integer of 8 bits
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const bytes = writeSafetensors(new Map([["w", { shape: [2, 1], data: new Float32Array([0.5, -3]) }]]), { dtype: "F16" });
 * const { dtype, shape, data } = readSafetensors(bytes).get("w")!;
 * assert.deepEqual({ dtype, shape, data: [...data] }, { dtype: "F16", shape: [2, 1], data: [0.5, -3] });
 * ```
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  { dtype = "F32", metadata }: WriteOptions = {},
): Uint8Array {
  const header: [string, unknown][] = metadata ? [["__metadata__", metadata]] : [];
  const typeOf = typeof dtype === "function" ? dtype : () => dtype;
  let total = 0;
  for (const [name, { shape, data }] of tensors) {
    if (name === "__metadata__") throw new RangeError(`a tensor cannot be named "__metadata__"`);
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== data.length) {
      throw new RangeError(`"${name}" of shape [${shape.join(", ")}] must have ${count} numbers; got ${data.length}`);
    }
    const type = typeOf(name), length = count * BYTES[type];
    header.push([name, { dtype: type, shape, data_offsets: [total, total + length] }]);
    total += length;
  }
  // Spaces bring the data to a multiple of 8 bytes, as the reference implementation does.
  const json = JSON.stringify(Object.fromEntries(header)), encoded = new TextEncoder().encode(json);
  const padded = Math.ceil(encoded.length / 8) * 8, file = new Uint8Array(8 + padded + total);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.fill(0x20, 8, 8 + padded);
  file.set(encoded, 8);
  let at = 8 + padded;
  for (const [name, { data }] of tensors) {
    const numbers = stored(name, data, typeOf(name));
    file.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), at);
    at += numbers.byteLength;
  }
  return file;
}

/** The numbers of one tensor as they are written; an error names it. */
function stored(name: string, data: Float32Array, dtype: WrittenType): ArrayBufferView {
  if (dtype === "F32") return data;
  try {
    return dtype === "F16" ? narrowFloat16(data) : narrowInteger(data, dtype === "I8" ? Int8Array : Uint8Array);
  } catch (error) {
    throw new RangeError(`"${name}": ${(error as Error).message}`);
  }
}

/** @throws RangeError for a number that is no integer of 8 bits */
function narrowInteger(data: Float32Array, type: typeof Int8Array | typeof Uint8Array): ArrayBufferView {
  const integers = type.from(data), at = integers.findIndex((value, i) => value !== data[i]);
  if (at < 0) return integers;
  throw new RangeError(
    `${data[at]} at index ${at} is no integer from ${type === Int8Array ? "-128 to 127" : "0 to 255"}`,
  );
}

/** NumPy's `.npy` files, versions 1 to 3: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

/** The number types that are read and written, little endian. */
export interface NpyTypes {
  i8: Int8Array<ArrayBuffer>;
  u8: Uint8Array<ArrayBuffer>;
  i16: Int16Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  f32: Float32Array<ArrayBuffer>;
  f64: Float64Array<ArrayBuffer>;
}

/** `i8`, `u8`, `i16`, `i32`, `f32` or `f64`. */
export type NpyType = keyof NpyTypes;

/** An array with its shape; `data` is row-major. */
export interface Npy<T extends NpyType = NpyType> {
  readonly type: T;
  readonly shape: readonly number[];
  readonly data: NpyTypes[T];
}

const MAGIC = "\x93NUMPY";
const DESCRIPTORS: Readonly<Record<NpyType, string>> = {
  i8: "|i1",
  u8: "|u1",
  i16: "<i2",
  i32: "<i4",
  f32: "<f4",
  f64: "<f8",
};
export const ARRAYS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;
const HEADER =
  /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(((?:\s*\d+\s*,?)*)\),?\s*\}\s*$/;

const product = (shape: readonly number[]) => shape.reduce((all, n) => all * n, 1);

/** What a header says, and where the data begin. */
interface NpyHeader {
  readonly shape: readonly number[];
  readonly start: number;
}

/**
 * Reads the header alone.
 *
 * @param bytes the file, or as much of it as the header takes
 * @throws {TypeError} as {@link readNpy}, but for the length of the data
 */
export function readNpyHeader(bytes: Uint8Array, type: NpyType, name = "the array"): NpyHeader {
  const fail = (what: string) => new TypeError(`${name}: ${what}`);
  if (bytes.length < 10 || String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC) throw fail("not an .npy file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), version = bytes[6];
  if (version < 1 || version > 3) throw fail(`the .npy version must be 1, 2 or 3; got ${version}`);
  const from = version === 1 ? 10 : 12;
  if (bytes.length < from) throw fail("cut short within its header");
  const start = from + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < start) throw fail("cut short within its header");
  const header = HEADER.exec(new TextDecoder().decode(bytes.subarray(from, start)));
  if (header === null) throw fail("its header is not that of a plain array");
  const [, descriptor, order, sizes] = header;
  if (descriptor !== DESCRIPTORS[type]) {
    throw fail(`the type must be ${DESCRIPTORS[type]} (${type}); got ${descriptor}`);
  }
  if (order === "True") throw fail("in Fortran order; only C order is read");
  return { shape: sizes.split(",").filter((size) => size.trim() !== "").map(Number), start };
}

/** Says that a file holds another number of bytes than its header. */
export const lengthFault = (shape: readonly number[], type: NpyType, there: number, name: string) =>
  new TypeError(
    `${name}: shape (${shape}) of ${type} takes ${
      product(shape) * ARRAYS[type].BYTES_PER_ELEMENT
    } bytes and ${there} are there`,
  );

/**
 * Reads an array of a known type.
 *
 * @param bytes the whole file
 * @param type the type that the file must hold
 * @param name what errors call the file
 * @throws {TypeError} where the file is no `.npy`, is cut short or too long, or holds another type or order
 */
export function readNpy<T extends NpyType>(bytes: Uint8Array, type: T, name = "the array"): Npy<T> {
  const { shape, start } = readNpyHeader(bytes, type, name), length = product(shape);
  if (bytes.length - start !== length * ARRAYS[type].BYTES_PER_ELEMENT) {
    throw lengthFault(shape, type, bytes.length - start, name);
  }
  const data = new ARRAYS[type](bytes.slice(start).buffer) as NpyTypes[T];
  return { type, shape, data };
}

/**
 * The header of a version 1.0 file, data at a multiple of 64 bytes as NumPy has them.
 *
 * @param room takes at least so many bytes, so that another shape has room in its place
 */
export function npyHeader(type: NpyType, shape: readonly number[], room = 0): Uint8Array<ArrayBuffer> {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${DESCRIPTORS[type]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const start = Math.max(room, Math.ceil((10 + text.length + 1) / 64) * 64), bytes = new Uint8Array(start);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, start - 10, true);
  bytes.set(new TextEncoder().encode(text.padEnd(start - 11) + "\n"), 10);
  return bytes;
}

/**
 * Writes an array as a version 1.0 file.
 *
 * @throws {RangeError} where shape and data do not agree
 */
export function writeNpy({ type, shape, data }: Npy): Uint8Array<ArrayBuffer> {
  if (product(shape) !== data.length) {
    throw new RangeError(`an array of shape (${shape}) must have ${product(shape)} numbers; got ${data.length}`);
  }
  const header = npyHeader(type, shape), bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

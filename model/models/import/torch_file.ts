/**
 * Files of `torch.save`: the zip of PyTorch 1.6 and later, and the form before it. A state dict's tensors are read as
 * float32; nothing in the file is run (see `pickle.ts`).
 */
import { unzipSync } from "fflate";
import { type Instance, type Maker, Named, readPickle, type Value } from "./pickle.ts";

/** A tensor of a state dict, row-major. */
export interface TorchTensor {
  readonly shape: number[];
  readonly data: Float32Array;
}

interface Storage {
  readonly type: string;
  readonly count: number;
  /** The storage's numbers; asked for once the file's end is known (the old form keeps them there). */
  read(): Float32Array;
}

interface View {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: number[];
  readonly stride: number[];
}

const SIZES = new Map([["FloatStorage", 4], ["DoubleStorage", 8], ["HalfStorage", 2], ["LongStorage", 8], [
  "IntStorage",
  4,
]]);

/** Bytes that a checkpoint may unpack to. */
const LARGEST_ARCHIVE = 2 ** 32;

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

/** torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, requires_grad, hooks). */
const rebuild: Maker = ([storage, offset, shape, stride]): View => {
  const held = (storage as Instance | null)?.made as Storage | undefined;
  if (typeof held?.read !== "function") throw new Error("the first argument must be a storage");
  if (!isCounts([offset]) || !isCounts(shape) || !isCounts(stride) || shape.length !== stride.length) {
    throw new Error("offset, shape and stride must be whole numbers, as many of one as of the other");
  }
  const from = offset as number, total = shape.reduce((a, b) => a * b, 1);
  // A view may repeat numbers (stride 0); a state dict's do not, and a small file must not ask for a large array.
  if (total > held.count) throw new Error(`a tensor [${shape}] on a storage of ${held.count} numbers`);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * stride[axis], from);
  if (total > 0 && last >= held.count) {
    throw new Error(`a tensor [${shape}] at ${from} reaches number ${last} of a storage of ${held.count}`);
  }
  return { storage: held, offset: from, shape, stride };
};

const classes: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["collections.OrderedDict", (args) => {
    if (args.length > 0) throw new Error("only an empty OrderedDict is expected");
    return new Map();
  }],
  ["torch._utils._rebuild_tensor_v2", rebuild],
  // torch._utils._rebuild_parameter(tensor, requires_grad, hooks)
  ["torch._utils._rebuild_parameter", ([tensor]) => (tensor as Instance | null)?.made],
  ...[...SIZES.keys()].map((name): [string, Maker] => [`torch.${name}`, () => {
    throw new Error("a storage's class is not called");
  }]),
]);

/** Numbers of a storage's bytes. */
function numbers(type: string, bytes: Uint8Array): Float32Array {
  const buffer = bytes.slice().buffer;
  switch (type) {
    case "FloatStorage":
      return new Float32Array(buffer);
    case "DoubleStorage":
      return Float32Array.from(new Float64Array(buffer));
    case "HalfStorage":
      return Float32Array.from(new Float16Array(buffer));
    case "IntStorage":
      return Float32Array.from(new Int32Array(buffer));
    default:
      return Float32Array.from(new BigInt64Array(buffer), Number);
  }
}

/** The parts of a persistent id ("storage", class, key, device, count, ...). */
function storageId(id: Value): { type: string; key: string; count: number } {
  if (!Array.isArray(id) || id[0] !== "storage") throw new Error("a persistent id must be of a storage");
  const type = id[1] instanceof Named ? id[1].name.replace(/^torch\./, "") : undefined, key = id[2], count = id[4];
  if (type === undefined || !SIZES.has(type)) throw new Error(`storages of ${type} cannot be read`);
  if (typeof key !== "string" || !isCounts([count])) throw new Error("a storage's key and count are not sound");
  return { type, key, count: count as number };
}

/** A strided view's numbers, row-major. */
function gather({ storage, offset, shape, stride }: View): TorchTensor {
  const values = storage.read(), total = shape.reduce((a, b) => a * b, 1), data = new Float32Array(total);
  const index = shape.map(() => 0);
  for (let i = 0, from = offset; i < total; i++) {
    data[i] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= shape[axis] * stride[axis];
      index[axis] = 0;
    }
  }
  return { shape: [...shape], data };
}

/** The tensors of a state dict. */
function tensorsOf(value: Value): Map<string, TorchTensor> {
  if (!(value instanceof Map)) throw new SyntaxError("the file holds no state dict (a dict of tensors)");
  return new Map([...value].map(([name, item]) => {
    const view = (item as Instance | null)?.made as View | undefined;
    if (typeof name !== "string" || !view || typeof view !== "object" || !("storage" in view)) {
      throw new SyntaxError(`the state dict's entry ${JSON.stringify(name)} is no tensor`);
    }
    return [name, gather(view)];
  }));
}

/** The zip form: `<name>/data.pkl`, and a file `<name>/data/<key>` a storage. */
function readZip(bytes: Uint8Array): Map<string, TorchTensor> {
  let files: Record<string, Uint8Array>;
  try {
    let total = 0;
    files = unzipSync(bytes, {
      filter: ({ originalSize }) => {
        total += originalSize;
        if (total > LARGEST_ARCHIVE) throw new RangeError(`it unpacks to more than ${LARGEST_ARCHIVE} bytes`);
        return true;
      },
    });
  } catch (error) {
    throw new SyntaxError(`the zip archive is damaged or truncated: ${(error as Error).message}`);
  }
  const main = Object.keys(files).find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (!main) throw new SyntaxError("the zip archive has no data.pkl, so torch.save did not write it");
  const root = main.slice(0, -"data.pkl".length);
  const order = files[`${root}byteorder`];
  if (order && new TextDecoder().decode(order).trim() !== "little") {
    throw new SyntaxError("the file's numbers are big-endian; only little-endian can be read");
  }
  const persistent = (id: Value): Storage => {
    const { type, key, count } = storageId(id), stored = files[`${root}data/${key}`];
    if (!stored) throw new Error(`the archive lacks the storage ${key}`);
    if (stored.length !== count * SIZES.get(type)!) {
      throw new Error(`the storage ${key} has ${stored.length} bytes, ${count} numbers of ${type} need others`);
    }
    return { type, count, read: () => numbers(type, stored) };
  };
  return tensorsOf(readPickle(files[main], { classes, persistent }).value);
}

/** torch.serialization.MAGIC_NUMBER of the old form. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

/** The old form: pickles of magic number, protocol, system, state dict, storage keys; then each count and numbers. */
function readLegacy(bytes: Uint8Array): Map<string, TorchTensor> {
  const none: ReadonlyMap<string, Maker> = new Map();
  const magic = readPickle(bytes, { classes: none });
  if (magic.value !== MAGIC) throw new SyntaxError("neither a zip archive nor a file of torch.save");
  const protocol = readPickle(bytes, { classes: none }, magic.end);
  if (protocol.value !== 1001) throw new SyntaxError(`the torch.save protocol must be 1001; got ${protocol.value}`);
  const system = readPickle(bytes, { classes: none }, protocol.end);
  if (!(system.value instanceof Map) || system.value.get("little_endian") !== true) {
    throw new SyntaxError("the file's numbers are not little-endian");
  }
  const stored = new Map<string, Uint8Array>();
  const types = new Map<string, string>();
  const persistent = (id: Value): Storage => {
    const { type, key, count } = storageId(id);
    types.set(key, type);
    return { type, count, read: () => numbers(type, stored.get(key) ?? new Uint8Array(0)) };
  };
  const state = readPickle(bytes, { classes, persistent }, system.end);
  const keys = readPickle(bytes, { classes: none }, state.end);
  if (!Array.isArray(keys.value)) throw new SyntaxError("the list of storages is missing");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = keys.end;
  for (const key of keys.value) {
    const size = SIZES.get(types.get(key as string) ?? "");
    if (size === undefined) throw new SyntaxError(`the storage ${key} belongs to no tensor`);
    if (at + 8 > bytes.length) throw new SyntaxError(`truncated before the storage ${key}`);
    const length = Number(view.getBigInt64(at, true)) * size;
    at += 8;
    if (!(length >= 0) || at + length > bytes.length) throw new SyntaxError(`truncated in the storage ${key}`);
    stored.set(key as string, bytes.subarray(at, at + length));
    at += length;
  }
  return tensorsOf(state.value);
}

/**
 * The tensors of a state dict that `torch.save` wrote, by name.
 *
 * @throws PickleError, SyntaxError with the reason where the file is damaged, truncated or not of this kind
 */
export function readTorchFile(bytes: Uint8Array): Map<string, TorchTensor> {
  if (bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b) return readZip(bytes);
  if (bytes.length >= 2 && bytes[0] === 0x80) return readLegacy(bytes);
  throw new SyntaxError(
    `neither a zip archive nor a pickle, so not of torch.save (${bytes.length} bytes, beginning ${
      Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ") || "with nothing"
    })`,
  );
}

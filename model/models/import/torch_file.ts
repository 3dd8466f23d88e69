/**
 * Files of `torch.save`: the zip of PyTorch 1.6 and later, and the form before it. A state dict's tensors are read as
 * float32; nothing in the file is run (see `pickle.ts`). Training scripts save more than a state dict: what stands beside it is not
 * looked at, of whatever class it is, and storages that only that needs are not unpacked.
 */
import { unzipSync } from "fflate";
import { widenBfloat16 } from "../../diffusion/float16.ts";
import { otherKind } from "./file_kind.ts";
import { type Instance, type Maker, Named, readPickle, refuseOpaque, type Value } from "./pickle.ts";

/** A tensor of a state dict, row-major. */
export interface TorchTensor {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** A state dict of a file. */
export interface TorchState {
  readonly tensors: Map<string, TorchTensor>;
  /** Under which names the file has it, from the outermost; empty where the file is the state dict itself. */
  readonly entry: readonly string[];
}

interface Storage {
  readonly key: string;
  readonly type: string;
  readonly count: number;
  /** Marks it among what a pickle's instances are made of. */
  readonly storage: true;
}

interface View {
  readonly of: Storage;
  readonly offset: number;
  readonly shape: number[];
  readonly stride: number[];
}

/** Bytes of a number, by the class of its storage. Others may stand beside a state dict, and not in it. */
const SIZES = new Map([
  ["FloatStorage", 4],
  ["DoubleStorage", 8],
  ["HalfStorage", 2],
  ["BFloat16Storage", 2],
  ["LongStorage", 8],
  ["IntStorage", 4],
]);

/** The same of storages that only stand beside a state dict: states of random number generators, masks. */
const OTHER_SIZES = new Map([["ByteStorage", 1], ["CharStorage", 1], ["BoolStorage", 1], ["ShortStorage", 2]]);

/** Numbers that the tensors of a state dict may have in all, those that share a storage each by itself: 512 MiB. */
export const MOST_NUMBERS = 2 ** 27;

/** Bytes that the storages of a state dict may unpack to, and its pickle. */
const MOST_BYTES = 8 * MOST_NUMBERS, MOST_PICKLED = 2 ** 28;

/** Names that training scripts give a state dict among what else they save, averaged weights first: those are what is sampled with. */
export const STATE_NAMES = [
  "ema",
  "ema_state_dict",
  "model_ema",
  "ema_model",
  "state_dict",
  "model_state_dict",
  "model",
  "module",
] as const;

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

/** torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, requires_grad, hooks). */
const rebuild: Maker = ([storage, offset, shape, stride]): View => {
  const held = (storage as Instance | null)?.made as Storage | undefined;
  if (held?.storage !== true) throw new Error("the first argument must be a storage");
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
  return { of: held, offset: from, shape, stride };
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
    case "BFloat16Storage":
      return widenBfloat16(new Uint16Array(buffer));
    case "HalfStorage":
      return Float32Array.from(new Float16Array(buffer));
    case "IntStorage":
      return Float32Array.from(new Int32Array(buffer));
    default:
      return Float32Array.from(new BigInt64Array(buffer), Number);
  }
}

/** The storage that a persistent id ("storage", class, key, device, count, ...) means, the same for the same key. */
function storagesByKey(): (id: Value) => Storage {
  const known = new Map<string, Storage>();
  return (id) => {
    if (!Array.isArray(id) || id[0] !== "storage") throw new Error("a persistent id must be of a storage");
    const type = id[1] instanceof Named ? id[1].name.replace(/^torch\./, "") : "no class", key = id[2], count = id[4];
    if (typeof key !== "string" || !isCounts([count])) throw new Error("a storage's key and count are not sound");
    const one = known.get(key) ?? { key, type, count: count as number, storage: true };
    if (one.type !== type || one.count !== count) throw new Error(`the storage ${key} is told of in two ways`);
    known.set(key, one);
    return one;
  };
}

/** A strided view's numbers, row-major. */
function gather({ offset, shape, stride }: View, values: Float32Array): TorchTensor {
  const total = shape.reduce((a, b) => a * b, 1), data = new Float32Array(total);
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

/** Whether a value is a dict of tensors, among others perhaps, or has one under a usual name. */
const holdsTensors = (value: Value | undefined, depth = 0): boolean =>
  value instanceof Map && depth < 3 &&
  ([...value.values()].some(isTensor) || STATE_NAMES.some((name) => holdsTensors(value.get(name), depth + 1)));

const isTensor = (value: Value): value is Instance & { made: View } => {
  const { made } = (value ?? {}) as Partial<Instance>;
  return typeof made === "object" && made !== null && "of" in made;
};

/** The state dict that a value is, or has under one of the usual names, and those names. */
function findState(
  value: Value,
  entry: readonly string[] = [],
): { state: Map<Value, Value>; entry: readonly string[] } {
  refuseOpaque(value, classes.keys());
  if (!(value instanceof Map)) throw new SyntaxError("the file holds no state dict (a dict of tensors)");
  const name = entry.length < 3 ? STATE_NAMES.find((name) => holdsTensors(value.get(name))) : undefined;
  return name === undefined ? { state: value, entry } : findState(value.get(name)!, [...entry, name]);
}

/** The views of a state dict. @throws SyntaxError for what is no tensor, RangeError where they are too large together */
function viewsOf(state: Map<Value, Value>): Map<string, View> {
  let total = 0;
  return new Map([...state].map(([name, item]) => {
    refuseOpaque(item, classes.keys());
    if (typeof name !== "string" || !isTensor(item)) {
      throw new SyntaxError(
        `the state dict's entry ${JSON.stringify(name)} is no tensor; a dict of tensors is asked, or one under ${
          STATE_NAMES.join(", ")
        }`,
      );
    }
    const view = item.made;
    if (!SIZES.has(view.of.type)) throw new SyntaxError(`${name}: storages of ${view.of.type} cannot be read`);
    total += view.shape.reduce((a, b) => a * b, 1);
    if (total > MOST_NUMBERS) {
      throw new RangeError(`the tensors must have at most ${MOST_NUMBERS} numbers in all; got more, up to ${name}`);
    }
    return [name, view];
  }));
}

/** The tensors of a state dict, each storage read once. @param fetch the bytes of these storages, by key */
function tensorsOf(value: Value, fetch: (storages: readonly Storage[]) => ReadonlyMap<string, Uint8Array>): TorchState {
  const { state, entry } = findState(value), views = viewsOf(state);
  const storages = [...new Set([...views.values()].map(({ of }) => of))];
  const bytes = storages.reduce((sum, { type, count }) => sum + count * SIZES.get(type)!, 0);
  if (bytes > MOST_BYTES) throw new RangeError(`the storages must have at most ${MOST_BYTES} bytes; got ${bytes}`);
  const stored = fetch(storages), read = new Map<Storage, Float32Array>();
  for (const storage of storages) {
    const { key, type, count } = storage, found = stored.get(key);
    if (!found) throw new SyntaxError(`the file lacks the storage ${key}`);
    if (found.length !== count * SIZES.get(type)!) {
      throw new SyntaxError(`the storage ${key} has ${found.length} bytes, ${count} numbers of ${type} need others`);
    }
    read.set(storage, numbers(type, found));
  }
  return { tensors: new Map([...views].map(([name, view]) => [name, gather(view, read.get(view.of)!)])), entry };
}

/** The zip form: `<name>/data.pkl`, and a file `<name>/data/<key>` a storage. */
function readZip(bytes: Uint8Array): TorchState {
  const unpack = (wanted: (name: string) => boolean, most: number): Record<string, Uint8Array> => {
    let total = 0;
    try {
      return unzipSync(bytes, {
        filter: ({ name, originalSize }) => {
          if (!wanted(name)) return false;
          total += originalSize;
          if (total > most) throw new RangeError(`it unpacks to more than ${most} bytes`);
          return true;
        },
      });
    } catch (error) {
      if (error instanceof RangeError && total > most) throw error;
      throw new SyntaxError(`the zip archive is damaged or truncated: ${(error as Error).message}`);
    }
  };
  const files = unpack((name) => /^[^/]+\/(data\.pkl|byteorder)$/.test(name), MOST_PICKLED);
  const main = Object.keys(files).find((name) => name.endsWith("/data.pkl"));
  if (!main) throw new SyntaxError("the zip archive has no data.pkl, so torch.save did not write it");
  const root = main.slice(0, -"data.pkl".length);
  const order = files[`${root}byteorder`];
  if (order && new TextDecoder().decode(order).trim() !== "little") {
    throw new SyntaxError("the file's numbers are big-endian; only little-endian can be read");
  }
  const { value } = readPickle(files[main], { classes, persistent: storagesByKey(), opaque: true });
  return tensorsOf(value, (storages) => {
    const keys = new Map(storages.map(({ key }) => [`${root}data/${key}`, key]));
    const found = unpack((name) => keys.has(name), MOST_BYTES);
    return new Map(Object.entries(found).map(([name, bytes]) => [keys.get(name)!, bytes]));
  });
}

/** torch.serialization.MAGIC_NUMBER of the old form. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

/** The old form: pickles of magic number, protocol, system, state dict, storage keys; then each count and numbers. */
function readLegacy(bytes: Uint8Array): TorchState {
  const none: ReadonlyMap<string, Maker> = new Map();
  const magic = readPickle(bytes, { classes: none });
  if (magic.value !== MAGIC) throw new SyntaxError("neither a zip archive nor a file of torch.save");
  const protocol = readPickle(bytes, { classes: none }, magic.end);
  if (protocol.value !== 1001) throw new SyntaxError(`the torch.save protocol must be 1001; got ${protocol.value}`);
  const system = readPickle(bytes, { classes: none }, protocol.end);
  if (!(system.value instanceof Map) || system.value.get("little_endian") !== true) {
    throw new SyntaxError("the file's numbers are not little-endian");
  }
  const types = new Map<string, string>(), storageOf = storagesByKey();
  const persistent = (id: Value): Storage => {
    const storage = storageOf(id);
    types.set(storage.key, storage.type);
    return storage;
  };
  const state = readPickle(bytes, { classes, persistent, opaque: true }, system.end);
  const keys = readPickle(bytes, { classes: none }, state.end);
  if (!Array.isArray(keys.value)) throw new SyntaxError("the list of storages is missing");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), stored = new Map<string, Uint8Array>();
  let at = keys.end;
  for (const key of keys.value) {
    const type = types.get(key as string), size = SIZES.get(type ?? "") ?? OTHER_SIZES.get(type ?? "");
    if (type === undefined) throw new SyntaxError(`the storage ${key} belongs to no tensor`);
    if (size === undefined) throw new SyntaxError(`the storage ${key}: storages of ${type} cannot be read`);
    if (at + 8 > bytes.length) throw new SyntaxError(`truncated before the storage ${key}`);
    const length = Number(view.getBigInt64(at, true)) * size;
    at += 8;
    if (!(length >= 0) || at + length > bytes.length) throw new SyntaxError(`truncated in the storage ${key}`);
    stored.set(key as string, bytes.subarray(at, at + length));
    at += length;
  }
  return tensorsOf(state.value, () => stored);
}

/**
 * The state dict of a file that `torch.save` wrote: the file's own, or that under one of {@link STATE_NAMES}.
 *
 * @throws PickleError, SyntaxError with the reason where the file is damaged, truncated or not of this kind; RangeError where it
 * would become too large in memory
 */
export function readTorchState(bytes: Uint8Array): TorchState {
  if (bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b) return readZip(bytes);
  if (bytes.length >= 2 && bytes[0] === 0x80) return readLegacy(bytes);
  const other = otherKind(bytes),
    begins = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  throw new SyntaxError(
    `neither a zip archive nor a pickle, so not of torch.save${
      other ? `, but ${other}` : ""
    } (${bytes.length} bytes, beginning ${begins.join(" ") || "with nothing"})`,
  );
}

/** The tensors of {@link readTorchState}, by name. */
export const readTorchFile = (bytes: Uint8Array): Map<string, TorchTensor> => readTorchState(bytes).tensors;

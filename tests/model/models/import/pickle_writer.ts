/** Writes pickles and torch.save files opcode by opcode, so that tests can make sound and unsound ones. */
import { zipSync } from "fflate";

const encoder = new TextEncoder();

/** A class to be named. */
export class ClassName {
  constructor(readonly module: string, readonly name: string) {}
}

/** A call of a class with arguments, then its state where there is one. */
export class Call {
  constructor(readonly callee: ClassName, readonly args: Item[], readonly state?: Item) {}
}

/** A persistent id. */
export class Persistent {
  constructor(readonly id: Item[]) {}
}

/** What can be written: arrays are tuples, Maps dicts. */
export type Item = null | boolean | number | bigint | string | Item[] | Map<Item, Item> | ClassName | Call | Persistent;

const u32 = (value: number) => [value & 255, value >>> 8 & 255, value >>> 16 & 255, value >>> 24];

function opcodes(item: Item): number[] {
  if (item === null) return [0x4e];
  if (item === true) return [0x88];
  if (item === false) return [0x89];
  if (typeof item === "number") {
    if (Number.isInteger(item)) return [0x4a, ...u32(item)];
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, item);
    return [0x47, ...new Uint8Array(view.buffer)];
  }
  if (typeof item === "bigint") {
    const bytes: number[] = [];
    for (let left = item; left > 0n; left >>= 8n) bytes.push(Number(left & 255n));
    if (bytes[bytes.length - 1] & 0x80) bytes.push(0);
    return [0x8a, bytes.length, ...bytes];
  }
  if (typeof item === "string") {
    const bytes = encoder.encode(item);
    return [0x58, ...u32(bytes.length), ...bytes];
  }
  if (Array.isArray(item)) return [0x28, ...item.flatMap(opcodes), 0x74];
  if (item instanceof Map) return [0x7d, 0x28, ...[...item].flatMap(([k, v]) => [...opcodes(k), ...opcodes(v)]), 0x75];
  if (item instanceof ClassName) return [0x63, ...encoder.encode(`${item.module}\n${item.name}\n`)];
  if (item instanceof Persistent) return [...opcodes(item.id), 0x51];
  const made = [...opcodes(item.callee), ...opcodes(item.args), 0x52];
  return item.state === undefined ? made : [...made, ...opcodes(item.state), 0x62];
}

/** A pickle of protocol 2. */
export function writePickle(item: Item): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([0x80, 2, ...opcodes(item), 0x2e]);
}

/** A Namespace of these arguments, as `args.pickle` holds it. */
export function writeNamespace(args: Record<string, Item>): Uint8Array<ArrayBuffer> {
  return writePickle(new Call(new ClassName("argparse", "Namespace"), [], new Map(Object.entries(args))));
}

/** A tensor to be written. */
export interface Written {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** A tensor of a state dict, on a storage of this key. */
export function tensorItem(
  key: string,
  shape: readonly number[],
  { count = shape.reduce((a, b) => a * b, 1), offset = 0, type = "FloatStorage", old = false }: {
    count?: number;
    offset?: number;
    type?: string;
    old?: boolean;
  } = {},
): Call {
  const id: Item[] = ["storage", new ClassName("torch", type), key, "cpu", count];
  const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const hooks = new Call(new ClassName("collections", "OrderedDict"), []);
  const storage = new Persistent(old ? [...id, null] : id);
  return new Call(new ClassName("torch._utils", "_rebuild_tensor_v2"), [
    storage,
    offset,
    [...shape],
    stride,
    false,
    hooks,
  ]);
}

/** A state dict: one storage a tensor. */
export const stateItem = (tensors: ReadonlyMap<string, Written>, old = false): Map<Item, Item> =>
  new Map(
    [...tensors].map((
      [name, { shape }],
      key,
    ): [Item, Item] => [name, tensorItem(String(key), shape, { old, count: tensors.get(name)!.data.length })]),
  );

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** torch.save's zip of any value. @param storages bytes by key */
export function writeZip(
  item: Item,
  storages: ReadonlyMap<string, Uint8Array>,
  level: 0 | 9 = 0,
): Uint8Array<ArrayBuffer> {
  const files: Record<string, Uint8Array> = {
    "archive/data.pkl": writePickle(item),
    "archive/byteorder": encoder.encode("little"),
  };
  for (const [key, bytes] of storages) files[`archive/data/${key}`] = bytes;
  return zipSync(files, { level }) as Uint8Array<ArrayBuffer>;
}

/** The storages of {@link stateItem}. */
export const storagesOf = (tensors: ReadonlyMap<string, Written>): Map<string, Uint8Array> =>
  new Map([...tensors.values()].map(({ data }, key) => [String(key), bytesOf(data).slice()]));

/** torch.save's zip of a state dict. */
export const writeTorchZip = (tensors: ReadonlyMap<string, Written>): Uint8Array<ArrayBuffer> =>
  writeZip(stateItem(tensors), storagesOf(tensors));

/** torch.save's form before PyTorch 1.6. */
export function writeTorchLegacy(tensors: ReadonlyMap<string, Written>): Uint8Array<ArrayBuffer> {
  const parts = [
    writePickle(0x1950a86a20f9469cfc6cn),
    writePickle(1001),
    writePickle(new Map<Item, Item>([["protocol_version", 1001], ["little_endian", true]])),
    writePickle(stateItem(tensors, true)),
    writePickle([...tensors.keys()].map((_, key) => String(key))),
  ];
  for (const { data } of tensors.values()) {
    const count = new DataView(new ArrayBuffer(8));
    count.setBigInt64(0, BigInt(data.length), true);
    parts.push(new Uint8Array(count.buffer), bytesOf(data).slice());
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

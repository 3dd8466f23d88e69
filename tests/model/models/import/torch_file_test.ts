import assert from "node:assert/strict";
import { readNamespace } from "../../../../model/models/import/namespace.ts";
import { PickleError } from "../../../../model/models/import/pickle.ts";
import { MOST_NUMBERS, readTorchFile, readTorchState } from "../../../../model/models/import/torch_file.ts";
import {
  Call,
  ClassName,
  type Item,
  stateItem,
  storagesOf,
  tensorItem,
  writeNamespace,
  writePickle,
  writeZip,
  type Written,
} from "./pickle_writer.ts";

const tensors = new Map<string, Written>([
  ["a.weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ["b", { shape: [], data: Float32Array.of(7) }],
]);

Deno.test("readTorchFile() refuses a small file whose tensors share one storage and are too many numbers, and unpacks nothing", () => {
  const count = 2 ** 20,
    views = (many: number) =>
      new Map<Item, Item>(Array.from({ length: many }, (_, k) => [`t${k}`, tensorItem("0", [count], { count })]));
  const zip = writeZip(views(400), new Map([["0", new Uint8Array(4 * count)]]), 9);
  assert.ok(zip.length < 100_000, `${zip.length}`);
  let copied = 0;
  const { slice } = Uint8Array.prototype;
  try {
    Uint8Array.prototype.slice = function (...given) {
      copied += this.length;
      return slice.apply(this, given);
    };
    assert.throws(() => readTorchFile(zip), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, new RegExp(`at most ${MOST_NUMBERS} numbers in all; got more, up to t128`));
      return true;
    });
    assert.ok(copied < count, `${copied} bytes`);
    // Of a few views, which are within the bound, the storage is copied once.
    const some = readTorchFile(writeZip(views(8), new Map([["0", new Uint8Array(4 * count)]]), 9));
    assert.ok(some.size === 8 && copied < 12 * count, `${copied} bytes`);
  } finally {
    Uint8Array.prototype.slice = slice;
  }
});

Deno.test("readTorchFile() refuses storages that unpack to too much, before it unpacks them", () => {
  const count = 2 ** 29, item = new Map<Item, Item>([["a", tensorItem("0", [1], { count })]]);
  assert.throws(
    () => readTorchFile(writeZip(item, new Map())),
    /storages must have at most 1073741824 bytes; got 2147483648/,
  );
});

Deno.test("readTorchFile() reads bfloat16 and views at offsets of a shared storage", () => {
  const bits = Uint16Array.of(0x3f80, 0xc000, 0x4049, 0x0000); // 1, -2, 3.140625, 0
  const item = new Map<Item, Item>([
    ["low", tensorItem("0", [2], { count: 4, type: "BFloat16Storage" })],
    ["high", tensorItem("0", [2, 1], { count: 4, offset: 2, type: "BFloat16Storage" })],
  ]);
  const read = readTorchFile(writeZip(item, new Map([["0", new Uint8Array(bits.buffer)]])));
  assert.deepEqual([...read.get("low")!.data, ...read.get("high")!.data], [1, -2, 3.140625, 0]);
  assert.deepEqual(read.get("high")!.shape, [2, 1]);
  const twice = new Map<Item, Item>([["a", tensorItem("0", [4])], [
    "b",
    tensorItem("0", [2], { type: "HalfStorage" }),
  ]]);
  assert.throws(
    () => readTorchFile(writeZip(twice, new Map([["0", new Uint8Array(16)]]))),
    /storage 0 is told of in two ways/,
  );
});

Deno.test("readTorchState() finds a state dict under the usual names, averaged weights first, and ignores what stands beside it", () => {
  const own = stateItem(tensors), storages = storagesOf(tensors);
  /** What a script of PyTorch Lightning, or one's own, saves beside: classes that are not known here, states, masks. */
  const beside: [Item, Item][] = [
    ["epoch", 7],
    ["optimizer", new Call(new ClassName("torch.optim.adam", "Adam"), [1e-3], new Map<Item, Item>([["step", 3]]))],
    ["hyper", new Map<Item, Item>([["path", new Call(new ClassName("pathlib", "PosixPath"), ["/tmp"])]])],
    ["callbacks", new Call(new ClassName("os", "system"), ["true"])], // named, never run
    ["rng", tensorItem("99", [8], { type: "ByteStorage" })],
  ];
  const read = (item: Item) => readTorchState(writeZip(item, storages));
  for (const name of ["state_dict", "model", "ema", "model_state_dict"]) {
    assert.deepEqual(read(new Map([...beside, [name, own]])), { tensors, entry: [name] });
  }
  const other = new Map<Item, Item>([["a.weight", tensorItem("1", [1])]]);
  assert.deepEqual(read(new Map<Item, Item>([["model", other], ["ema", new Map<Item, Item>([["module", own]])]])), {
    tensors,
    entry: ["ema", "module"],
  });
  assert.deepEqual(read(own), { tensors, entry: [] });
  // Averaging's own settings under a usual name are no state dict.
  assert.deepEqual(read(new Map<Item, Item>([["ema", new Map<Item, Item>([["decay", 0.99]])], ["model", own]])).entry, [
    "model",
  ]);
});

Deno.test("readTorchState() refuses unknown classes where they are not ignored, naming class and offset", () => {
  const evil = new Call(new ClassName("os", "system"), ["true"]);
  for (const item of [evil, new Map<Item, Item>([["a.weight", evil]])]) {
    assert.throws(() => readTorchState(writeZip(item, new Map())), (error) => {
      assert.ok(error instanceof PickleError, String(error));
      assert.match(
        error.message,
        /the class os\.system is not allowed; allowed are collections\.OrderedDict, .*\(at byte \d+\)/,
      );
      return true;
    });
  }
  assert.throws(
    () => readTorchState(writeZip(new Map<Item, Item>([["a", 1]]), new Map())),
    /"a" is no tensor; .*state_dict/,
  );
});

Deno.test("readNamespace() ignores fields of unknown classes, and keeps the others", () => {
  const device = new Call(new ClassName("numpy.core.multiarray", "scalar"), [new ClassName("numpy", "dtype"), "x"]);
  const fields = readNamespace(writeNamespace({ nf: 256, dtype: new ClassName("torch", "float32"), score: device }));
  assert.equal(fields.get("nf"), 256);
  assert.throws(() => readNamespace(writePickle(device)), /class numpy\.core\.multiarray\.scalar is not allowed/);
});

Deno.test("readTorchFile() and readNamespace() say what a file is that is none of theirs", () => {
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const cases: [Uint8Array, RegExp][] = [
    [bytes("\x1f\x8b\x08\0\0\0"), /a gzip archive, such as a \.tar\.gz: unpack it/],
    [bytes("\n<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning"), /a web page, not the file/],
    [bytes("<html>"), /a web page/],
    [bytes("x".repeat(257) + "ustar"), /a tar archive/],
    [bytes("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a"), /a pointer of Git LFS/],
    [bytes("\x93NUMPY\x01\0"), /an array of NumPy/],
  ];
  for (const [file, message] of cases) {
    assert.throws(() => readTorchFile(file), message);
    assert.throws(() => readNamespace(file), message);
  }
});

import assert from "node:assert/strict";
import { readNamespace } from "../../../../model/models/import/namespace.ts";
import { PickleError, readPickle, type Value } from "../../../../model/models/import/pickle.ts";
import { readTorchFile } from "../../../../model/models/import/torch_file.ts";
import { CHECKPOINT, hasReference } from "../../networks/geoldm/geoldm_reference.ts";
import { Call, ClassName, writeNamespace, writePickle, writeTorchLegacy, writeTorchZip } from "./pickle_writer.ts";

const bytes = (...parts: (number | string)[]) =>
  Uint8Array.from(parts.flatMap((part) => typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]));
const read = (pickle: Uint8Array): Value => readPickle(pickle, { classes: new Map() }).value;

/** Asserts a PickleError with this text at this byte. */
function refuses(run: () => unknown, message: RegExp, offset?: number) {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PickleError, String(error));
    assert.match(error.message, message);
    if (offset !== undefined) assert.equal(error.offset, offset);
    return true;
  });
}

Deno.test("readPickle() reads plain data of protocols 2 to 4", () => {
  const item = [null, true, false, -7, 1.5, "naïve", new Map([["k", 3]]), 2n ** 70n];
  assert.deepEqual(read(writePickle(item)), item);
  // pickle.dumps({"a": [1, (2,), b"x"], "b": -300}, protocol=4), with its frame and memo.
  const protocol4 = bytes(
    ...[0x80, 4, 0x95, 0x1c, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0x94, 0x28, 0x8c, 1, "a", 0x94, 0x5d, 0x94, 0x28, 0x4b, 1],
    ...[0x4b, 2, 0x85, 0x94, 0x43, 1, "x", 0x94, 0x65, 0x8c, 1, "b", 0x94, 0x4a, 0xd4, 0xfe, 0xff, 0xff, 0x75, 0x2e],
  );
  assert.deepEqual(read(protocol4), new Map<string, unknown>([["a", [1, [2], bytes("x")]], ["b", -300]]));
});

Deno.test("readPickle() refuses a class outside the list, naming it and the offset", () => {
  // What pickle.loads would run as os.system("true").
  refuses(() => read(bytes(0x80, 2, "cos\nsystem\n", 0x58, 4, 0, 0, 0, "true", 0x85, "R.")), /class os\.system/, 2);
  refuses(() => readNamespace(writePickle(new Call(new ClassName("builtins", "eval"), ["1"]))), /builtins\.eval/, 2);
  refuses(() => readNamespace(writePickle(new Call(new ClassName("argparse", "Action"), []))), /argparse\.Action/);
  const stacked = bytes(0x80, 4, 0x8c, 5, "posix", 0x8c, 6, "system", 0x93, ".");
  refuses(() => read(stacked), /posix\.system/, 17);
});

Deno.test("readPickle() refuses opcodes outside the list, naming byte and offset", () => {
  refuses(() => read(bytes(0x80, 2, "i", "os\nsystem\n.")), /opcode 0x69/, 2); // INST
  refuses(() => read(bytes(0x80, 2, 0x82, 1, ".")), /opcode 0x82/, 2); // EXT1
  refuses(() => read(bytes(0x80, 2, "P7\n.")), /opcode 0x50/, 2); // PERSID
  refuses(() => read(bytes(0x80, 4, 0x29, 0x29, 0x7d, 0x92, ".")), /opcode 0x92/, 5); // NEWOBJ_EX
  refuses(() => read(bytes(0x80, 0, ".")), /protocol 0/, 0);
  refuses(() => read(bytes(0x80, 2, ")", "Q.")), /persistent id/, 3);
  refuses(() => read(bytes(0x80, 2, "K", 1, "K", 2, 0x85, "R.")), /only an allowed class/, 7);
});

Deno.test("readPickle() refuses every truncation and every stack that does not fit", () => {
  const whole = writeNamespace({ a: 1, b: [2, "three"], c: 0.5 });
  assert.ok(readNamespace(whole).has("c"));
  for (let length = 0; length < whole.length; length++) {
    refuses(() => readNamespace(whole.subarray(0, length)), /truncated|empty/);
  }
  refuses(() => read(bytes(0x80, 2, ".")), /stack is empty/, 2);
  refuses(() => read(bytes(0x80, 2, "NN.")), /left over/);
  refuses(() => read(bytes(0x80, 2, "t.")), /no mark/);
  refuses(() => read(bytes(0x80, 2, "h", 9, ".")), /memo 9/);
  refuses(() => read(bytes(0x80, 2, "NNs.")), /empty/);
  refuses(() => read(bytes(0x80, 2, "]NNs.")), /dict only/);
  refuses(() => read(bytes(0x80, 2, "X", 255, 255, 255, 127)), /not credible/);
  refuses(() => read(bytes(0x80, 2, "X", 1, 0, 0, 0, 0xff, ".")), /UTF-8/);
});

Deno.test("readNamespace() refuses what is no Namespace", () => {
  assert.throws(() => readNamespace(writePickle(new Map())), /no argparse.Namespace/);
  assert.throws(() => readNamespace(writePickle(null)), /no argparse.Namespace/);
});

const tensors = new Map([
  ["a", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ["b", { shape: [], data: Float32Array.of(7) }],
]);

Deno.test("readTorchFile() reads the zip form and the older one", () => {
  for (const file of [writeTorchZip(tensors), writeTorchLegacy(tensors)]) {
    assert.deepEqual(readTorchFile(file), tensors);
  }
});

Deno.test("readTorchFile() refuses truncated files of both forms", () => {
  for (const file of [writeTorchZip(tensors), writeTorchLegacy(tensors)]) {
    for (let length = 0; length < file.length; length += 7) {
      assert.throws(() => readTorchFile(file.subarray(0, length)), SyntaxError, `${length} of ${file.length} bytes`);
    }
  }
});

Deno.test("readTorchFile() refuses other files and tensors beyond their storage", () => {
  assert.throws(() => readTorchFile(bytes("\x93NUMPY")), /neither a zip archive nor a pickle/);
  const wrong = new Map([["a", { shape: [2, 4], data: new Float32Array(6) }]]);
  assert.throws(() => readTorchFile(writeTorchZip(wrong)), /\[2,4\] on a storage of 6/);
});

Deno.test({
  name: "readTorchFile() and readNamespace() read a checkpoint that PyTorch and GeoLDM wrote",
  ignore: !hasReference,
  fn: () => {
    const weights = readTorchFile(Deno.readFileSync(CHECKPOINT.weights));
    assert.deepEqual(weights.get("dynamics.egnn.embedding.weight")!.shape, [32, 3]);
    assert.equal(weights.size, 94);
    const args = readNamespace(Deno.readFileSync(CHECKPOINT.args));
    assert.deepEqual([args.get("nf"), args.get("normalize_factors"), args.get("diffusion_noise_precision")], [
      32,
      [1, 4, 10],
      1e-5,
    ]);
  },
});

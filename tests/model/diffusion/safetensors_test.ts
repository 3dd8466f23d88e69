import assert from "node:assert/strict";
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { random } from "../../../model/diffusion/random.ts";

/** A file with this header and these data bytes, sound or not. */
function fileOf(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

const bytesOf = (numbers: ArrayBufferView) => new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

function example() {
  const stream = random(3), a = new Float32Array(24), b = new Float32Array(5);
  stream.fillNormal(a);
  stream.fillNormal(b);
  return new Map([
    ["a.weight", { shape: [2, 3, 4], data: a }],
    ["b", { shape: [5], data: b }],
    ["scalar", { shape: [], data: Float32Array.of(7) }],
    ["empty", { shape: [0, 4], data: new Float32Array(0) }],
  ]);
}

Deno.test("writeSafetensors() and readSafetensors() return every bit in single precision", () => {
  const file = writeSafetensors(example(), { metadata: { seed: "3" } });
  const read = readSafetensors(file);
  assert.deepEqual([...read.keys()], [...example().keys()]);
  for (const [name, { shape, data }] of example()) {
    assert.deepEqual(read.get(name), { dtype: "F32", shape, data });
  }
  assert.deepEqual(readSafetensorsMetadata(file), { seed: "3" });
});

Deno.test("writeSafetensors() aligns the data to 8 bytes", () => {
  const file = writeSafetensors(example());
  assert.equal(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8, 0);
});

Deno.test("writeSafetensors() rounds to half precision within half of its last place", () => {
  const read = readSafetensors(writeSafetensors(example(), { dtype: "F16" }));
  for (const [name, { data }] of example()) {
    const stored = read.get(name)!;
    assert.equal(stored.dtype, "F16");
    data.forEach((value, i) => assert.ok(Math.abs(stored.data[i] - value) <= Math.abs(value) * 2 ** -11 + 2 ** -25));
  }
});

Deno.test("writeSafetensors() refuses a value that half precision cannot hold, naming the tensor", () => {
  const tensors = new Map([["big", { shape: [2], data: Float32Array.of(1, 7e4) }]]);
  assert.throws(() => writeSafetensors(tensors, { dtype: "F16" }), /"big": 70000 at index 1 has no half/);
});

Deno.test("writeSafetensors() writes each tensor as it is told by its name, and integers of 8 bits exactly", () => {
  const integers = { shape: [4], data: Float32Array.of(-128, -1, 0, 127) };
  const tensors = new Map([["half", { shape: [1], data: Float32Array.of(0.1) }], ["integers", integers]]);
  const file = writeSafetensors(tensors, { dtype: (name) => name === "half" ? "F16" : "I8" }),
    read = readSafetensors(file);
  assert.deepEqual([read.get("half")!.dtype, read.get("integers")], ["F16", { dtype: "I8", ...integers }]);
  for (const value of [128, -129, 0.5, NaN, Infinity]) {
    const one = new Map([["w", { shape: [2], data: Float32Array.of(1, value) }]]);
    assert.throws(() => writeSafetensors(one, { dtype: "I8" }), new RegExp(`"w": ${value} at index 1 is no integer`));
  }
});

Deno.test("writeSafetensors() refuses a shape that does not match its data", () => {
  const tensors = new Map([["w", { shape: [2, 2], data: new Float32Array(3) }]]);
  assert.throws(() => writeSafetensors(tensors), /"w" of shape \[2, 2\] must have 4 numbers; got 3/);
});

Deno.test("readSafetensors() reads halves and bfloat16s with exact known values", () => {
  // 1, -2, largest finite, smallest subnormal, infinity
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00), brain = Uint16Array.of(0x3f80, 0xc049);
  const data = new Uint8Array([...bytesOf(halves), ...bytesOf(brain)]);
  const read = readSafetensors(fileOf({
    h: { dtype: "F16", shape: [5], data_offsets: [0, 10] },
    b: { dtype: "BF16", shape: [2], data_offsets: [10, 14] },
  }, data));
  assert.deepEqual([...read.get("h")!.data], [1, -2, 65504, 2 ** -24, Infinity]);
  assert.deepEqual([...read.get("b")!.data], [1, -3.140625]);
});

Deno.test("readSafetensors() reads integers exactly and refuses those that floats cannot hold", () => {
  const header = { n: { dtype: "I64", shape: [2], data_offsets: [0, 16] } };
  const read = readSafetensors(fileOf(header, bytesOf(BigInt64Array.of(-5n, 2n ** 24n))));
  assert.deepEqual([...read.get("n")!.data], [-5, 2 ** 24]);
  const beyond = fileOf(header, bytesOf(BigInt64Array.of(1n, 2n ** 24n + 2n)));
  assert.throws(() => readSafetensors(beyond), /16777218; floats are exact to 2\^24/);
});

Deno.test("readSafetensors() reads from the middle of a larger buffer", () => {
  const file = writeSafetensors(example()), larger = new Uint8Array(file.length + 11);
  larger.set(file, 3);
  assert.deepEqual(readSafetensors(larger.subarray(3, 3 + file.length)), readSafetensors(file));
});

Deno.test("readSafetensors() refuses a file cut at any byte", () => {
  const file = writeSafetensors(example());
  for (let length = 0; length < file.length; length++) {
    assert.throws(() => readSafetensors(file.subarray(0, length)), SyntaxError, `cut to ${length} bytes`);
  }
});

Deno.test("readSafetensors() refuses damaged headers with the reason", () => {
  const eight = new Uint8Array(8);
  const entry = (more: object) => fileOf({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...more } }, eight);
  const cases: [Uint8Array, RegExp][] = [
    [fileOf("{", eight), /the header is not JSON/],
    [fileOf("[]"), /the header is not a JSON object/],
    [fileOf({ w: 3 }), /entry "w" is not an object/],
    [entry({ dtype: "F31" }), /"w" has dtype "F31"; known are F64/],
    [entry({ dtype: "toString" }), /"w" has dtype "toString"/],
    [entry({ shape: [-2] }), /"w" has shape \[-2\]/],
    [entry({ shape: [3] }), /"w" \(F32 \[3\]\) must have 12 bytes; got 8/],
    [entry({ data_offsets: [8, 0] }), /data_offsets of "w" must be .*; got \[8,0\]/],
    [entry({ data_offsets: [4, 12] }), /"w" begins at data byte 4, the tensor before it ends at 0/],
    [entry({ shape: [1], data_offsets: [0, 4] }), /4 bytes follow the last tensor/],
    [fileOf({ __metadata__: { a: 1 } }), /__metadata__ must hold strings/],
    [new Uint8Array(8).fill(255), /the header must have at most .*; got 18446744073709552000/],
  ];
  for (const [file, reason] of cases) assert.throws(() => readSafetensors(file), reason);
});

Deno.test("writeSafetensors() and readSafetensors() take any name", () => {
  const names = ["__proto__", "constructor", "10", "2", "", 'ö/λ\n"'];
  const tensors = new Map(names.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }]));
  const read = readSafetensors(writeSafetensors(tensors));
  assert.deepEqual([...read.keys()], names);
  names.forEach((name, i) => assert.deepEqual([...read.get(name)!.data], [i]));
});

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../shared", import.meta.url).pathname;
const reference = `${shared}/reference/geoldm_tiny/expected.safetensors`;
const present = await Deno.stat(reference).then(() => true, () => false);

Deno.test({
  name: "readSafetensors() reads a file of the reference implementation, and writeSafetensors() its bytes again",
  ignore: !present,
  fn() {
    const file = Deno.readFileSync(reference), read = readSafetensors(file), metadata = readSafetensorsMetadata(file);
    assert.deepEqual(read.get("ddpm_chain")!.shape, [8, 3, 13, 5]);
    assert.equal(metadata.T, "8");
    const again = writeSafetensors(read, { metadata });
    const data = (bytes: Uint8Array) =>
      bytes.subarray(8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)));
    assert.deepEqual(data(again), data(file));
  },
});

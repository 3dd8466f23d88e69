import assert from "node:assert/strict";
import { type Npy, readNpy, writeNpy } from "../../chem/npy.ts";

const ARRAYS: Npy[] = [
  { type: "u8", shape: [4], data: new Uint8Array([0, 1, 128, 255]) },
  { type: "i16", shape: [2, 2], data: new Int16Array([-32768, 32767, 0, -1]) },
  { type: "i32", shape: [1, 3], data: new Int32Array([-2147483648, 2147483647, 5]) },
  { type: "f32", shape: [2], data: new Float32Array([1.5, -Infinity]) },
  { type: "f64", shape: [2, 1, 1], data: new Float64Array([Math.PI, -0]) },
  { type: "f64", shape: [0, 3], data: new Float64Array() },
];

Deno.test("readNpy() gives back what writeNpy() wrote, for every type", () => {
  for (const array of ARRAYS) assert.deepEqual(readNpy(writeNpy(array), array.type), array);
});

// np.save(file, np.array([[1, -2, 3]], dtype=np.int16)) with NumPy 2.4.6.
const BY_NUMPY =
  "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDMpLCB9ICAgICAgICAgICAgICAg" +
  "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAP7/AwA=";

Deno.test("writeNpy() writes the bytes that NumPy writes", () => {
  const bytes = Uint8Array.from(atob(BY_NUMPY), (c) => c.charCodeAt(0));
  assert.deepEqual(readNpy(bytes, "i16"), { type: "i16", shape: [1, 3], data: new Int16Array([1, -2, 3]) });
  assert.deepEqual(writeNpy({ type: "i16", shape: [1, 3], data: new Int16Array([1, -2, 3]) }), bytes);
});

/** The same file with other words, of the same length, in its header. */
function withHeader(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = String.fromCharCode(...bytes);
  return Uint8Array.from(text.replace(from, to), (c) => c.charCodeAt(0));
}

Deno.test("readNpy() names the file and the fault when it is cut short, too long, or of another kind", () => {
  const bytes = writeNpy(ARRAYS[1]), read = (b: Uint8Array) => () => readNpy(b, "i16", "a.npy");
  assert.throws(read(bytes.subarray(0, -1)), /a\.npy: shape \(2,2\) of i16 takes 8 bytes and 7 are there/);
  assert.throws(read(new Uint8Array([...bytes, 0])), /takes 8 bytes and 9 are there/);
  for (const length of [0, 5, 9, 10, 64]) assert.throws(read(bytes.subarray(0, length)), /a\.npy: (not an|cut short)/);
  assert.throws(() => readNpy(bytes, "i32", "a.npy"), /a\.npy: the type must be <i4 \(i32\); got <i2/);
  assert.throws(read(withHeader(bytes, "False", " True")), /Fortran order/);
  assert.throws(read(withHeader(bytes, "'<i2'", " '|O'")), /type must be <i2 \(i16\); got \|O/);
});

Deno.test("writeNpy() refuses a shape that does not fit the data", () => {
  assert.throws(() => writeNpy({ type: "u8", shape: [2, 2], data: new Uint8Array(3) }), /must have 4 numbers; got 3/);
});

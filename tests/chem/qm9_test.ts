import assert from "node:assert/strict";
import { findQm9, openQm9, QM9_FILES, QM9_PROPERTIES, QM9_SMILES_FILE } from "../../chem/qm9.ts";
import { makeManifest, MANIFEST } from "../../chem/manifest.ts";
import { type Npy, writeNpy } from "../../chem/npy.ts";
import { numpyPermutation } from "../../chem/numpy_permutation.ts";

/** A set of three molecules (H2, HF, N2) in compact form, whose arrays a test may spoil. */
function tinySet(): Record<string, Npy> {
  const arrays: Record<keyof typeof QM9_FILES, Npy> = {
    index: { type: "i32", shape: [3], data: new Int32Array([1, 2, 7]) },
    atomCounts: { type: "u8", shape: [3], data: new Uint8Array([2, 2, 2]) },
    atomicNumbers: { type: "u8", shape: [6], data: new Uint8Array([1, 1, 1, 9, 7, 7]) },
    positions: { type: "i16", shape: [6, 3], data: Int16Array.from({ length: 18 }, (_, i) => 500 * i - 4000) },
    properties: { type: "f64", shape: [3, 15], data: Float64Array.from({ length: 45 }, (_, i) => i) },
    train: { type: "i32", shape: [1], data: new Int32Array([2]) },
    valid: { type: "i32", shape: [1], data: new Int32Array([0]) },
    test: { type: "i32", shape: [1], data: new Int32Array([1]) },
  };
  return Object.fromEntries(Object.entries(QM9_FILES).map(([key, { name }]) => [name, arrays[key as "index"]]));
}

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function withSet(
  set: Record<string, Npy>,
  use: (folder: string) => Promise<void>,
  smiles = "[H][H]\nF\nN#N\n",
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, array] of Object.entries(set)) await Deno.writeFile(`${folder}/${name}`, writeNpy(array));
    await Deno.writeFile(`${folder}/${QM9_SMILES_FILE}`, await gzip(smiles));
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openQm9() gives molecules in angstrom with their SMILES, properties and split", async () => {
  await withSet(tinySet(), async (folder) => {
    const qm9 = await openQm9(folder);
    assert.equal(qm9.count, 3);
    assert.deepEqual(qm9.molecule(1), {
      atomicNumbers: new Uint8Array([1, 9]),
      positions: new Float32Array([-0.5, -0.25, 0, 0.25, 0.5, 0.75]),
    });
    assert.equal(qm9.smiles(2), "N#N");
    assert.equal(qm9.properties[2 * QM9_PROPERTIES.length + QM9_PROPERTIES.indexOf("Cv")], 44);
    assert.deepEqual([...qm9.split.train, ...qm9.split.valid, ...qm9.split.test], [2, 0, 1]);
    assert.throws(() => qm9.molecule(3), /row must be 0 to 2; got 3/);
  });
});

Deno.test("openQm9() names each file that is not there, and each that is cut short", async () => {
  for (const name of [...Object.values(QM9_FILES).map((file) => file.name), QM9_SMILES_FILE]) {
    await withSet(tinySet(), async (folder) => {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      await Deno.writeFile(`${folder}/${name}`, bytes.subarray(0, -2));
      await assert.rejects(openQm9(folder), (error: Error) => error.message.includes(name));
      await Deno.remove(`${folder}/${name}`);
      await assert.rejects(openQm9(folder), (error: Error) => error.message.includes(`lacks ${name}`));
    });
  }
});

Deno.test("openQm9() refuses files that do not agree with each other", async () => {
  const spoilt: [keyof typeof QM9_FILES, Npy, RegExp][] = [
    ["index", { type: "i32", shape: [2], data: new Int32Array(2) }, /gdb9_index.*expected 3 molecules.*; got 2/],
    [
      "atomicNumbers",
      { type: "u8", shape: [5], data: new Uint8Array(5).fill(6) },
      /atomic_numbers.*expected 6 atoms.*; got 5/,
    ],
    ["atomicNumbers", { type: "u8", shape: [6], data: new Uint8Array(6).fill(5) }, /atomic_numbers.*; got 5/],
    ["positions", { type: "i16", shape: [18], data: new Int16Array(18) }, /positions.*shape must be .*; got \[18\]/],
    [
      "properties",
      { type: "f64", shape: [3, 14], data: new Float64Array(42) },
      /properties.*shape must be .*; got \[3,14\]/,
    ],
    ["test", { type: "i32", shape: [1], data: new Int32Array([3]) }, /split_test.*rows must be 0 to 2; got 3/],
    ["test", { type: "i32", shape: [1], data: new Int32Array([0]) }, /split_test.*row 0 is in the split twice/],
    ["test", { type: "i32", shape: [0], data: new Int32Array(0) }, /split must hold all 3 molecules; got 2/],
  ];
  for (const [key, array, message] of spoilt) {
    await withSet({ ...tinySet(), [QM9_FILES[key].name]: array }, (folder) => assert.rejects(openQm9(folder), message));
  }
  await withSet(
    tinySet(),
    (folder) => assert.rejects(openQm9(folder), /smiles.*expected 3 molecules.*; got 2/),
    "F\nN\n",
  );
});

Deno.test("openQm9() refuses a file whose sum is not that of the list", async () => {
  await withSet(tinySet(), async (folder) => {
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for await (const { name } of Deno.readDir(folder)) files.set(name, await Deno.readFile(`${folder}/${name}`));
    await Deno.writeTextFile(`${folder}/${MANIFEST}`, await makeManifest(files));
    assert.equal((await openQm9(folder)).count, 3);
    const { name } = QM9_FILES.positions, bytes = await Deno.readFile(`${folder}/${name}`);
    bytes[bytes.length - 1] ^= 1;
    await Deno.writeFile(`${folder}/${name}`, bytes);
    await assert.rejects(openQm9(folder), /positions\.i16\.npy: damaged/);
  });
});

Deno.test("findQm9() tells where it looked when there is none", async () => {
  await assert.rejects(findQm9(["/nowhere/a", "/nowhere/b"]), /looked for in \/nowhere\/a, \/nowhere\/b/);
});

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;
const whole = `${shared}/data/qm9`;
const ignore = !(await Deno.stat(whole).then((file) => file.isDirectory, () => false));

Deno.test({
  name: "numpyPermutation() gives EDM's split of QM9",
  ignore,
  fn: async () => {
    const { count, split } = await openQm9(whole);
    assert.equal(count, 130831);
    const order = numpyPermutation(0, count);
    assert.deepEqual(order.slice(0, 100000), split.train);
    assert.deepEqual(order.slice(100000, 117748), split.valid);
    assert.deepEqual(order.slice(117748), split.test);
  },
});

Deno.test("numpyPermutation() gives NumPy's order", () => {
  // np.random.RandomState(0).permutation(10) and np.random.RandomState(4294967295).permutation(8)
  assert.deepEqual([...numpyPermutation(0, 10)], [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
  assert.deepEqual([...numpyPermutation(4294967295, 8)], [1, 7, 6, 0, 5, 4, 2, 3]);
});

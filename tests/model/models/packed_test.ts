import assert from "node:assert/strict";
import { join } from "node:path";
import { average } from "../../../bench/average.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { readCard } from "../../../model/models/card.ts";
import { loadModel } from "../../../model/models/load.ts";
import { isPacked, unpacked, writePacked } from "../../../model/models/packed.ts";
import { LARGEST_ERROR } from "../../../model/models/scaled.ts";
import { readWeights, readWeightsFile, readWholeFile, recordDigests, sha256Of } from "../../../model/models/weights.ts";
import { readFirstValues } from "../../../model/training/first_values.ts";
import { student, withFolder, writeCompact, writeTinyModel } from "../tiny_model.ts";

const DENOISER = "denoiser.safetensors";

/** Normal numbers whose spread is a tenth in each next of `columns`, by the index of the last axis and, of three, the first. */
function normals(shape: readonly number[], columns = 1): WritableTensor {
  const data = new Float32Array(shape.reduce((all, size) => all * size, 1)), last = shape.at(-1)!;
  random(4).fillNormal(data);
  const stretch = data.length / (shape.length === 3 ? shape[0] : 1),
    at = (i: number) => Math.floor(i / stretch) + i % last;
  return { shape, data: data.map((value, i) => value * 10 ** -(at(i) % columns)) };
}

const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

const read = (bytes: Uint8Array) => unpacked(readSafetensors(bytes));

Deno.test("writePacked() errs by half a step of a column's scale at most, and as uniform rounding does on the whole", () => {
  const rows = 1999, stack = normals([2, rows, 3], 3), odd = normals([rows, 1]);
  const bytes = writePacked(new Map([["stack", stack], ["odd", odd]]), { model: "tiny" })!;
  const stored = readSafetensors(bytes), found = read(bytes);
  assert.deepEqual(
    Object.fromEntries([...stored].map(([name, { dtype, shape }]) => [name, [dtype, ...shape]])),
    {
      ...{ "stack.scale": ["F32", 6], "odd.scale": ["F32", 1], stack: ["I8", 2, rows, 3], odd: ["I8", rows, 1] },
      ...{ "stack.low": ["U8", 3 * rows], "odd.low": ["U8", (rows + 1) / 2] },
    },
  );
  assert.deepEqual([...found.keys()], ["stack", "odd"]);
  for (const [name, { shape, data }] of Object.entries({ stack, odd })) {
    const values = found.get(name)!, last = shape.at(-1)!;
    assert.deepEqual([values.dtype, values.shape], ["F32", shape]);
    for (let column = 0; column < data.length / rows; column++) {
      const first = Math.floor(column / last) * rows * last + column % last;
      const of = (all: Float32Array) => Float64Array.from({ length: rows }, (_, row) => all[first + row * last]);
      const wanted = of(data), errors = of(values.data).map((value, i) => value - wanted[i]);
      const largest = Math.max(...wanted.map(Math.abs)), step = largest / 2047;
      // What is read, and the scale, are rounded to single precision.
      assert.ok(Math.max(...errors.map(Math.abs)) <= step / 2 + largest * 2 ** -23, name);
      const spread = norm(errors) / Math.sqrt(rows);
      assert.ok(Math.abs(spread / (step / Math.sqrt(12)) - 1) < 0.05, `${spread} of steps of ${step}`);
    }
  }
});

Deno.test("writePacked() keeps every integer from -2047 to 2047, and zeros, to the last bit", () => {
  const data = Float32Array.from({ length: 4095 }, (_, i) => i - 2047), zeros = normals([3, 3]).data.fill(0);
  const bytes = writePacked(new Map([["w", { shape: [4095, 1], data }], ["zeros", { shape: [3, 3], data: zeros }]]))!;
  assert.deepEqual([...read(bytes)].map(([, { data }]) => data), [data, zeros]);
  // -1 = 16 x -1 + 15 and 0; 1 and 2: the first of two in the lower half of a byte.
  const low = readSafetensors(bytes).get("w.low")!.data;
  assert.deepEqual([...low.slice(1023, 1025)], [15, 1 + 16 * 2]);
});

Deno.test("writePacked() leaves in 16 bits what is a vector or would lose too much, and takes three quarters of the bytes", () => {
  // One number of a column is so large that a step is more than twice each of the others.
  const far = { shape: [3001, 1], data: new Float32Array(3001).fill(5) };
  far.data[7] = 24_000;
  const tensors = new Map<string, WritableTensor>([["w", normals([200, 200])], ["vector", normals([200])], [
    "far",
    far,
  ]]);
  tensors.set("named", normals([4, 4])).set("named.low", normals([3]));
  const bytes = writePacked(tensors)!, found = read(bytes), stored = readSafetensors(bytes);
  const types = Object.fromEntries([...stored].map(([name, { dtype }]) => [name, dtype]));
  assert.deepEqual(types, {
    ...{ "w.scale": "F32", vector: "F16", far: "F16", named: "F16", "named.low": "F16", w: "I8", "w.low": "U8" },
  });
  assert.deepEqual([...found.keys()].sort(), [...tensors.keys()].sort());
  for (const [name, { data }] of tensors) {
    assert.ok(norm(data.map((value, i) => found.get(name)!.data[i] - value)) <= LARGEST_ERROR * norm(data), name);
  }
  const alone = new Map([["w", tensors.get("w")!]]), halves = writeSafetensors(alone, { dtype: "F16" });
  assert.ok(writePacked(alone)!.length < 0.78 * halves.length);
  assert.equal(writePacked(new Map([["vector", tensors.get("vector")!]])), undefined);
});

Deno.test("unpacked() and isPacked() refuse what is not sound, saying why", () => {
  const good = readSafetensors(writePacked(new Map([["w", normals([3, 3])]]))!);
  const refused = (changes: Parameters<typeof good.set>[1] | undefined, name: string, why: RegExp) => {
    const stored = new Map(good);
    if (changes) stored.set(name, changes);
    else stored.delete(name);
    assert.throws(() => unpacked(stored), { name: "SyntaxError", message: why });
  };
  const low = good.get("w.low")!, scale = good.get("w.scale")!;
  refused(undefined, "w.low", /the packed "w" must have low bits of shape \[5\] of type U8; got none/);
  refused(undefined, "w.scale", /the packed "w" must have scales of shape \[3\] of type F32; got none/);
  refused({ ...low, shape: [4] }, "w.low", /low bits of shape \[5\] of type U8; got \[4\] of type U8/);
  refused({ ...low, dtype: "F16" }, "w.low", /low bits of shape \[5\] of type U8; got \[5\] of type F16/);
  refused({ ...scale, shape: [1] }, "w.scale", /scales of shape \[3\] of type F32; got \[1\] of type F32/);
  refused({ ...low }, "other.low", /"other.low" must be I8, or F16 or F32 where it is in full; got U8/);
  const told = (metadata: Record<string, string>) => writeSafetensors(new Map(), { metadata });
  assert.deepEqual([isPacked(told({ model: "qm9" })), isPacked(told({ packed: "12 bits" }))], [false, true]);
  const other = { name: "SyntaxError", message: 'the metadata\'s "packed" must be "12 bits"; got "6 bits"' };
  assert.throws(() => isPacked(told({ packed: "6 bits" })), other);
});

/** Packs the denoiser in a tiny model's folder. @returns the weights that it was made of */
async function pack(folder: string): Promise<Map<string, WritableTensor>> {
  const path = join(folder, DENOISER), weights = await readWeights(path);
  await Deno.writeFile(path, writePacked(weights)!);
  await recordDigests(folder);
  return weights;
}

/** What the networks of a folder say of the same noise: undistilled, and as a student of 8 steps. */
async function said(folder: string): Promise<Float32Array[]> {
  const model = await loadModel(folder, { backend: "wasm", threads: 1 }), shape = { batch: 2, nodes: 4 };
  const z = drawNoise(model.card.space, shape, [random(5), random(6)]), all = [];
  for (const steps of [undefined, 8]) {
    all.push(await (await model.denoiser(steps)).predict(z, shape, { time: 0.5 }));
  }
  model.dispose();
  return all;
}

Deno.test("loadModel() draws with packed weights, and a student that is differences from them, what it draws with the same in full, to the last bit", () =>
  withFolder(async (root) => {
    const changes = { distilled: [student(8)] }, { file } = student(8);
    const folder = await writeTinyModel(join(root, "packed"), changes), weights = await pack(folder);
    const full = await writeTinyModel(join(root, "full"), changes);
    const path = join(folder, DENOISER), { bytes, sha256, tensors } = await readWeightsFile(path);
    assert.deepEqual([isPacked(bytes), (await readCard(folder)).denoiser.sha256], [true, sha256]);
    for (const [name, { data }] of weights) {
      assert.ok(norm(data.map((value, i) => tensors.get(name)!.data[i] - value)) <= LARGEST_ERROR * norm(data), name);
    }
    const near = await writeCompact(folder, file);
    await recordDigests(folder);
    const found = await readWeightsFile(join(folder, file)), name = "input.weight";
    assert.deepEqual(found.base, { file: DENOISER, sha256 });
    const error = near.get(name)!.data.map((value, i) => value - found.tensors.get(name)!.data[i]);
    assert.ok(norm(error) <= LARGEST_ERROR * norm(near.get(name)!.data));
    await Deno.writeFile(join(full, DENOISER), writeSafetensors(tensors));
    await Deno.writeFile(join(full, file), writeSafetensors(found.tensors));
    await recordDigests(full);
    const answers = await Promise.all([folder, full].map(said));
    assert.ok(answers[0].every((one) => one.some((value) => value !== 0)));
    assert.notDeepEqual(answers[0][0], answers[0][1]);
    assert.deepEqual(answers[0], answers[1]);
  }));

Deno.test("packed files are whole: copied as they are, begun with by training, averaged, and refused where scales are not finite or a base is named, too", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), path = join(folder, DENOISER), out = join(folder, "mean.safetensors");
    await pack(folder);
    const { bytes, sha256, tensors } = await readWeightsFile(path), name = "input.weight";
    assert.deepEqual([(await readWholeFile(path)).bytes, sha256Of(bytes)], [bytes, sha256]);
    assert.deepEqual((await readFirstValues(path)).values.get(name)!.data, tensors.get(name)!.data);
    await average([`${path}:1`, "--out", out]);
    const halves = await readWeights(out);
    tensors.get(name)!.data.forEach((value, i) => assert.ok(Math.abs(halves.get(name)!.data[i] - value) < 1e-3));

    assert.match(await average(["--packed", `${path}:1`, "--out", out]), /mean of 1 networks, packed$/);
    const again = await readWeightsFile(out);
    assert.deepEqual([isPacked(again.bytes), again.tensors.get(name)!.data], [true, tensors.get(name)!.data]);
    await assert.rejects(average([`${path}:1`, "--out", out, "--packed", "--differences"]), /got .*--differences/);

    const stored = readSafetensors(bytes);
    const write = (metadata: Record<string, string>) =>
      Deno.writeFile(out, writeSafetensors(stored, { dtype: (one) => stored.get(one)!.dtype as "F32", metadata }));
    await write({ packed: "12 bits", differencesFrom: DENOISER, differencesFromSha256: sha256 });
    const both = "mean.safetensors: weights must be differences or packed; got metadata of both";
    await assert.rejects(readWeights(out), { name: "SyntaxError", message: new RegExp(both) });
    stored.get(`${name}.scale`)!.data.fill(Infinity);
    await write({ packed: "12 bits" });
    await assert.rejects(readWeights(out), /mean\.safetensors: finite weights asked, input\.weight has/);
  }));

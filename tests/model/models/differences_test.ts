import assert from "node:assert/strict";
import { join } from "node:path";
import { average } from "../../../bench/average.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import {
  readSafetensors,
  readSafetensorsMetadata,
  type WritableTensor,
  writeSafetensors,
} from "../../../model/diffusion/safetensors.ts";
import { readCard } from "../../../model/models/card.ts";
import { addedTo, baseOf, writeDifferences } from "../../../model/models/differences.ts";
import { loadModel } from "../../../model/models/load.ts";
import { LARGEST_ERROR } from "../../../model/models/scaled.ts";
import { readWeights, readWeightsFile, readWholeFile, recordDigests, sha256Of } from "../../../model/models/weights.ts";
import { student, withFolder, writeCompact, writeTinyModel } from "../tiny_model.ts";

const FROM = { file: "denoiser.safetensors", sha256: "0".repeat(64) };

/** Normal numbers of this spread. */
function normals(shape: readonly number[], spread: number, seed: number): WritableTensor {
  const data = new Float32Array(shape.reduce((all, size) => all * size, 1));
  random(seed).fillNormal(data);
  return { shape, data: data.map((value) => spread * value) };
}

const sum = ({ shape, data }: WritableTensor, other: WritableTensor) => ({
  shape,
  data: data.map((value, i) => value + other.data[i]),
});

const read = (bytes: Uint8Array, base: ReadonlyMap<string, WritableTensor>) => addedTo(base, readSafetensors(bytes));

const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

Deno.test("writeDifferences() errs by half a step of a column's scale at most, and as uniform rounding does on the whole", () => {
  const base = new Map([["w", normals([2000, 3], 1, 1)]]), wanted = base.get("w")!;
  // Columns whose differences are of different spread: each has a scale of its own.
  const moved = normals([2000, 3], 0.01, 2);
  moved.data.forEach((value, i) => moved.data[i] = value * 10 ** -(i % 3));
  // The further it is moved, the more steps it takes to lose as little.
  for (const [further, steps] of [[1, 15], [4, 23], [5, 31], [7, 47], [10, 63], [14, 95], [20, 127]]) {
    const far = { ...moved, data: moved.data.map((value) => further * value) };
    checkRounding(sum(wanted, far), base, steps);
  }
});

/** Checks by how much a tensor `w` that is stored as differences in so many steps is off. */
function checkRounding(near: WritableTensor, base: ReadonlyMap<string, WritableTensor>, steps: number): void {
  const { data } = near, wanted = base.get("w")!, bytes = writeDifferences(new Map([["w", near]]), base, FROM)!;
  const found = read(bytes, base).get("w")!;
  assert.deepEqual([found.dtype, found.shape], ["F32", [2000, 3]]);
  assert.equal(Math.max(...readSafetensors(bytes).get("w")!.data.map(Math.abs)), steps);
  for (const column of [0, 1, 2]) {
    const of = (values: Float32Array) => values.filter((_, i) => i % 3 === column);
    const differences = of(data.map((value, i) => value - wanted.data[i]));
    const step = Math.max(...differences.map(Math.abs)) / steps, errors = of(found.data.map((v, i) => v - data[i]));
    // Sums are rounded to single precision.
    assert.ok(Math.max(...errors.map(Math.abs)) <= step / 2 + 2 ** -22);
    const spread = norm(errors) / Math.sqrt(2000);
    assert.ok(Math.abs(spread / (step / Math.sqrt(12)) - 1) < 0.05, `${spread} of steps of ${step}`);
  }
}

Deno.test("writeDifferences() leaves in 16 bits what is a vector, has no counterpart or would lose too much, and is half as large", () => {
  const base = new Map([
    ["far", normals([40, 40], 1, 1)],
    ["near", normals([60, 60], 1, 2)],
    ["stack", normals([2, 20, 20], 1, 3)],
    ["vector", normals([20], 1, 4)],
    ["wider", normals([3, 20], 1, 5)],
    ["named", normals([9, 9], 1, 6)],
  ]);
  const tensors = new Map<string, WritableTensor>([...base].map(([name, one], k) => {
    return [name, sum(one, normals(one.shape, name === "far" ? 1 : 0.01, 10 + k))];
  }));
  tensors.set("wider", normals([4, 20], 1, 7)).set("new", normals([4, 4], 1, 8)).set("named.scale", normals([3], 1, 9));
  const bytes = writeDifferences(tensors, base, FROM)!, stored = readSafetensors(bytes);
  const types = Object.fromEntries([...stored].map(([name, { dtype }]) => [name, dtype]));
  assert.deepEqual(types, {
    ...{ "near.scale": "F32", "stack.scale": "F32", "far": "F16", "vector": "F16", "wider": "F16", "named": "F16" },
    ...{ "new": "F16", "named.scale": "F16", "near": "I8", "stack": "I8" },
  });
  assert.deepEqual([stored.get("stack.scale")!.shape, baseOf(bytes)], [[20], FROM]);
  const found = read(bytes, base);
  assert.deepEqual([...found.keys()].sort(), [...tensors.keys()].sort());
  for (const [name, { data }] of tensors) {
    const error = norm(data.map((value, i) => found.get(name)!.data[i] - value));
    assert.ok(error <= LARGEST_ERROR * norm(data), name);
  }
  const alone = new Map([["near", tensors.get("near")!]]), halves = writeSafetensors(alone, { dtype: "F16" });
  assert.ok(writeDifferences(alone, base, FROM)!.length < 0.6 * halves.length);
  tensors.delete("near");
  tensors.delete("stack");
  assert.equal(writeDifferences(tensors, base, FROM), undefined);
});

Deno.test("writeDifferences() keeps weights that are their base's to the last bit, and takes the smallest differences", () => {
  const base = new Map([["w", normals([8, 8], 1, 1)]]);
  assert.deepEqual(read(writeDifferences(base, base, FROM)!, base).get("w")!.data, base.get("w")!.data);
  const least = new Map([["w", { shape: [1, 2], data: Float32Array.of(0, 1) }]]), tiny = 190 * 2 ** -120; // what is not normal is flushed to zero on some machines
  const moved = new Map([["w", { shape: [1, 2], data: Float32Array.of(tiny, 1) }]]);
  const [found] = read(writeDifferences(moved, least, FROM)!, least).get("w")!.data;
  assert.ok(Math.abs(found - tiny) <= 2 ** -120);
});

Deno.test("addedTo() and baseOf() refuse differences that are not sound, saying why", () => {
  const w = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }, scale = { shape: [2], data: Float32Array.of(1, 1) };
  const file = (
    tensors: Record<string, WritableTensor>,
    dtype: "I8" | "F32" = "I8",
    metadata?: Record<string, string>,
  ) =>
    writeSafetensors(new Map(Object.entries(tensors)), {
      dtype: (name) => name.endsWith(".scale") ? "F32" : dtype,
      metadata,
    });
  const refused = (bytes: Uint8Array, of: Record<string, WritableTensor>, why: RegExp) =>
    assert.throws(() => read(bytes, new Map(Object.entries(of))), { name: "SyntaxError", message: why });
  refused(file({ w }), { w }, /differences of "w" must have scales of shape \[2\]; got none/);
  refused(file({ w, "w.scale": { shape: [1], data: Float32Array.of(1) } }), { w }, /scales of shape \[2\]; got \[1\]/);
  refused(file({ w, "w.scale": scale }), {}, /"w" must have a counterpart of shape \[2, 2\]; got none/);
  refused(file({ w, "w.scale": scale }), { w: { ...w, shape: [4, 1] } }, /shape \[2, 2\]; got \[4, 1\]/);
  const wide = new Map([["w", { ...w, dtype: "BF16" as const }]]);
  assert.throws(() => addedTo(new Map([["w", w]]), wide), /"w" must be I8, or F16 or F32 .*; got BF16/);

  assert.equal(baseOf(file({ w }, "F32", { model: "qm9" })), undefined);
  const named = { differencesFrom: FROM.file, differencesFromSha256: FROM.sha256 };
  assert.deepEqual(baseOf(file({ w }, "I8", named)), FROM);
  for (
    const [told, why] of [
      [{ differencesFrom: FROM.file }, /metadata of differences are not sound:[^]*differencesFromSha256/],
      [{ differencesFromSha256: FROM.sha256 }, /differencesFrom/],
      [{ ...named, differencesFromSha256: "12" }, /64 lower-case hexadecimal digits/],
      [{ ...named, differencesFrom: "../denoiser.safetensors" }, /bare name of a .safetensors file/],
    ] as const
  ) assert.throws(() => baseOf(file({ w }, "I8", told)), { name: "SyntaxError", message: why });
});

Deno.test("loadModel() draws with a student that is differences what it draws with the same weights in full, to the last bit", () =>
  withFolder(async (root) => {
    const distilled = [{ ...student(8), levels: 8 }],
      compact = await writeTinyModel(join(root, "compact"), { distilled });
    const full = await writeTinyModel(join(root, "full"), { distilled }), { file } = distilled[0];
    const wanted = await writeCompact(compact, file, 8);
    await recordDigests(compact);
    const { bytes, sha256 } = await readWholeFile(join(compact, file));
    await Deno.writeFile(join(full, file), bytes);
    assert.equal(sha256, sha256Of(bytes));
    assert.deepEqual(readSafetensorsMetadata(bytes), {});
    assert.equal((await readWholeFile(join(full, file))).sha256, sha256);
    const tensors = await readWeights(join(compact, file));
    for (const [name, { data }] of wanted) {
      assert.ok(norm(data.map((value, i) => tensors.get(name)!.data[i] - value)) <= LARGEST_ERROR * norm(data), name);
    }
    const answers = await Promise.all([compact, full].map(async (folder) => {
      const model = await loadModel(folder, { backend: "wasm", threads: 1 }), shape = { batch: 2, nodes: 4 };
      const z = drawNoise(model.card.space, shape, [random(5), random(6)]);
      const said = await (await model.denoiser(8)).predict(z, shape, { time: 0.5 });
      model.dispose();
      return said;
    }));
    assert.ok(answers[0].some((value) => value !== 0));
    assert.deepEqual(answers[0], answers[1]);
  }));

Deno.test("readWeightsFile() names both files where the base of differences is not there, or is another; and bases may have bases", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root, { distilled: [student(8)] }),
      { file } = student(8),
      path = join(folder, file);
    await writeCompact(folder, file);
    const base = join(folder, FROM.file), { sha256 } = await readWeightsFile(base);
    assert.deepEqual((await readWeightsFile(path)).base, { file: FROM.file, sha256 });
    assert.equal((await readWeightsFile(base)).base, undefined);

    const near = await readWeights(path), from = { file, sha256: (await readWeightsFile(path)).sha256 };
    await Deno.writeFile(join(folder, "next.safetensors"), writeDifferences(near, near, from)!);
    assert.deepEqual(
      (await readWeights(join(folder, "next.safetensors"))).get("input.weight")!.data,
      near.get("input.weight")!.data,
    );

    const bytes = await Deno.readFile(base);
    bytes[bytes.length - 4] ^= 1;
    await Deno.writeFile(base, bytes);
    const other = `${FROM.file}: sha256 must be ${sha256}, as ${file}, which holds differences from it, says; got ${
      sha256Of(bytes)
    }`;
    await assert.rejects(readWeights(path), { name: "TypeError", message: new RegExp(other) });
    await Deno.remove(base);
    const gone = `${file}: ${FROM.file} \\(sha256 ${sha256}\\) must lie beside it, as it holds differences from that`;
    await assert.rejects(readWeights(path), { name: "NotFound", message: new RegExp(gone) });
  }));

Deno.test("readWeightsFile() refuses differences whose scales are not finite, or add up to more than a float holds", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), path = join(folder, "student.safetensors");
    const { sha256 } = await readWeightsFile(join(folder, FROM.file)), name = "input.weight";
    const { shape, data } = (await readWeights(join(folder, FROM.file))).get(name)!;
    for (const scale of [NaN, Infinity, 3e38]) {
      const tensors = new Map<string, WritableTensor>([
        [`${name}.scale`, { shape: shape.slice(-1), data: new Float32Array(shape.at(-1)!).fill(scale) }],
        [name, { shape, data: data.map(() => 2) }],
      ]);
      const metadata = { differencesFrom: FROM.file, differencesFromSha256: sha256 };
      await Deno.writeFile(path, writeSafetensors(tensors, { dtype: (one) => one === name ? "I8" : "F32", metadata }));
      await assert.rejects(
        readWeights(path),
        /student\.safetensors: finite weights asked, input\.weight has (NaN|Infinity) at 0/,
      );
    }
  }));

Deno.test("average() writes means as differences from the denoiser of the card beside, and reads them", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root),
      from = join(folder, "steps-4.safetensors"),
      out = join(folder, "steps-8.safetensors");
    const near = await writeCompact(folder, "steps-4.safetensors");
    assert.match(await average([`${from}:1`, "--out", out, "--differences"]), /the mean of 1 networks, as differences/);
    assert.deepEqual((await readWeightsFile(out)).base, (await readWeightsFile(from)).base);
    await average([`${from}:0.5`, `${join(folder, FROM.file)}:0.5`, "--out", out]);
    const half = await readWeightsFile(out), first = await readWeights(join(folder, FROM.file)), name = "input.weight";
    assert.equal(half.base, undefined);
    half.tensors.get(name)!.data.forEach((value, i) => {
      assert.ok(Math.abs(value - (near.get(name)!.data[i] + first.get(name)!.data[i]) / 2) < 1e-3);
    });
    await assert.rejects(average([`${from}:1`, "--differences"]), /deno task average .*; got .*--differences/);
    assert.ok((await readCard(folder)).distilled.length === 0);
  }));

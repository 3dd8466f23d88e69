import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { chooseRows, encodedSource, encodePool } from "../../../model/distillation/sources/encoded.ts";
import { generatedSource, generatePool, teacherSettings } from "../../../model/distillation/sources/generated.ts";
import { keptPool, pooledSource } from "../../../model/distillation/sources/pool.ts";
import { RELEASED_EGNN } from "../../../model/networks/egnn_parameters.ts";
import { createGeoldmAutoencoder } from "../../../model/networks/geoldm/autoencoder.ts";
import { geoldmParameters, type GeoldmSizes } from "../../../model/networks/geoldm/networks.ts";
import { createIdentityAutoencoder } from "../../../model/networks/identity.ts";
import { ONE_HOT } from "../../../model/networks/heavy_atom/space.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import { loadModel } from "../../../model/models/load.ts";
import { initialValues } from "../../../model/networks/pair_attention/initialise.ts";
import { random } from "../../../model/diffusion/random.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";
import { cyanoacetylene, ethanol } from "../training/molecules.ts";

const molecules = [ethanol, cyanoacetylene, ethanol];
const data = { atomCounts: [9, 5, 9], molecule: (row: number) => molecules[row] };
const edm = createIdentityAutoencoder({ elements: [1, 6, 7, 8, 9], includeCharges: true, normalisers: [1, 4, 10] });

/** Lengths of all vectors, and all scalars and pairs, of one latent. */
function invariants(z: Float32Array, space: { vectors: number; scalars: number }, nodes: number): number[] {
  const width = 3 * space.vectors + space.scalars, out: number[] = [];
  for (let i = 0; i < nodes; i++) {
    for (let v = 0; v < space.vectors; v++) {
      out.push(Math.hypot(...z.subarray(i * width + 3 * v, i * width + 3 * v + 3)));
    }
    out.push(...z.subarray(i * width + 3 * space.vectors, (i + 1) * width));
  }
  return [...out, ...z.subarray(nodes * width)];
}

Deno.test("pooledSource() turns every vector and nothing else, and is a function of the stream", () => {
  const space = { vectors: 2, scalars: 1, pairs: 1 }, nodes = 2, length = latentLength(space, nodes);
  const latent = new Float32Array([1, 2, 3, 4, 5, 6, 7, -1, -2, -3, 6, 5, 4, 8, 0, 9, 9, 0]);
  assert.equal(latent.length, length);
  const source = pooledSource({ space, pool: new Map([[nodes, latent]]), description: "one" });
  const draw = (seed: number) => source.draw(5, random(seed));
  const [{ shape, target }] = draw(1);
  assert.deepEqual(shape, { batch: 5, nodes });
  const want = invariants(latent, space, nodes), seen = new Set<string>();
  for (let b = 0; b < 5; b++) {
    const one = target.slice(b * length, (b + 1) * length);
    seen.add(one.join());
    invariants(one, space, nodes).forEach((value, i) => assert.ok(Math.abs(value - want[i]) < 1e-5));
    // One turn for both vectors: the angle between them stays.
    const dot = (z: Float32Array) => z[0] * z[3] + z[1] * z[4] + z[2] * z[5];
    assert.ok(Math.abs(dot(one) - dot(latent)) < 1e-4);
  }
  assert.equal(seen.size, 5);
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1)[0].target, draw(2)[0].target);
});

Deno.test("pooledSource() draws sizes by their share of the pool", () => {
  const space = { vectors: 1, scalars: 0, pairs: 0 };
  const pool = new Map([[1, new Float32Array(3 * 3)], [2, new Float32Array(6)]]);
  const drawn = pooledSource({ space, pool, description: "" }).draw(400, random(3));
  assert.deepEqual(drawn.map(({ shape }) => shape.nodes), [2, 1]);
  const [{ shape: { batch } }] = drawn;
  assert.ok(batch > 70 && batch < 130, `${batch} of 400 where a quarter is due`);
  assert.throws(() => pooledSource({ space, pool: new Map(), description: "" }), /no latents/);
  assert.throws(() => pooledSource({ space, pool: new Map([[2, new Float32Array(7)]]), description: "" }), /6 floats/);
});

Deno.test("pooledSource() draws one size at a time where it is told to, each by its share", () => {
  const space = { vectors: 1, scalars: 0, pairs: 0 };
  const pool = new Map([[1, new Float32Array(3 * 3)], [2, new Float32Array(6)]]);
  const source = pooledSource({ space, pool, description: "", oneSize: true }), stream = random(3);
  let two = 0;
  for (let k = 0; k < 400; k++) {
    const drawn = source.draw(3, stream);
    assert.deepEqual([drawn.length, drawn[0].shape.batch], [1, 3]);
    if (drawn[0].shape.nodes === 2) two++;
  }
  assert.ok(two > 70 && two < 130, `${two} of 400 where a quarter is due`);
});

Deno.test("keptPool() gives the same numbers when made and when read, and makes anew for another key", () =>
  withFolder(async (folder) => {
    const space = { vectors: 1, scalars: 1, pairs: 0 }, path = join(folder, "pool.safetensors");
    let made = 0;
    const make = () => Promise.resolve(new Map([[2, new Float32Array(8).map((_, i) => Math.sin(i) + ++made / 7)]]));
    const first = await keptPool(path, space, "a", make), calls = made;
    assert.deepEqual(await keptPool(path, space, "a", make), first);
    assert.equal(made, calls);
    assert.notDeepEqual(await keptPool(path, space, "b", make), first);
  }));

Deno.test("chooseRows() takes each row at most once, by the seed alone", () => {
  const rows = Int32Array.from({ length: 50 }, (_, k) => 2 * k);
  const chosen = chooseRows(rows, 20, 4);
  assert.equal(new Set(chosen).size, 20);
  assert.ok(chosen.every((row) => row % 2 === 0 && row < 100));
  assert.deepEqual(chooseRows(rows, 20, 4), chosen);
  assert.notDeepEqual(chooseRows(rows, 20, 5), chosen);
  assert.deepEqual(chooseRows(rows, 80, 4).sort((a, b) => a - b), [...rows]);
});

Deno.test("encodePool() holds EDM's scaled atoms by size", async () => {
  const pool = await encodePool({ autoencoder: edm, data, rows: [0, 1, 2], seed: 1, batch: 1 });
  assert.deepEqual([...pool].map(([nodes, z]) => [nodes, z.length]), [[5, 5 * 9], [9, 2 * 9 * 9]]);
  assert.deepEqual(pool.get(5), await edm.encode([cyanoacetylene], [random(1)]));
  await assert.rejects(
    encodePool({ autoencoder: edm, data, rows: [], seed: 1 }).then((pool) =>
      pooledSource({ space: edm.space, pool, description: "" })
    ),
    /no latents/,
  );
});

Deno.test("encodedSource() draws GeoLDM's posterior: its means, turned, and 0.0032 of noise", () =>
  withFolder(async (folder) => {
    await tf.setBackend("cpu");
    const sizes: GeoldmSizes = {
      ...RELEASED_EGNN,
      width: 8,
      encoderBlocks: 1,
      decoderBlocks: 1,
      elements: [1, 6, 7, 8, 9],
      includeCharges: true,
      latentScalars: 2,
    };
    const params = initialValues(geoldmParameters(sizes), 1);
    const stored = new Map([...params].map(([name, value]) => [name, { ...value, shape: [...value.shape] }]));
    const autoencoder = createGeoldmAutoencoder(tf, sizes, stored), { space } = autoencoder;
    const options = { autoencoder, data, rows: [1], seed: 1 }, path = join(folder, "pool.safetensors");
    const source = await encodedSource(path, "tiny", options);
    const drawn = source.draw(200, random(2)), length = latentLength(space, 5);
    const want = invariants(await autoencoder.encodeMeans([cyanoacetylene]), space, 5);
    let square = 0, count = 0;
    for (let b = 0; b < 200; b++) {
      const found = invariants(drawn[0].target.slice(b * length, (b + 1) * length), space, 5);
      found.forEach((value, i) => {
        if (i % 3 === 0) return; // lengths: noise across them does not count in full
        square += (value - want[i]) ** 2, count++;
      });
    }
    const deviation = Math.sqrt(square / count);
    assert.ok(deviation > 0.0028 && deviation < 0.0038, `${deviation}`);
    const again = await encodedSource(path, "tiny", { ...options, data: { ...data, molecule: () => assert.fail() } });
    assert.deepEqual(again.draw(3, random(7)), source.draw(3, random(7)));
    autoencoder.dispose();
  }));

Deno.test("teacherSettings() takes the recommendation of most steps, else ddpm in 100", () =>
  withFolder(async (folder) => {
    const plain = await loadModel(await writeTinyModel(folder), { backend: "wasm", threads: 1 });
    assert.equal(teacherSettings(plain.card).sampler, "ddpm");
    assert.equal(teacherSettings(plain.card).steps, 100);
    const recommended = [
      { steps: 8, sampler: "ddim", options: {}, grid: { type: "uniform" }, clamp: 0 },
      { steps: 32, sampler: "consistency", options: {}, grid: { type: "power", rho: 2 }, clamp: 0.2 },
    ] as const;
    const { sampler, steps, grid, clamp } = teacherSettings({ ...plain.card, recommended: [...recommended] });
    assert.deepEqual([sampler, steps, grid, clamp], ["consistency", 32, { type: "power", rho: 2 }, 0.2]);
    plain.dispose();
  }));

Deno.test("generatedSource() draws the teacher's own latents, the same for a seed and after a resume", () =>
  withFolder(async (folder) => {
    const model = await loadModel(await writeTinyModel(folder), { backend: "wasm", threads: 1, batch: 4 });
    try {
      const settings = { ...teacherSettings(model.card), steps: 3 }, { space } = model.autoencoder;
      const progress: number[] = [];
      const pool = await generatePool({ model, count: 12, seed: 5, settings, onProgress: (f) => progress.push(f) });
      assert.equal([...pool].reduce((sum, [nodes, z]) => sum + z.length / latentLength(space, nodes), 0), 12);
      for (const [nodes, z] of pool) assert.ok(nodes >= 3 && nodes <= 5 && z.every(Number.isFinite));
      assert.equal(progress.at(-1), 1);
      assert.deepEqual(await generatePool({ model, count: 12, seed: 5, settings }), pool);
      // Clamped as sampling in service is: of each molecule, before the next step is made of it.
      const chemistry = model.autoencoder.bondSums!, clamped = { ...settings, clamp: 1 };
      for (const [nodes, z] of await generatePool({ model, count: 12, seed: 5, settings: clamped })) {
        for (let at = 0; at < z.length; at += latentLength(space, nodes)) {
          const classes = Array.from(chemistry, (_, k) => z[at + 9 + k]);
          assert.deepEqual(classes.filter((value) => value !== 0), [ONE_HOT], `of ${nodes} nodes, at ${at}`);
        }
      }
      const path = join(folder, "pool.safetensors"), options = { model, count: 12, seed: 5, settings };
      const source = await generatedSource(path, "tiny", options);
      const untouched = { ...model, denoiser: () => assert.fail("the pool is on disk") };
      const again = await generatedSource(path, "tiny", { ...options, model: untouched });
      assert.deepEqual(again.draw(6, random(1)), source.draw(6, random(1)));
      assert.match(source.description, /12 latents drawn by the teacher \(ddpm, 3 steps\)/);
      const student = { ...settings, sampler: "distilled" as const };
      await assert.rejects(generatePool({ model, seed: 1, settings: student }), /not a student/);
    } finally {
      model.dispose();
    }
  }));

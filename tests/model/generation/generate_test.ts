import assert from "node:assert/strict";
import { draw, type DrawnBatch, type DrawOptions, type DrawRequest } from "../../../model/generation/generate.ts";
import { loadModel, type Model } from "../../../model/models/load.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

const withModel = (work: (model: Model) => Promise<void>, batch = 4) =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "cpu", batch });
    try {
      await work(model);
    } finally {
      model.dispose();
    }
  });

const request = (model: Model, count: number, more: Partial<DrawRequest> = {}): DrawRequest => ({
  count,
  seed: 11,
  settings: chooseSettings(model.card, 2, "ddpm"),
  ...more,
});

/** All molecules in the order of their indices, and the batches. */
async function all(model: Model, request: DrawRequest, options?: DrawOptions) {
  const batches: DrawnBatch[] = await Array.fromAsync(draw(model, request, options));
  const molecules = batches.flatMap(({ indices, molecules }) =>
    indices.map((index, k) => ({ index, ...molecules[k] }))
  );
  return { batches, molecules: molecules.sort((a, b) => a.index - b.index) };
}

Deno.test("draw() gives each index once, in batches of one size within the cap", () =>
  withModel(async (model) => {
    const { batches, molecules } = await all(model, request(model, 23), { window: 10 });
    assert.deepEqual(molecules.map(({ index }) => index), Array.from({ length: 23 }, (_, i) => i));
    for (const { indices, molecules } of batches) {
      assert.ok(indices.length <= 4);
      const sizes = molecules.map(({ atomicNumbers }) => atomicNumbers.filter((n) => n !== 1).length);
      assert.equal(new Set(sizes).size, 1);
    }
  }));

Deno.test("draw() gives molecule i of a seed whatever the count, the window and the batch", () =>
  withModel(async (model) => {
    const { molecules } = await all(model, request(model, 12));
    const { molecules: fewer } = await all(model, request(model, 5), { window: 2 });
    fewer.forEach(({ atomicNumbers, positions }, i) => {
      assert.deepEqual(atomicNumbers, molecules[i].atomicNumbers);
      positions.forEach((value, k) => assert.ok(Math.abs(value - molecules[i].positions[k]) < 1e-4));
    });
    const { molecules: others } = await all(model, request(model, 5, { seed: 12 }));
    assert.notDeepEqual(others, molecules.slice(0, 5));
  }));

Deno.test("draw() gives from `first` on what it gives from 0, in the same company where rounding knows company", () =>
  withModel(async (model) => {
    const windowsOf = (batches: DrawnBatch[]) => batches.filter(({ last }) => last).length;
    for (const window of [6, 10]) {
      const whole = await all(model, request(model, 23), { window });
      for (const first of [1, 6, 17, 22]) {
        const part = await all(model, request(model, 23 - first, { first }), { window });
        assert.deepEqual(part.molecules, whole.molecules.slice(first), `${first} of ${window}`);
        assert.ok(
          part.batches.every(({ indices, molecules, decodings }) =>
            indices.length === molecules.length && indices.length === decodings.length
          ),
        );
        assert.equal(windowsOf(part.batches), windowsOf(whole.batches) - Math.floor(first / window));
      }
    }
    await assert.rejects(all(model, request(model, 2, { first: 2 ** 32 - 1 })), /first must be an integer from 0 to/);
  }));

Deno.test("draw() draws nothing before `first` where rounding knows no company", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "wasm", batch: 4 });
    const { molecules: whole } = await all(model, request(model, 23), { window: 10 });
    const done: number[] = [];
    const { molecules } = await all(model, request(model, 6, { first: 17 }), {
      window: 10,
      onProgress: (f) => done.push(f),
    });
    model.dispose();
    assert.deepEqual(molecules, whole.slice(17));
    assert.ok(done.every((fraction) => Math.abs(6 * 2 * fraction - Math.round(6 * 2 * fraction)) < 1e-9), `${done}`);
  }));

Deno.test("draw() reports progress up to 1 and calls the denoiser as often as there are steps", () =>
  withModel(async (model) => {
    const fractions: number[] = [];
    const { batches } = await all(model, request(model, 6), { onProgress: (fraction) => fractions.push(fraction) });
    assert.equal(fractions.length, 2 * batches.length);
    assert.equal(fractions.at(-1), 1);
    assert.deepEqual(fractions.toSorted((a, b) => a - b), fractions);
  }));

Deno.test("draw() stops when its signal is aborted", () =>
  withModel(async (model) => {
    const abort = new AbortController();
    const drawing = all(model, request(model, 100), {
      signal: abort.signal,
      onProgress: (fraction) => fraction > 0.2 && abort.abort(new Error("enough")),
    });
    await assert.rejects(drawing, /enough/);
  }));

Deno.test("draw() refuses a count or a seed that makes no sense", () =>
  withModel(async (model) => {
    await assert.rejects(all(model, request(model, 0)), /count must be a positive integer; got 0/);
    await assert.rejects(all(model, request(model, 1, { seed: -1 })), /seed must be an integer from 0/);
    await assert.rejects(all(model, request(model, 1, { size: { min: 6, max: 9 } })), /it has 3 to 5/);
  }));

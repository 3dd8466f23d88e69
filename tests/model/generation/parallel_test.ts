/** Drawing with several steps of a molecule called for together. */
import assert from "node:assert/strict";
import { draw, type DrawOptions, type DrawRequest } from "../../../model/generation/generate.ts";
import { late } from "../../../model/generation/rows.ts";
import { acceptOrder } from "../../../model/generation/order.ts";
import { loadModel } from "../../../model/models/load.ts";

Deno.test("draw() with steps in parallel of tolerance 0 draws the same to the last bit on the engine, clamped, and from a start", async () => {
  const model = await loadModel("weights/qm9", { backend: "wasm", batch: 8 });
  try {
    const grid = { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 6 } as const, size = { min: 6, max: 8 };
    const own = acceptOrder(model.card, { count: 3, steps: 8, seed: 2, sampler: "ddim", grid, clamp: 0.6 });
    const request: DrawRequest = { ...own, size };
    const drawn = async (request: DrawRequest, options: DrawOptions = {}) => {
      const fractions: number[] = [], onProgress = (fraction: number) => void fractions.push(fraction);
      const batches = await Array.fromAsync(draw(model, request, { ...options, onProgress }));
      assert.equal(fractions.at(-1), 1);
      assert.ok(fractions.every((fraction, k) => k === 0 || fraction >= fractions[k - 1]));
      return batches.flatMap(({ indices, molecules, efforts }) =>
        indices.map((index, k) => ({ index, molecule: molecules[k], effort: efforts?.[k] }))
      ).sort((a, b) => a.index - b.index);
    };
    // With the loop here, too: the engine's own alignment of a start rounds otherwise.
    const plain = await drawn(request, { onEstimate() {} }),
      exact = await drawn({ ...request, parallel: { window: 4, tolerance: 0 } });
    assert.deepEqual(exact.map(({ molecule }) => molecule), plain.map(({ molecule }) => molecule));
    assert.ok(plain.every(({ effort }) => effort === undefined) && exact.every(({ effort }) => effort!.calls > 8));
    const rough = await drawn({ ...request, parallel: { window: 4, tolerance: 0.2 } });
    assert.ok(rough.every(({ effort }, k) => effort!.rounds <= exact[k].effort!.rounds));
    // Alone it takes as much, and comes out the same.
    const alone = await drawn({ ...request, first: 1, count: 1, parallel: { window: 4, tolerance: 0.2 } });
    assert.deepEqual(alone, [rough[1]]);
  } finally {
    model.dispose();
  }
});

Deno.test("late() gives stretches of latents of late times, as they lie in memory", () => {
  const x0 = Float32Array.from({ length: 12 }, (_, k) => k), found = late(x0, [0.9, 0.5, 0.4, 0.9, 0.1, 0.6], 0.5);
  assert.deepEqual(found.map(({ batch, stretch }) => [batch, [...stretch]]), [[2, [2, 3, 4, 5]], [1, [8, 9]]]);
  found[1].stretch[0] = -1;
  assert.equal(x0[8], -1);
});

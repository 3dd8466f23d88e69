import assert from "node:assert/strict";
import { decorate } from "../../../model/diffusion/decorate.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, shape = { batch: 1, nodes: 1 };

/** A network that notes what it is asked and answers with one number five times. */
function network(answer: number, asked: unknown[]): Denoiser {
  const x0 = () => new Float32Array(5).fill(answer);
  return {
    space,
    appetite: 7,
    predict: (_z, _shape, t, steps) => (asked.push(["predict", t, steps]), Promise.resolve(x0())),
    predictEach: (_z, _shape, t, steps) => (asked.push(["each", ...t, steps]), Promise.resolve(x0())),
    sample: ({ steps }) => (asked.push(["sample", steps]), Promise.resolve({ x0: x0(), ms: 1, waitedMs: 2 })),
    dispose: () => void asked.push("disposed"),
  };
}

Deno.test("decorate() keeps all that the network can do, and tells it the number of steps", async () => {
  const asked: unknown[] = [], told = decorate(network(1, asked), { steps: 8 }), z = new Float32Array(5);
  assert.equal(told.appetite, 7);
  await told.predict(z, shape, 0.5);
  await told.predictEach!(z, shape, Float64Array.of(0.25));
  await told.sample!({ shape, plan: [], seed: 1, indices: [0] });
  told.dispose();
  assert.deepEqual(asked, [["predict", 0.5, 8], ["each", 0.25, 8], ["sample", 8]]);
  const { predictEach: _, sample: __, ...plain } = network(1, []);
  const less = decorate(plain, { steps: 8 });
  assert.deepEqual([less.predictEach, less.sample], [undefined, undefined]);
});

Deno.test("decorate() shows a check every answer", async () => {
  const seen: string[] = [], z = new Float32Array(5);
  const watched = decorate(network(NaN, []), { check: (x0, of) => void (Number.isNaN(x0[0]) && seen.push(of)) });
  await watched.predict(z, shape, 0.5);
  await watched.predictEach!(z, shape, Float64Array.of(0.25));
  await watched.sample!({ shape, plan: [], seed: 1, indices: [0] });
  assert.deepEqual(seen, ["estimate at t = 0.5", "estimate at t = 0.25", "sampling of 0 steps"]);
});

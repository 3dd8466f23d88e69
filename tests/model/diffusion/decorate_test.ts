import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import { decorate } from "../../../model/diffusion/decorate.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, shape = { batch: 1, nodes: 1 };

/** A network that notes what it is asked and answers with one number five times. */
function network(answer: number, asked: unknown[]): Denoiser {
  const x0 = () => new Float32Array(5).fill(answer);
  return {
    space,
    predict: (_z, _shape, conditions) => (asked.push(conditions), Promise.resolve(x0())),
    can: {
      independent: true,
      appetite: 7,
      sample: ({ condition }) => (asked.push(["sample", condition]), Promise.resolve({ x0: x0(), ms: 1, waitedMs: 2 })),
    },
    dispose: () => void asked.push("disposed"),
  };
}

Deno.test("decorate() keeps all that the network can do, and tells it the number of steps", async () => {
  const asked: unknown[] = [], told = decorate(network(1, asked), { condition: { steps: 8 } }), z = new Float32Array(5);
  assert.deepEqual([told.can.appetite, told.can.independent], [7, true]);
  await told.predict(z, shape, at(0.5));
  await told.predict(z, shape, at(Float64Array.of(0.25)));
  await told.can.sample!({ shape, plan: [], seed: 1, indices: [0] });
  told.dispose();
  assert.deepEqual(asked, [
    { time: 0.5, steps: 8 },
    [{ time: 0.25, steps: 8 }],
    ["sample", { steps: 8 }],
  ]);
  const less = decorate({ ...network(1, []), can: {} }, { condition: { steps: 8 } });
  assert.deepEqual([less.can.independent, less.can.sample], [undefined, undefined]);
});

Deno.test("decorate() shows a check every answer", async () => {
  const seen: string[] = [], z = new Float32Array(5);
  const watched = decorate(network(NaN, []), { check: (x0, of) => void (Number.isNaN(x0[0]) && seen.push(of)) });
  await watched.predict(z, shape, at(0.5));
  await watched.predict(z, shape, at(Float64Array.of(0.25)));
  await watched.can.sample!({ shape, plan: [], seed: 1, indices: [0] });
  assert.deepEqual(seen, ["estimate at t = 0.5", "estimate at 1 times", "sampling of 0 steps"]);
});

Deno.test("decorate() waits at its gate before each call, and so leaves the loop to the caller", async () => {
  const asked: unknown[] = [];
  let open = false;
  const gated = decorate(network(1, asked), {
    gate: () => {
      if (!open) throw new Error("shut");
    },
  });
  await assert.rejects(gated.predict(new Float32Array(5), shape, at(0.5)), /shut/);
  assert.deepEqual(asked, []);
  open = true;
  await gated.predict(new Float32Array(5), shape, at(0.5));
  assert.deepEqual(asked, [{ time: 0.5 }]);
  assert.equal(gated.can.sample, undefined);
});

import assert from "node:assert/strict";
import { createDispatch } from "../../../../model/engines/c/dispatch.ts";
import type { Task } from "../../../../model/engines/c/sampling.ts";
import { planSampling } from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";

const plan = planSampling("ddpm", cosineSchedule(), Float64Array.of(1, 0));
const batch = (count: number, nodes = 9, from = 0) => ({
  shape: { batch: count, nodes },
  plan,
  seed: 1,
  indices: Array.from({ length: count }, (_, k) => from + k),
});

/** Two workers that do a piece when they are told to; each latent is its molecule's index. */
function workers() {
  const at: { worker: number; task: Task; finish(): void; fail(error: Error): void }[] = [];
  const sample = createDispatch({
    workers: 2,
    piece: () => 8,
    now: () => 0,
    run: (worker, task) =>
      new Promise((resolve, reject) => {
        const x0 = Float32Array.from(task.indices);
        at.push({ worker, task, finish: () => resolve({ x0, ms: 2, waitedMs: 1 }), fail: reject });
      }),
  });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { sample, at, turn };
}

const sizes = (at: ReturnType<typeof workers>["at"], worker: number) =>
  at.filter((one) => one.worker === worker).map(({ task }) => task.shape.batch);

Deno.test("sample() divides a small batch evenly, and joins its pieces in order", async () => {
  const { sample, at } = workers(), done = sample(batch(5));
  assert.deepEqual([sizes(at, 0), sizes(at, 1)], [[3], [2]]);
  for (const { finish } of at.toReversed()) finish();
  assert.deepEqual(await done, { x0: Float32Array.of(0, 1, 2, 3, 4), ms: 4, waitedMs: 1 });
});

Deno.test("sample() gives each worker two pieces of an owner's, and more when it has done one", async () => {
  const { sample, at, turn } = workers(), owner = {}, heard: number[] = [];
  const done = Promise.all([
    sample(batch(40), { owner, onDone: (molecules) => heard.push(molecules) }),
    sample(batch(6, 5, 40), { owner }),
  ]);
  assert.deepEqual([sizes(at, 0), sizes(at, 1)], [[8, 8], [8, 8]]);
  at[1].finish();
  await turn();
  assert.deepEqual([sizes(at, 0), sizes(at, 1)], [[8, 8], [8, 8, 8]]);
  for (let k = 0; k < at.length; k++) at[k].finish(), await turn();
  const [large, small] = await done;
  assert.deepEqual([...large.x0, ...small.x0], Array.from({ length: 46 }, (_, k) => k));
  assert.deepEqual(heard, [8, 8, 8, 8, 8]);
});

Deno.test("sample() lets another owner in at once, where there is least to do", () => {
  const { sample, at } = workers();
  sample(batch(100)).catch(() => {});
  sample(batch(1), { owner: {} }).catch(() => {});
  sample(batch(1), { owner: {} }).catch(() => {});
  assert.deepEqual([sizes(at, 0).at(-1), sizes(at, 1).at(-1)], [1, 1]);
});

Deno.test("sample() begins no piece of a batch that is aborted, and rejects with its reason", async () => {
  const { sample, at } = workers(), cancel = new AbortController();
  const done = sample(batch(100), { signal: cancel.signal }).catch((error) => error.message);
  const begun = at.length;
  cancel.abort(new Error("gone"));
  for (const { fail } of at) fail(new Error("gone"));
  assert.equal(await done, "gone");
  assert.equal(at.length, begun);
  await assert.rejects(sample(batch(1), { signal: cancel.signal }), /gone/);
});

Deno.test("sample() rejects when a piece fails, and others go on", async () => {
  const { sample, at } = workers(), broken = sample(batch(4)), sound = sample(batch(2, 3));
  at[0].fail(new Error("broken"));
  await assert.rejects(broken, /broken/);
  for (const { finish } of at) finish();
  assert.deepEqual((await sound).x0, Float32Array.of(0, 1));
});

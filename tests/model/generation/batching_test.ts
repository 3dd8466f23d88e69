import assert from "node:assert/strict";
import { type Conditions, eachCondition } from "../../../model/diffusion/condition.ts";
import { at, timesOf } from "../../conditions.ts";
import { writeRandomModel } from "../../../bench/random_model.ts";
import { type Company, createSharedCalls } from "../../../model/generation/batching.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { type DrawRequest } from "../../../model/generation/generate.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { loadModel, type Model } from "../../../model/models/load.ts";
import { generateMolecules } from "../../../model/generation/pipeline.ts";
import { createQueue } from "../../../model/generation/queue.ts";
import { type Turn } from "../../../model/generation/turn.ts";
import { random } from "../../../model/diffusion/random.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import type { BatchShape } from "../../../model/diffusion/types.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { student, withFolder, writeTinyModel } from "../tiny_model.ts";

const ENGINES = [["wasm", false], ["native", !hasCompiler]] as const;

/** Runs a test with a tiny model, its denoiser's calls counted. */
const withModel = (backend: "wasm" | "native" | "cpu", work: (model: Model, calls: number[]) => Promise<void>) =>
  withFolder(async (root) => {
    const loaded = await loadModel(await writeTinyModel(root), { backend, batch: 16, threads: 2 });
    const network = await loaded.denoiser(), calls: number[] = [];
    const count = (shape: BatchShape) => calls.push(shape.batch);
    const denoiser: Denoiser = {
      space: network.space,
      predict: (z, shape, conditions) => (count(shape), network.predict(z, shape, conditions)),
      can: { independent: network.can.independent },
      dispose() {},
    };
    try {
      await work({ ...loaded, lease: undefined, denoiser: () => Promise.resolve(denoiser), card: loaded.card }, calls);
    } finally {
      loaded.dispose();
    }
  });

const validate = () => ({
  ...{ valid: false, stable: false, stableAtoms: 0, atoms: 0, connected: false, fragments: 0 },
  ...{ edmSmiles: null, smiles: null, inchikey: null, bonds: [] },
});

for (const [backend, ignore] of ENGINES) {
  Deno.test({
    name: `predict() gives each molecule the same, to the last bit, whatever its batch and place on ${backend}`,
    ignore,
    fn: () =>
      withFolder(async (root) => {
        const { folder } = await writeRandomModel(root, { width: 192, blocks: 2 });
        const model = await loadModel(folder, { backend, threads: 2 }), denoiser = await model.denoiser(), all = 23;
        for (const nodes of [1, 2, 5, 8, 9]) {
          const streams = Array.from({ length: all }, (_, i) => random(1, i, 2));
          const z = drawNoise(denoiser.space, { batch: all, nodes }, streams), length = z.length / all;
          const t = Float64Array.from({ length: all }, (_, i) => (i + 1) / (all + 1));
          const whole = await denoiser.predict(z, { batch: all, nodes }, at(t));
          for (const [from, to] of [[0, 1], [4, 5], [22, 23], [2, 9], [5, 23], [11, 13]]) {
            const part = z.slice(from * length, to * length), batch = to - from;
            const expected = whole.slice(from * length, to * length);
            assert.deepEqual(await denoiser.predict(part, { batch, nodes }, at(t.slice(from, to))), expected);
            if (batch === 1) assert.deepEqual(await denoiser.predict(part, { batch, nodes }, at(t[from])), expected);
          }
        }
        model.dispose();
      }),
  });

  Deno.test({
    name: `generateMolecules() gives the same to the last bit, in fewer calls, when requests share them on ${backend}`,
    ignore,
    fn: () =>
      withModel(backend, async (model, calls) => {
        const requests = [[1, 4], [1, 4], [3, 4], [7, 6], [1, 3], [40, 4]].map(([count, steps], k): DrawRequest => ({
          count,
          seed: 20 + k,
          settings: chooseSettings(model.card, steps, "ddpm"),
        }));
        const ask = async (request: DrawRequest, queue = createQueue()) => {
          const slot = queue.enter();
          try {
            return (await Array.fromAsync(generateMolecules(model, request, { validate, slot }).windows)).flat();
          } finally {
            slot.leave();
          }
        };
        const alone = [];
        for (const request of requests) alone.push(await ask(request));
        const before = calls.length;
        const queue = createQueue({ sliceMs: 5 });
        const shared = await Promise.all(requests.map((request) => ask(request, queue)));
        assert.deepEqual(shared, alone);
        assert.ok(calls.length - before < before, `${calls.length - before} calls where alone there were ${before}`);
        assert.ok(Math.max(...calls) <= model.batch);
      }),
  });
}

Deno.test("generateMolecules() shares no calls when the backend's rounding may depend on the batch", () =>
  withModel("cpu", async (model, calls) => {
    assert.equal((await model.denoiser()).can.independent, undefined);
    const queue = createQueue({ sliceMs: 0 }), settings = chooseSettings(model.card, 4, "ddpm");
    await Promise.all([1, 2, 3].map(async (seed) => {
      await Array.fromAsync(
        generateMolecules(model, { count: 1, seed, settings }, { validate, slot: queue.enter() }).windows,
      );
    }));
    assert.deepEqual(calls, new Array(12).fill(1));
  }));

Deno.test("lease() gives requests for one number of steps the same denoiser, so that they share its calls", () =>
  withFolder(async (root) => {
    const distilled = [{ ...student(2), levels: 2 }, { ...student(4), levels: 2 }];
    const model = await loadModel(await writeTinyModel(root, { distilled }), { backend: "wasm", threads: 1 });
    try {
      const leases = [2, 2, 4, undefined, undefined].map((steps) => model.lease(steps));
      const [a, b, c, d, e] = await Promise.all(leases.map(({ denoiser }) => denoiser));
      assert.ok(a === b && a !== c && d === e && d !== a);
      const z = drawNoise(a.space, { batch: 2, nodes: 3 }, [random(1, 0, 2), random(1, 1, 2)]),
        t = Float64Array.of(0.5, 0.5);
      const of2 = await a.predict(z, { batch: 2, nodes: 3 }, at(0.5));
      assert.deepEqual(await a.predict(z, { batch: 2, nodes: 3 }, at(t)), of2);
      leases.forEach((lease) => lease.release());
    } finally {
      model.dispose();
    }
  }));

/** A denoiser whose calls take `cost` of a molecule on a clock, one at a time; each answer is the molecule's own z and t. */
function clocked() {
  const calls: { batch: number; t: number[] }[] = [], space = { vectors: 1, scalars: 0, pairs: 0 };
  let clock = 0, running = 0, failing = false;
  const work = async (z: Float32Array, { batch }: BatchShape, conditions: Conditions) => {
    assert.equal(++running, 1, "two calls at once");
    const times = timesOf(eachCondition(conditions, batch));
    calls.push({ batch, t: times });
    await new Promise((resolve) => setTimeout(resolve, 0));
    clock += batch;
    running--;
    if (failing) throw new Error("broken");
    return z.map((value, k) => value + times[Math.floor(k / (z.length / batch))]);
  };
  const denoiser: Denoiser = { space, predict: work, can: { independent: true }, dispose() {} };
  return { denoiser, calls, now: () => clock, fail: () => failing = true };
}

const COMPANY: Company = { limit: 64, small: 16 };

/** A request that makes `steps` calls for `batch` molecules; when it was done, and what it was answered. */
async function run(
  queue: ReturnType<typeof createQueue>,
  { denoiser, now }: Pick<ReturnType<typeof clocked>, "denoiser" | "now">,
  { batch, steps, nodes = 2, signal, company = COMPANY }: {
    batch: number;
    steps: number;
    nodes?: number;
    signal?: AbortSignal;
    company?: Company;
  },
): Promise<{ asked: number; done: number }> {
  const slot = queue.enter(signal), asked = now(), shape = { batch, nodes };
  try {
    return await slot.turn(async (turn) => {
      for (let step = steps; step > 0; step--) {
        const z = new Float32Array(batch * nodes * 3).fill(step);
        const x0 = await slot.calls.predict(turn, { denoiser, z, shape, conditions: { time: step / 8 } }, company);
        assert.deepEqual(x0, z.map((value) => value + step / 8));
      }
      return { asked, done: now() };
    }, { early: true });
  } finally {
    slot.leave();
  }
}

/** Resolves when so many calls have begun. */
async function begun(calls: readonly unknown[], many: number) {
  while (calls.length < many) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("SharedCalls takes along requests of the same size at other times, and none of another size", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 1000, now: device.now });
  const first = run(queue, device, { batch: 1, steps: 6 });
  await begun(device.calls, 1);
  await Promise.all([
    first,
    ...[1, 1, 1].map((batch) => run(queue, device, { batch, steps: 6 })),
    run(queue, device, { batch: 1, steps: 2, nodes: 3 }),
  ]);
  // The first step of the first, five of all four (at two times), the last of the other three, and two of another size.
  assert.equal(device.calls.filter(({ batch }) => batch === 4).length, 5);
  assert.ok(device.calls.some(({ t }) => new Set(t).size === 2));
  assert.equal(device.calls.reduce((sum, { batch }) => sum + batch, 0), 4 * 6 + 2);
});

Deno.test("SharedCalls delays a lone molecule by no more than one step of a large request, and starves neither", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 1000, now: device.now });
  const large = run(queue, device, { batch: 50, steps: 6 });
  await begun(device.calls, 2);
  const { asked, done } = await run(queue, device, { batch: 1, steps: 6 });
  assert.ok(done - asked <= 50 + 6, `done after ${done - asked}`);
  // A stream of lone ones leaves the large one a step for each of them at least.
  let stop = false;
  const stream = (async () => {
    while (!stop) await run(queue, device, { batch: 1, steps: 2 });
  })();
  await large;
  stop = true;
  await stream;
});

Deno.test("SharedCalls lets a lone molecule go on when a large request begins its next batch", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 1000, now: device.now }), slot = queue.enter();
  const { denoiser } = device, shape = { batch: 50, nodes: 2 }, z = new Float32Array(50 * 6);
  const large = (async () => {
    for (let batch = 0; batch < 6; batch++) {
      const step = (turn: Turn) => slot.calls.predict(turn, { denoiser, z, shape, conditions: { time: 1 } }, COMPANY);
      await slot.turn(step, { early: true });
    }
  })();
  await begun(device.calls, 2);
  const { asked, done } = await run(queue, device, { batch: 1, steps: 6 });
  assert.ok(done - asked <= 50 + 6, `done after ${done - asked}`);
  await large;
});

Deno.test("SharedCalls serves one of a rare size as often as the many that share their calls", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 1000, now: device.now });
  let stop = false;
  const many = Array.from({ length: 6 }, async () => {
    while (!stop) await run(queue, device, { batch: 1, steps: 3 });
  });
  await begun(device.calls, 12);
  const from = device.calls.length;
  await run(queue, device, { batch: 1, steps: 6, nodes: 3 });
  const calls = device.calls.length - from;
  stop = true;
  await Promise.all(many);
  assert.ok(calls <= 3 * 6, `${calls} calls for 6 steps`);
});

Deno.test("SharedCalls lets no call grow beyond the limit, nor a small one by a large rider", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 0, now: device.now });
  await Promise.all([30, 30, 30, 5, 1].map((batch) => run(queue, device, { batch, steps: 4 })));
  assert.ok(Math.max(...device.calls.map(({ batch }) => batch)) <= 64);
  assert.ok(device.calls.some(({ batch }) => batch >= 60));
  const other = clocked(), line = createQueue({ sliceMs: 0, now: other.now });
  await Promise.all([20, 20].map((batch) => run(line, other, { batch, steps: 4, company: { limit: 30 } })));
  assert.deepEqual(new Set(other.calls.map(({ batch }) => batch)), new Set([20]));
});

Deno.test("SharedCalls goes on with the others when one that has the device, or rides along, is aborted", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 1000, now: device.now });
  const aborts = [new AbortController(), new AbortController(), new AbortController()];
  const runs = aborts.map(({ signal }) => run(queue, device, { batch: 1, steps: 8, signal }));
  const settled = Promise.allSettled(runs);
  await begun(device.calls, 2);
  aborts[1].abort(new Error("rider"));
  await begun(device.calls, 4);
  aborts[0].abort(new Error("holder"));
  const [holder, rider, other] = await settled;
  // Nobody checks the signal here but the waits: whoever never waits again ends its calls.
  assert.equal(other.status, "fulfilled");
  assert.ok(rider.status === "fulfilled" || rider.reason.message === "rider");
  assert.ok(holder.status === "fulfilled" || holder.reason.message === "holder");
  await run(queue, device, { batch: 1, steps: 1 });
  assert.equal(queue.held, 0);
});

Deno.test("SharedCalls tells everybody aboard when a call fails, and frees the device", async () => {
  const device = clocked(), queue = createQueue({ sliceMs: 1000, now: device.now });
  const runs = Promise.allSettled([1, 1, 1].map((batch) => run(queue, device, { batch, steps: 8 })));
  await begun(device.calls, 3);
  device.fail();
  for (const one of await runs) assert.ok(one.status === "rejected" && one.reason.message === "broken");
  assert.equal(queue.held, 0);
  await run(queue, clocked(), { batch: 1, steps: 1 });
});

Deno.test("createSharedCalls() asks at one time, as without sharing, when there is no company", async () => {
  const calls = createSharedCalls(), asked: unknown[] = [];
  const denoiser: Denoiser = {
    space: { vectors: 1, scalars: 0, pairs: 0 },
    predict: (z, _, conditions) => (asked.push(conditions), Promise.resolve(z)),
    can: { independent: true },
    dispose() {},
  };
  const nothing = () => Promise.resolve();
  const turn = { held: true, waitedMs: 0, yield: nothing, wait: nothing, pass() {}, served() {} };
  await calls.predict(turn, {
    denoiser,
    z: new Float32Array(6),
    shape: { batch: 1, nodes: 2 },
    conditions: { time: 0.3 },
  }, COMPANY);
  assert.deepEqual(asked, [{ time: 0.3 }]);
});

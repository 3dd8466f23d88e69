import assert from "node:assert/strict";
import { createSamplings, type Samplings, type Task } from "../../../../model/engines/c/sampling.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { PURPOSE, random } from "../../../../model/diffusion/random.ts";
import { planSampling, runPlan, type SamplerName } from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";

const space = { vectors: 1, scalars: 1, pairs: 0 }, schedule = cosineSchedule();
const grid = (steps: number) => Float64Array.from({ length: steps + 1 }, (_, i) => 1 - i / steps);

/** A network whose calls take a millisecond a molecule on a clock, and answer half of z, more at late times. */
function network(fail: () => boolean = () => false) {
  const calls: { nodes: number; batch: number; alpha: number[] }[] = [];
  let clock = 0;
  const samplings = createSamplings({
    space,
    most: () => 8,
    now: () => clock,
    predict: (z, { batch, nodes }, { alpha }) => {
      if (fail()) throw new Error("broken");
      calls.push({ nodes, batch, alpha: [...alpha] });
      clock += batch;
      return z.map((value, k) => value * alpha[Math.floor(k / (z.length / batch))] / 2);
    },
  });
  return { samplings, calls, now: () => clock };
}

const task = (
  { batch = 1, steps = 4, nodes = 2, seed = 1, owner = 1, sampler = "ddpm" as SamplerName, from = 0 } = {},
): Task => ({
  shape: { batch, nodes },
  plan: planSampling(sampler, schedule, grid(steps)),
  seed,
  indices: Array.from({ length: batch }, (_, k) => from + k),
  owner,
});

/** The same by a loop of its own. */
function alone({ plan, shape, seed, indices }: Task): Promise<Float32Array> {
  const streams = indices.map((index) => random(seed, index, PURPOSE.noise));
  const noise = () => drawNoise(space, shape, streams);
  return runPlan(
    plan,
    (z, t) => Promise.resolve(z.map((value) => value * Math.fround(schedule(t).alpha) / 2)),
    noise(),
    noise,
  );
}

/** Runs a task, and when it was done. */
const timed = async ({ samplings, now }: { samplings: Samplings; now: () => number }, one: Task) => {
  const asked = now(), { x0, ms, waitedMs } = await samplings.run(one);
  return { x0, ms, waitedMs, took: now() - asked };
};

/** Resolves when so many calls have begun. */
async function begun(calls: readonly unknown[], many: number) {
  while (calls.length < many) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Samplings.run() gives what a loop of its own gives, whatever else is sampled beside it", async () => {
  const device = network();
  const tasks = [
    task({ batch: 3 }),
    task({ seed: 2, owner: 2, steps: 6 }),
    task({ seed: 3, owner: 2, sampler: "dpm-solver++", steps: 5, batch: 2 }),
    task({ seed: 6, owner: 2, sampler: "heun", steps: 7, batch: 2 }),
    task({ seed: 4, owner: 3, nodes: 3, sampler: "consistency" }),
    task({ seed: 5, owner: 4, sampler: "ddim", steps: 1, from: 7 }),
  ];
  const found = await Promise.all(tasks.map((one) => device.samplings.run(one)));
  for (const [k, one] of tasks.entries()) assert.deepEqual(found[k].x0, await alone(one));
  assert.ok(device.calls.some(({ alpha }) => new Set(alpha).size > 1), "no call was shared by tasks at several times");
});

Deno.test("Samplings.run() shares the calls of tasks of one size, as far as the network does them at once", async () => {
  const device = network();
  await Promise.all([1, 2, 3, 4].map((owner) => device.samplings.run(task({ batch: 3, owner }))));
  assert.ok(device.calls.every(({ batch }) => batch === 3 || batch === 6));
  assert.equal(device.calls.length, 8);
});

Deno.test("Samplings.run() holds up no lone molecule by company that is larger, which it rides along with", async () => {
  const device = network(), large = device.samplings.run(task({ batch: 7, steps: 400 }));
  await begun(device.calls, 10);
  const { took } = await timed(device, task({ owner: 2, steps: 16 }));
  assert.ok(took <= 7 + 16, `16 steps of one molecule were done after ${took}`);
  // One that is not ahead, having had its share, goes along in the calls of others.
  const before = device.calls.length;
  await device.samplings.run(task({ owner: 3, steps: 200 }));
  assert.ok(device.calls.slice(before).some(({ batch }) => batch === 8));
  await large;
});

Deno.test("Samplings.run() lets who comes anew wait for one call, and then go ahead", async () => {
  const device = network();
  const large = [1, 2].map((k) => device.samplings.run(task({ batch: 8, steps: 40, seed: k })));
  await begun(device.calls, 20);
  const { took, waitedMs } = await timed(device, task({ owner: 2, nodes: 3, steps: 16 }));
  assert.ok(waitedMs <= 8 && took <= 8 + 16, `${waitedMs} ms until the first of 16 steps, all done after ${took}`);
  await Promise.all(large);
});

Deno.test("Samplings.run() divides the network evenly among owners, however much each of them asks for", async () => {
  const device = network(), all = [1, 2, 3].map((seed) => task({ batch: 8, steps: 60, seed }));
  const many = all.map((one) => device.samplings.run(one));
  await begun(device.calls, 5);
  const { took, ms } = await timed(device, task({ batch: 8, steps: 60, owner: 2, nodes: 3 }));
  assert.equal(ms, 480);
  assert.ok(took > 1.5 * ms && took < 2.2 * ms, `${took} ms for ${ms} ms of work beside another's`);
  await Promise.all(many);
});

Deno.test("Samplings.run() starves nobody when others keep coming", async () => {
  const device = network(), large = device.samplings.run(task({ batch: 8, steps: 20, nodes: 3 }));
  let stop = false;
  const streams = [1, 2, 3].map(async (k) => {
    for (let owner = 10 * k; !stop; owner += 100) await device.samplings.run(task({ batch: 5, steps: 4, owner }));
  });
  await large;
  stop = true;
  await Promise.all(streams);
  assert.ok(device.now() < 30_000);
});

Deno.test("Samplings.run() ends a task whose signal aborts, between calls, and goes on with the others", async () => {
  const device = network(), cancel = new AbortController();
  const first = device.samplings.run(task({ steps: 20_000 }), cancel.signal),
    second = device.samplings.run(task({ owner: 2 }));
  await begun(device.calls, 2);
  cancel.abort(new Error("gone"));
  await assert.rejects(first, /gone/);
  await second;
  await assert.rejects(device.samplings.run(task(), AbortSignal.abort(new Error("never"))), /never/);
  assert.deepEqual((await device.samplings.run(task())).x0, await alone(task()));
});

Deno.test("Samplings.run() tells all of a call that failed, and works again afterwards", async () => {
  let failing = true;
  const device = network(() => failing);
  const runs = await Promise.allSettled([1, 2].map((owner) => device.samplings.run(task({ owner }))));
  for (const one of runs) assert.ok(one.status === "rejected" && one.reason.message === "broken");
  failing = false;
  await device.samplings.run(task());
});

Deno.test("Samplings.run() does tasks in the background when there are no others, and starves them no longer than ten seconds", async () => {
  const device = network(), background = { ...task({ batch: 8, steps: 60 }), background: true };
  const behind = device.samplings.run(background);
  await begun(device.calls, 5);
  const { took, ms } = await timed(device, task({ batch: 8, steps: 60, owner: 2, nodes: 3 }));
  assert.equal(ms, 480);
  assert.ok(took <= ms + 16, `${took} ms for ${ms} ms of work beside another's in the background`);
  let stop = false;
  const stream = (async () => {
    for (let owner = 10; !stop; owner++) await device.samplings.run(task({ batch: 8, steps: 4, nodes: 3, owner }));
  })();
  await behind;
  stop = true;
  await stream;
});

Deno.test("a sampling for a given graph has it clean in every call and in what comes of it, is told so, and turns its noise only", async () => {
  const latent = { vectors: 3, scalars: 2, pairs: 4 }, nodes = 3, width = 11;
  const graph = { nodes, classes: Uint8Array.of(1, 0, 1), orders: Uint8Array.of(0, 2, 0, 2, 0, 1, 0, 1, 0) };
  const scalars = [0, 0.5, 0.5, 0, 0, 0.5];
  const pairs = Array.from({ length: 36 }, (_, k) => {
    const pair = Math.floor(k / 4);
    return pair % 4 !== 0 && graph.orders[pair] === k % 4 ? 0.5 : 0;
  });
  const isGiven = (z: Float32Array) => {
    const own = [0, 1, 2].flatMap((i) => [...z.subarray(i * width + 9, i * width + 11)]);
    assert.deepEqual([own, [...z.subarray(33)]], [scalars, pairs]);
  };
  const told: number[] = [], order: number[] = [];
  const samplings = createSamplings({
    ...{ space: latent, graph: true, most: () => 8 },
    predict: (z, { batch }, { features }) => {
      for (let b = 0; b < batch; b++) {
        const own = z.subarray(b * z.length / batch, (b + 1) * z.length / batch), given = features[17 * b + 16] === 1;
        if (given) isGiven(own);
        told.push(features[17 * b + 16]);
      }
      return z.map((value) => value / 2);
    },
    realign: () => void order.push(1),
  });
  const one: Task = { ...task({ nodes }), coupling: "aligned", graph };
  const [{ x0 }, free] = await Promise.all([
    samplings.run(one),
    samplings.run({ ...task({ nodes, owner: 2 }), coupling: "aligned" }),
  ]);
  isGiven(x0);
  assert.deepEqual(told.filter((value) => value === 1).length, 4);
  assert.deepEqual(told.length, 8);
  // Only the free one's noise is laid to any node.
  assert.equal(order.length, 3);
  assert.notDeepEqual([...free.x0.subarray(33)], pairs);
  await assert.rejects(samplings.run({ ...one, graph: { ...graph, nodes: 2 } }), {
    message: "the graph must have 3 nodes, as the molecules; got 2",
  });
  const untold = createSamplings({ space: latent, most: () => 8, predict: (z) => z });
  await assert.rejects(untold.run(one), /graphs can be given only to a network that is told so/);
});

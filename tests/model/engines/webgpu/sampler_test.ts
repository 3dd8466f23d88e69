import assert from "node:assert/strict";
import { realigner } from "../../../../model/diffusion/coupling/align.ts";
import { createGpuDenoiser, type GpuDenoiser } from "../../../../model/engines/webgpu/denoiser.ts";
import { createGpuSampler } from "../../../../model/engines/webgpu/sampler.ts";
import { clampToValence } from "../../../../model/networks/heavy_atom/clamp.ts";
import { bondSumsOf, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { powerGrid } from "../../../../model/diffusion/grids.ts";
import { moleculeNoise } from "../../../../model/diffusion/noise.ts";
import { PURPOSE, random } from "../../../../model/diffusion/random.ts";
import {
  firstLatents,
  planSampling,
  runPlan,
  type SamplerName,
  startOf,
} from "../../../../model/diffusion/samplers/mod.ts";

import type { Sampling } from "../../../../model/diffusion/denoiser.ts";
import { shaken } from "../shaken.ts";
import { found, parameters, relativeError, schedule, space, withGpu } from "./network.ts";

const sizes = { width: 32, blocks: 2 }, ignore = !found.gpu;

/** A denoiser, and what it tells of clamped calls. */
const withDenoiser = (
  work: (gpu: GpuDenoiser, clamped: [molecules: number, searched: number][]) => Promise<void>,
  levels = 0,
): Promise<void> =>
  withGpu(async (device) => {
    const own = { ...sizes, levels }, clamped: [number, number][] = [];
    const options = { space, sizes: own, schedule, gpu: device };
    const gpu = await createGpuDenoiser({
      ...options,
      onClamp: (molecules, searched) => clamped.push([molecules, searched]),
    }, parameters(own));
    try {
      await work(gpu, clamped);
    } finally {
      gpu.dispose();
    }
  });

const plan = (name: SamplerName, steps: number, options = {}) =>
  planSampling(name, schedule, powerGrid(steps, 2), options);

/** The same by the loop on the CPU, with noise of 64-bit arithmetic. */
async function looped(gpu: GpuDenoiser, { shape, plan, start, coupling, seed, indices, condition, clamp }: Sampling) {
  const { space } = gpu, noise = moleculeNoise(space, shape.nodes, seed, indices);
  const aligned = realigner(coupling ?? "independent", space, shape);
  return await runPlan(
    plan,
    async (z, t) => {
      const x0 = await gpu.predict(z, shape, { ...condition, time: t });
      if (clamp && t <= clamp.below) clampToValence(x0, shape, clamp.bondSums, space.pairs, clamp.charges);
      return x0;
    },
    await firstLatents(noise, start, aligned),
    noise,
    undefined,
    aligned,
  );
}

/** A start in the middle of the schedule, for molecules of so many nodes, with this share of the spread. */
const startAt = (nodes: number, share = 1) =>
  startOf(
    {
      vectors: [1.2, 0.8, 0.6],
      scalars: Array.from({ length: 12 }, (_, k) => [0.1 * k - 0.5, 0.2] as [number, number]),
      pairs: [[0.4, 0.3], [0.2, 0.1], [-0.1, 0.2], [0, 0]],
    },
    space,
    nodes,
    schedule(0.5),
    share,
  );

const samplers: [SamplerName, object][] = [
  ["dpm-solver++", { order: 2 }],
  ["dpm-solver++", { order: 3 }],
  ["heun", {}],
  ["ancestral", { gamma: 0.5 }],
  ["consistency", {}],
];
for (const [name, options] of samplers) {
  Deno.test({
    name: `sample() on the GPU draws what the loop on the CPU draws by ${name} ${JSON.stringify(options)}`,
    ignore,
    fn: () =>
      withDenoiser(async (gpu) => {
        for (const nodes of [3, 9]) {
          const indices = [0, 5, 70000, 4000000000], shape = { nodes, batch: indices.length };
          const sampling = { shape, plan: plan(name, 6, options), seed: 4294967295, indices };
          const { x0 } = await gpu.can.sample!(sampling), error = relativeError(x0, await looped(gpu, sampling));
          assert.ok(error < 1e-4, `${nodes} nodes: ${error}`);
        }
      }),
  });
}

for (const name of ["consistency", "ddpm"] as const) {
  Deno.test({
    name: `sample() on the GPU aligns noise and starts at the data as the loop on the CPU does by ${name}`,
    ignore,
    fn: () =>
      withDenoiser(async (gpu) => {
        for (const nodes of [1, 2, 5, 9, 21]) {
          const indices = [0, 5, 70000, 4000000000, 17, 18], shape = { nodes, batch: indices.length };
          const late = planSampling(name, schedule, Float64Array.of(0.5, 0.3, 0.1, 0));
          const ways: [string, Partial<Sampling> & Pick<Sampling, "plan">][] = [
            ["aligned", { plan: plan(name, 4), coupling: "aligned" }],
            ["aligned with a start", { plan: late, coupling: "aligned", start: startAt(nodes) }],
            ["aligned with a start at the mean", { plan: late, coupling: "aligned", start: startAt(nodes, 0) }],
            ["with a start", { plan: late, start: startAt(nodes) }],
          ];
          for (const [way, change] of ways) {
            const sampling = { shape, seed: 3, indices, ...change }, { x0 } = await gpu.can.sample!(sampling);
            const error = relativeError(x0, await looped(gpu, sampling));
            assert.ok(error < 1e-4, `${nodes} nodes, ${way}: ${error}`);
          }
        }
      }),
  });
}

Deno.test({
  name: "sample() on the GPU lets only molecules of the same start and coupling go together",
  ignore,
  fn: () =>
    withDenoiser(async (gpu) => {
      const shape = { nodes: 3, batch: 2 }, own = { shape, plan: plan("ddpm", 2), seed: 1, indices: [0, 1] };
      const changes = [
        {},
        { coupling: "aligned" as const },
        { start: startAt(3) },
        { start: { ...startAt(3), sigma: 0 } },
        { start: startAt(3, 0.5), coupling: "aligned" as const },
        { start: startAt(3) },
      ];
      const together = await Promise.all(changes.map((change) => gpu.can.sample!({ ...own, ...change })));
      for (const [k, change] of changes.entries()) {
        assert.deepEqual(together[k].x0, (await gpu.can.sample!({ ...own, ...change })).x0);
        together.slice(0, k).forEach(({ x0 }, other) => {
          if (k === 5 && other === 2) assert.deepEqual(x0, together[k].x0);
          else assert.notDeepEqual(x0, together[k].x0);
        });
      }
      await assert.rejects(
        gpu.can.sample!({ ...own, start: startAt(2) }),
        /a start must have 99 numbers; got 58 and 58/,
      );
    }),
});

Deno.test({
  name: "sample() on the GPU draws the CPU's noise to 1e-5 where the network has no part in it",
  ignore,
  fn: () =>
    withDenoiser(async (gpu) => {
      // x0 of the end is alpha v + sigma O: with sigma 0 the first latent's vectors, which are noise.
      const nodes = 9, indices = Array.from({ length: 40 }, (_, k) => k), shape = { nodes, batch: 40 };
      const end = { t: 0.5, alpha: 1, sigma: 0, z: 0, x0: 1, noise: 0 };
      const { x0 } = await gpu.can.sample!({ shape, plan: [end], seed: 7, indices });
      const streams = indices.map((index) => random(7, index, PURPOSE.noise)), length = latentLength(space, nodes);
      const noise = drawNoise(space, shape, streams);
      for (let b = 0; b < 40; b++) {
        for (let i = 0; i < nodes; i++) {
          for (let k = 0; k < 9; k++) {
            const at = b * length + i * 21 + k;
            assert.ok(Math.abs(x0[at] - noise[at]) < 1e-5, `${x0[at]} and ${noise[at]}`);
          }
        }
      }
    }),
});

Deno.test({
  name: "sample() on the GPU clamps aromatic bonds as the CPU does, which searches for all that have one",
  ignore,
  fn: () =>
    withGpu(async (device) => {
      const wide = { ...space, pairs: 5 },
        clamped: [number, number][] = [],
        onClamp = (...of: [number, number]) => void clamped.push(of);
      const gpu = await createGpuDenoiser({ space: wide, sizes, schedule, gpu: device, onClamp }, shaken(wide, sizes));
      try {
        const shape = { nodes: 3, batch: 24 }, indices = Array.from({ length: 24 }, (_, k) => k);
        const clamp = { below: 0.6, bondSums: bondSumsOf(QM9_CLASSES) },
          sampling = { shape, plan: plan("ddim", 3), seed: 3, indices, clamp };
        const { x0 } = await gpu.can.sample!(sampling), expected = await looped(gpu, sampling);
        assert.ok(relativeError(x0, expected) < 1e-4, `${relativeError(x0, expected)}`);
        assert.ok(clamped.length > 0 && clamped.some(([, searched]) => searched > 0));
        const length = latentLength(wide, 3);
        assert.ok(
          expected.some((value, k) => value === 0.5 && k % length >= 63 && (k % length - 63) % 5 === 4),
          "none is aromatic",
        );
      } finally {
        gpu.dispose();
      }
    }),
});

Deno.test({
  name: "sample() on the GPU clamps as the CPU does, and searches only where the likeliest graph is unsound",
  ignore,
  fn: () =>
    withDenoiser(async (gpu, clamped) => {
      const indices = Array.from({ length: 24 }, (_, k) => k), shape = { nodes: 2, batch: 24 };
      // Of QM9, and of elements with several valences, be they less than the likeliest sum or more.
      const several = QM9_CLASSES.map((_, k) => k % 2 ? [0, 2] : [1, 3, 5]);
      // Of charges that are to add up to nothing some molecules are for the search that else were not.
      const charges = QM9_CLASSES.map((_, k) => k % 3 - 1), searches: number[] = [];
      for (
        const ask of [{ bondSums: bondSumsOf(QM9_CLASSES) }, { bondSums: several }, { bondSums: several, charges }]
      ) {
        clamped.length = 0;
        const sampling = {
          shape,
          plan: plan("ddim", 3),
          seed: 3,
          indices,
          clamp: { below: 0.6, ...ask },
        };
        const { x0 } = await gpu.can.sample!(sampling), expected = await looped(gpu, sampling);
        assert.ok(relativeError(x0, expected) < 1e-4, `${relativeError(x0, expected)}`);
        searches.push(clamped[0][1]);
        assert.deepEqual(clamped.map(([molecules]) => molecules), [24, 24]);
        assert.ok(expected.some((value) => value === 0.5), "nothing was clamped");
        for (const [molecules, searched] of clamped) assert.ok(searched <= molecules);
      }
      assert.ok(searches[2] > searches[1], `searched for: ${searches}`);
    }),
});

Deno.test({
  name: "sample() on the GPU draws a molecule the same to the last bit in any company",
  ignore,
  fn: () =>
    withDenoiser(async (gpu) => {
      const steps = plan("ancestral", 3, { gamma: 0.5 }), length = latentLength(space, 3);
      const sampling = (indices: number[], seed = 1) => ({
        shape: { nodes: 3, batch: indices.length },
        plan: steps,
        seed,
        indices,
        condition: { steps: 3 },
      });
      const alone = await gpu.can.sample!(sampling([8]));
      const [first, second] = await Promise.all([
        gpu.can.sample!(sampling([1, 2, 3], 9)),
        gpu.can.sample!(sampling([7, 8])),
      ]);
      assert.equal(first.x0.length, 3 * length);
      assert.deepEqual(second.x0.slice(length), alone.x0);
    }, 8),
});

Deno.test({
  name: "sample() on the GPU ends with the signal's reason, and goes on with others",
  ignore,
  fn: () =>
    withDenoiser(async (gpu) => {
      const sampling = { shape: { nodes: 3, batch: 2 }, plan: plan("ddim", 40), seed: 1, indices: [0, 1] };
      const gone = new AbortController(), late = new AbortController(), reason = new Error("gone");
      gone.abort(reason);
      await assert.rejects(gpu.can.sample!(sampling, { signal: gone.signal }), reason);
      const refused = assert.rejects(gpu.can.sample!(sampling, { signal: late.signal }), reason);
      const other = gpu.can.sample!(sampling);
      late.abort(reason);
      await refused;
      assert.equal((await other).x0.length, 2 * latentLength(space, 3));
      await assert.rejects(gpu.can.sample!({ ...sampling, indices: [1] }), /indices must be 2, one a molecule; got 1/);
    }),
});

Deno.test({
  name: "sample() on the GPU divides a batch that is too large for it, which changes nothing",
  ignore,
  fn: () =>
    withDenoiser(async (gpu) => {
      const indices = [4, 3, 2, 1, 0], shape = { nodes: 3, batch: 5 };
      const sampling = { shape, plan: plan("ddpm", 2), seed: 6, indices };
      const small = createGpuSampler({ engine: { ...gpu.engine, most: () => 2 } });
      try {
        assert.deepEqual((await small.sample(sampling)).x0, (await gpu.can.sample!(sampling)).x0);
      } finally {
        small.dispose();
      }
    }),
});

Deno.test({
  name: "sample() on the GPU does two plans side by side, though buffers grow",
  ignore,
  fn: () =>
    withDenoiser(async (gpu) => {
      const sampling = (batch: number, steps: number) => ({
        shape: { nodes: 3, batch },
        plan: plan("ddpm", steps),
        seed: 2,
        indices: Array.from({ length: batch }, (_, k) => k),
      });
      const long = sampling(2, 50), large = sampling(50, 2), order: string[] = [];
      const [first, second] = await Promise.all(
        [["long", long] as const, ["large", large] as const].map(async ([name, one]) => {
          const { x0 } = await gpu.can.sample!(one);
          order.push(name);
          return x0;
        }),
      );
      assert.deepEqual(order, ["large", "long"]);
      assert.deepEqual((await gpu.can.sample!(long)).x0, first);
      assert.deepEqual((await gpu.can.sample!(large)).x0, second);
    }),
});

Deno.test({
  name: "dispose() of the GPU engine waits for what is under way, and refuses what comes later",
  ignore,
  fn: () =>
    withDenoiser(async ({ engine }) => {
      const room = { shape: { nodes: 2, batch: 3 }, conditions: 3, calls: 1 };
      let over = false;
      const [disposed] = await engine.inTurn(async (lane) => {
        const { ports } = await engine.prepare(room, lane), disposed = engine.dispose().then(() => over = true);
        engine.gpu.device.queue.writeBuffer(ports.conditions, 0, new Float32Array(3));
        await engine.gpu.guard(engine.gpu.device.queue.onSubmittedWorkDone());
        assert.equal(over, false);
        return [disposed];
      });
      await disposed;
      await assert.rejects(engine.inTurn((lane) => engine.prepare(room, lane)), /disposed of/);
    }),
});

import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { realigner } from "../../../../model/diffusion/coupling/align.ts";
import {
  createEngineEgnnDenoiser,
  egnnDenoiserNetwork,
  egnnDenoiserParameters,
  type EgnnDenoiserSizes,
  type ToldEgnnSizes,
} from "../../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import { createWasmEgnn } from "../../../../model/engines/c/egnn_wasm.ts";
import type { GpuDenoiser } from "../../../../model/engines/webgpu/denoiser.ts";
import { createGpuEgnnDenoiser } from "../../../../model/engines/webgpu/egnn/denoiser.ts";
import { powerGrid } from "../../../../model/diffusion/grids.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { moleculeNoise } from "../../../../model/diffusion/noise.ts";
import { random } from "../../../../model/diffusion/random.ts";
import {
  type Denoise,
  firstLatents,
  planSampling,
  runPlan,
  type SamplerName,
  startOf,
} from "../../../../model/diffusion/samplers/mod.ts";
import type { StoredTensor } from "../../../../model/diffusion/safetensors.ts";
import type { LatentSpace } from "../../../../model/diffusion/types.ts";
import type { Denoiser, Sampling } from "../../../../model/diffusion/denoiser.ts";
import { found, relativeError, schedule, withGpu } from "./network.ts";

const spaceOf = (scalars: number): LatentSpace => ({ vectors: 1, scalars, pairs: 0 });
const plain: EgnnDenoiserSizes = {
  width: 16,
  blocks: 2,
  ...RELEASED_EGNN,
  conditionTime: true,
  parametrisation: "v",
};
const ignore = !found.gpu;

/** Fresh weights, those that move the coordinates made larger, so that they act. */
function weights(space: LatentSpace, sizes: ToldEgnnSizes): Map<string, StoredTensor> {
  return new Map([...initialValues(egnnDenoiserParameters(space, sizes), 1)].map(([name, { shape, data }]) => [
    name,
    { dtype: "F32", shape: [...shape], data: data.map((v) => name.endsWith("coordinates.out") ? 100 * v : v) },
  ]));
}

/** The denoiser on the GPU, and on the engine in WebAssembly. */
const withBoth = (
  work: (gpu: GpuDenoiser, engine: Denoiser) => Promise<void>,
  { scalars = 2, ...change }: Partial<ToldEgnnSizes> & { scalars?: number } = {},
): Promise<void> =>
  withGpu(async (device) => {
    const space = spaceOf(scalars), sizes = { ...plain, ...change }, options = { space, sizes, schedule };
    const tensors = weights(space, sizes);
    const network = await createWasmEgnn({ ...egnnDenoiserNetwork(options), workers: 1 }, tensors);
    const engine = createEngineEgnnDenoiser(options, network);
    try {
      const gpu = await createGpuEgnnDenoiser({ ...options, gpu: device }, tensors);
      try {
        await work(gpu, engine);
      } finally {
        gpu.dispose();
      }
    } finally {
      engine.dispose();
    }
  });

const variants: Record<string, Partial<EgnnDenoiserSizes> & { scalars?: number }> = {
  "as it is": {},
  "of positions alone, predicting noise": { scalars: 0, parametrisation: "eps" },
  "that is not told the time, predicting x0": { conditionTime: false, parametrisation: "x0" },
};
for (const [variant, change] of Object.entries(variants)) {
  Deno.test({
    name: `an EGNN denoiser on the GPU estimates what the engine does, ${variant}`,
    ignore,
    fn: () =>
      withBoth(async (gpu, engine) => {
        // Of positions alone, nothing is left of a single node.
        for (const [nodes, batch] of [[gpu.space.scalars > 0 ? 1 : 2, 1], [5, 7]]) {
          const shape = { nodes, batch }, streams = Array.from({ length: batch }, (_, b) => random(3, b));
          const z = drawNoise(gpu.space, shape, streams), t = Float32Array.from(streams, (_, b) => (b + 0.5) / batch);
          for (const time of [t, 0.4]) {
            const error = relativeError(
              await gpu.predict(z, shape, at(time)),
              await engine.predict(z, shape, at(time)),
            );
            assert.ok(error < 1e-5, `${batch} of ${nodes} nodes: ${error}`);
          }
        }
        assert.deepEqual(await gpu.predict(new Float32Array(), { nodes: 5, batch: 0 }, at(0.5)), new Float32Array());
      }, change),
  });
}

const CONDITIONS = [
  { name: "mu" as const, mean: 2.7, deviation: 1.2, perAtom: 0.3 },
  { name: "gap" as const, mean: 6.9, deviation: 1.1 },
];
for (const [variant, change] of [["told the time", {}], ["not told the time", { conditionTime: false }]] as const) {
  Deno.test({
    name:
      `an EGNN denoiser on the GPU that is told properties, and ${variant}, estimates and samples what the engine does`,
    ignore,
    fn: () =>
      withBoth(async (gpu, engine) => {
        const shape = { nodes: 5, batch: 3 }, indices = [0, 5, 7], streams = indices.map((b) => random(3, b));
        const z = drawNoise(gpu.space, shape, streams);
        const told = indices.map((mu, b) => ({ time: 0.2 + 0.3 * b, properties: { gap: 6 + b, mu } }));
        const own = await gpu.predict(z, shape, told);
        assert.ok(relativeError(own, await engine.predict(z, shape, told)) < 1e-5);
        const other = told.map(({ time, properties }) => ({ time, properties: { ...properties, gap: 9 } }));
        assert.ok((await gpu.predict(z, shape, other)).every((value, k) => value !== own[k]));
        await assert.rejects(async () => await gpu.predict(z, shape, at(0.4)), /properties must have mu/);
        const condition = { properties: { mu: 1, gap: 8 } }, plan = planSampling("ddim", schedule, powerGrid(4, 2), {});
        const { x0 } = await gpu.can.sample!({ shape, indices, plan, seed: 1, condition });
        const denoise = (z: Float32Array, time: number) => engine.predict(z, shape, { ...condition, time });
        const noise = moleculeNoise(gpu.space, shape.nodes, 1, indices);
        const expected = await runPlan(plan, denoise, await firstLatents(noise), noise);
        assert.ok(relativeError(x0, expected) < 1e-4, String(relativeError(x0, expected)));
      }, { ...change, conditions: CONDITIONS }),
  });
}

const samplers: [SamplerName, object][] = [["dpm-solver++", { order: 2 }], ["ancestral", { gamma: 0.5 }]];
for (const [name, options] of samplers) {
  Deno.test({
    name: `an EGNN denoiser on the GPU samples what the loop on the CPU does by ${name}`,
    ignore,
    fn: () =>
      withBoth(async (gpu, engine) => {
        const indices = [0, 5, 70000], shape = { nodes: 6, batch: 3 };
        const plan = planSampling(name, schedule, powerGrid(5, 2), options), coupling = "aligned";
        const late = planSampling(name, schedule, Float64Array.of(0.6, 0.3, 0.1, 0), options);
        const moments = { vectors: [1.5], scalars: [[0.3, 0.5], [-0.2, 0.4]] as [number, number][], pairs: [] };
        const start = startOf(moments, gpu.space, 6, schedule(0.6), 1);
        for (const change of [{ plan }, { plan, coupling }, { plan: late, start, coupling }] as const) {
          const sampling: Sampling = { shape, seed: 9, indices, ...change }, { x0 } = await gpu.can.sample!(sampling);
          const noise = moleculeNoise(gpu.space, 6, 9, indices);
          const aligned = realigner(sampling.coupling ?? "independent", gpu.space, shape);
          const first = await firstLatents(noise, sampling.start, aligned);
          const denoise: Denoise = (z, t) => engine.predict(z, shape, at(t));
          const expected = await runPlan(sampling.plan, denoise, first, noise, undefined, aligned);
          const error = relativeError(x0, expected);
          assert.ok(error < 1e-4, `${Object.keys(change)}: ${error}`);
        }
      }),
  });
}

Deno.test({
  name: "an EGNN denoiser on the GPU gives a molecule the same bits whatever stands beside it",
  ignore,
  fn: () =>
    withBoth(async (gpu) => {
      const shape = { nodes: 7, batch: 23 }, length = latentLength(gpu.space, 7);
      const z = drawNoise(gpu.space, shape, Array.from({ length: 23 }, (_, b) => random(4, b)));
      const times = Float64Array.from({ length: 23 }, (_, b) => (b + 1) / 24);
      const all = await gpu.predict(z, shape, at(times));
      for (const b of [0, 1, 2, 9, 22]) {
        const own = z.slice(b * length, (b + 1) * length);
        const alone = await gpu.predict(own, { nodes: 7, batch: 1 }, at(times.slice(b, b + 1)));
        assert.deepEqual(alone, all.slice(b * length, (b + 1) * length), `molecule ${b}`);
      }
    }),
});

Deno.test({
  name:
    "createGpuEgnnDenoiser() refuses latents with pairs, widths that the engines lack, and times that are not as many",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      const space = spaceOf(1), options = { space, sizes: plain, schedule, gpu }, tensors = weights(space, plain);
      const pairs = createGpuEgnnDenoiser({ ...options, space: { ...space, pairs: 4 } }, tensors);
      await assert.rejects(pairs, /one vector a node and no pairs/);
      const wide = createGpuEgnnDenoiser({ ...options, sizes: { ...plain, width: 40 } }, tensors);
      await assert.rejects(wide, /multiple of 16 up to 256; got 40/);
      const denoiser = await createGpuEgnnDenoiser(options, tensors);
      const z = new Float32Array(2 * 4 * 4), times = Float32Array.of(0.5);
      await assert.rejects(
        denoiser.predict(z, { batch: 2, nodes: 4 }, at(times)),
        /one for all or 2, one a molecule; got 1/,
      );
      denoiser.dispose();
    }),
});

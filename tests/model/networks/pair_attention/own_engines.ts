/** What tests of networks that are told more than the time have in common: our engines, and whole samplings on them. */
import assert from "node:assert/strict";
import type { FixedCondition } from "../../../../model/diffusion/condition.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { moleculeNoise } from "../../../../model/diffusion/noise.ts";
import { planSampling, runPlan } from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { createWasmDenoiser } from "../../../../model/engines/c/wasm_denoiser.ts";
import { hasCompiler } from "../../engines/c/compiler.ts";

/** Our engines: a name, what makes a denoiser there, and whether it is not to be had here. */
export const OWN_ENGINES = [
  ["WebAssembly", createWasmDenoiser, false],
  ["native", createNativeDenoiser, !hasCompiler],
] as const;

/** The largest difference of two arrays' numbers. */
export const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, k) => Math.max(most, Math.abs(value - b[k])), 0);

/** Holds that an engine's own sampling is the loop over its estimates at each guidance, and that riding along with others changes nothing. */
export async function samplesAsTold(own: Denoiser, told: FixedCondition): Promise<void> {
  const shape = { batch: 3, nodes: 5 }, indices = [0, 1, 2], { space } = own;
  const plan = planSampling("ddim", cosineSchedule(), Float64Array.of(1, 0.6, 0));
  for (const guidance of [0, 1, 1.8]) {
    const condition = { ...told, guidance }, noise = moleculeNoise(space, 5, 1, indices);
    const looped = await runPlan(plan, (z, time) => own.predict(z, shape, { ...condition, time }), noise(), noise);
    const [sampled] = await Promise.all([
      own.can.sample!({ shape, plan, seed: 1, indices, condition }),
      own.can.sample!({ shape, plan, seed: 2, indices, condition: { ...told, guidance: 2.5 } }),
      own.can.sample!({ shape, plan, seed: 3, indices }),
    ]);
    assert.ok(difference(sampled.x0, looped) < 1e-6, `${difference(sampled.x0, looped)} at guidance ${guidance}`);
  }
}

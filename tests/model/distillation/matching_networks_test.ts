import assert from "node:assert/strict";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { predictOf } from "../../../model/diffusion/learned.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { openLearner } from "../../../model/engines/open_learner.ts";
import { divergenceOf, DIVERGENCES } from "../../../model/distillation/divergences.ts";
import { makeMatchingGroups, type MatchingPlan } from "../../../model/distillation/matching_batches.ts";
import { createMatchingLearner } from "../../../model/distillation/matching_learner.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { parameters, schedule, space } from "../engines/webgpu/network.ts";

const sizes = { width: 32, blocks: 1, levels: 8 };

/** Latents of molecules of two sizes. */
const plan: MatchingPlan = {
  source: {
    description: "noise",
    draw: (count, stream) =>
      [3, 4].map((nodes) => {
        const shape = { batch: Math.ceil(count / 2), nodes };
        return { shape, target: drawNoise(space, shape, Array(shape.batch).fill(stream)) };
      }),
  },
  schedule,
  grid: { type: "uniform" },
  variant: "consistency",
  options: {},
  steps: 2,
  goal: { classes: 0.5 },
  startsAt: () => () => undefined,
};

const rates = { muon: 0.01, adamw: 1e-3, emaDecay: 0.5, clip: 10 };

/** Networks, and a learner of them by a divergence. */
async function open(divergence: typeof DIVERGENCES[number]) {
  const setup = { space, sizes, values: parameters(sizes), threads: 1 };
  const [student, auxiliary, frozen] = await Promise.all(
    [1, 2, 3].map(async (seed) => (await openLearner("native", { ...setup, seed })).learner),
  );
  const teacher: Denoiser = {
    space,
    predict: predictOf(frozen, schedule, "params"),
    can: {},
    dispose() {},
  };
  const learner = createMatchingLearner({
    ...{ student, auxiliary, frozen, teacher, schedule, divergence, coupling: "aligned", lead: 1 },
  });
  return { learner, student, auxiliary, dispose: () => [learner, frozen].forEach((one) => one.dispose()) };
}

for (const divergence of DIVERGENCES) {
  Deno.test({
    name:
      `createMatchingLearner() by ${divergence} moves networks, tells what it did, and keeps what it needs to go on`,
    ignore: !hasCompiler,
    fn: async () => {
      const { lead, weight } = divergenceOf(divergence), one = await open(divergence), again = await open(divergence);
      try {
        const groups = (update: number) => makeMatchingGroups([plan], 8, 1, update);
        const auxiliary = (await one.auxiliary.state()).tensors, first = (await one.student.state()).tensors;
        await one.learner.update(groups(0), rates);
        const second = (await one.student.state()).tensors, follows = (await one.auxiliary.state()).tensors;
        const name = [...first.keys()].find((key) => key.startsWith("params/"))!;
        assert.deepEqual(second.get(name), first.get(name), "the lead is the auxiliary's");
        assert.equal(
          follows.get(name)!.data.some((value, i) => value !== auxiliary.get(name)!.data[i]),
          lead !== "own",
        );
        await one.learner.update(groups(1), rates);
        const state = await one.learner.state();
        assert.ok(state.tensors.get(name)!.data.some((value, i) => value !== first.get(name)!.data[i]));
        const kept = [...state.tensors.keys()].filter((key) => key.startsWith("critic/"));
        assert.deepEqual(
          kept.sort(),
          weight ? ["precision", "weights"].flatMap((part) => [0, 1].map((k) => `critic/${part}/2.${k}`)) : [],
        );
        await again.learner.restore(state);
        const [a, b] = [await one.learner.update(groups(2), rates), await again.learner.update(groups(2), rates)];
        assert.deepEqual(b, a, "as if it had not ended");
        assert.ok(Object.values(a.parts).every(Number.isFinite) && Number.isFinite(a.total));
        assert.equal("counting" in a.parts, weight !== undefined);
        if (weight) assert.ok(a.parts.counting > 0 && a.parts.counting < 1, "not all count alike");
      } finally {
        one.dispose(), again.dispose();
      }
    },
  });
}

Deno.test({
  name: "createMatchingLearner() by sid refuses a learner that cannot differentiate with respect to its input",
  ignore: !hasCompiler,
  fn: async () => {
    const { student, auxiliary, dispose } = await open("sid");
    const mute = { ...auxiliary, backend: "stone", inputGradient: undefined };
    assert.throws(
      () =>
        createMatchingLearner({
          ...{ student, auxiliary: mute, frozen: mute, schedule, divergence: "sid" },
          teacher: { space, predict: () => Promise.reject(), can: {}, dispose() {} },
        }),
      /the learner on stone cannot differentiate with respect to its input/,
    );
    dispose();
  },
});

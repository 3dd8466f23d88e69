import assert from "node:assert/strict";
import { trainingBatch } from "../../../../../bench/training_batch.ts";
import { createNativeEngine } from "../../../../../model/engines/c/native_engine.ts";
import { createNativeLearner } from "../../../../../model/engines/c/native_learner.ts";
import { flatten } from "../../../../../model/engines/c/parameters.ts";
import { createTrainingEngine } from "../../../../../model/engines/webgpu/training/engine.ts";
import { createGpuLearner } from "../../../../../model/engines/webgpu/training/learner.ts";
import { HEADS, PAIR_WIDTH } from "../../../../../model/networks/pair_attention/parameters.ts";
import { abilityOf, type Group, type Learner, type Rates } from "../../../../../model/diffusion/learner.ts";
import { random } from "../../../../../model/diffusion/random.ts";
import { openLearner } from "../../../../../model/engines/open_learner.ts";
import { found, parameters, relativeError, space, withGpu } from "../network.ts";

const sizes = { width: 32, blocks: 2 }, setup = { space, sizes, seed: 1, values: parameters(sizes), threads: 1 };
const noNative = (() => {
  try {
    createNativeLearner(setup).dispose();
    return false;
  } catch {
    return true; // no compiler here
  }
})();
const ignore = !found.gpu || noNative;

/** Molecules of these numbers and sizes, told the number of steps. */
const groupsOf = (shapes: number[][]): Group[] =>
  shapes.map(([batch, nodes]) => {
    const group = trainingBatch({ batch, nodes });
    return { ...group, conditions: group.conditions.map((condition) => ({ ...condition, steps: 8 })) };
  });
const groups = () => groupsOf([[3, 9], [2, 7], [1, 1]]);
const rates = (k: number): Rates => ({ muon: 0.01, adamw: 1e-3, emaDecay: 0.5 + 0.1 * k, clip: k < 2 ? 10 : 0.5 });

/**
 * Numbers of a tensor that change nothing: biases of keys and of attention's logits move all logits of a softmax alike. Their gradient is
 * rounding, which Adam takes for a direction.
 */
function idle(name: string): [from: number, to: number] {
  if (/blocks\.\d+\.qkv\.bias$/.test(name)) return [sizes.width, 2 * sizes.width];
  if (/blocks\.\d+\.pair\.bias$/.test(name)) return [PAIR_WIDTH, PAIR_WIDTH + HEADS];
  return [0, 0];
}

/** That the states agree, each tensor to `tolerance` of its largest value. */
async function assertAgree(one: Learner, other: Learner, tolerance: number): Promise<void> {
  const [a, b] = [await one.state(), await other.state()];
  assert.deepEqual([...a.tensors.keys()].sort(), [...b.tensors.keys()].sort());
  for (const [name, { shape, data }] of b.tensors) {
    const found = a.tensors.get(name)!, [from, to] = idle(name);
    assert.deepEqual(found.shape, shape, name);
    found.data.fill(0, from, to), data.fill(0, from, to);
    if (data.some((value) => value !== 0)) {
      const error = relativeError(found.data, data);
      assert.ok(error < tolerance, `${name}: ${error}`);
    } else assert.deepEqual(found.data, data, name);
  }
}

Deno.test({
  name: "gradient() on the GPU agrees with the native engine's, for every parameter, and is the same each time",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      for (const levels of [0, 8]) {
        const options = { space, sizes: { ...sizes, levels } };
        const native = createNativeEngine({ ...options, train: true, threads: 1 });
        const flat = flatten(native.specs, parameters(options.sizes));
        const engine = await createTrainingEngine(gpu, options, flat);
        try {
          native.array("parameters").set(flat);
          native.refresh();
          // In turn: a small batch, a larger one for which room is made, and more molecules than workgroups.
          const batches = [[[1, 4]], [[3, 9], [2, 7], [1, 1]], ...(levels ? [] : [[[300, 2], [2, 3]]])];
          for (const shapes of batches) {
            // Of the network with levels also with last vectors that count otherwise.
            const batch = groupsOf(shapes).map((group) => ({
              ...group,
              ...levels && { lastVector: Float32Array.from({ length: group.shape.batch }, (_, b) => 0.5 * (b % 3)) },
            }));
            const want = await native.gradient(batch), { losses, gradient } = await engine.gradient(batch);
            const error = relativeError(losses, [want.positions, want.scalars, want.bonds]);
            assert.ok(error < 1e-5, `losses of ${shapes.join(" ")}: ${error}`);
            let at = 0;
            for (const { name, shape } of native.specs) {
              const to = at + shape.reduce((a, b) => a * b, 1);
              const error = relativeError(gradient.subarray(at, to), native.array("gradient").subarray(at, to));
              assert.ok(error < 2e-5, `${name}, of ${shapes.join(" ")}: ${error}`);
              at = to;
            }
            assert.deepEqual((await engine.gradient(batch)).gradient, gradient);
          }
        } finally {
          native.dispose();
          engine.dispose();
        }
      }
    }),
});

Deno.test({
  name: "update() on the GPU gives the same weights, moments and averages as on the native engine",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      const native = createNativeLearner(setup), learner = await createGpuLearner({ ...setup, gpu, ahead: 0 });
      try {
        for (let k = 0; k < 3; k++) {
          const [a, b] = [await learner.update(groups(), rates(k)), await native.update(groups(), rates(k))];
          assert.ok(Math.abs(a.total - b.total) < 1e-4 * b.total, `update ${k}: ${a.total} and ${b.total}`);
          assert.deepEqual(Object.keys(a.parts), Object.keys(b.parts));
        }
        await assertAgree(learner, native, 1e-4);
        for (const which of ["params", "ema"] as const) {
          const [a, b] = [await learner.loss(groups(), which), await native.loss(groups(), which)];
          assert.ok(Math.abs(a.total - b.total) < 1e-4 * b.total, `${which}: ${a.total} and ${b.total}`);
        }
        for (const group of groups()) {
          for (const which of ["params", "ema"] as const) {
            const error = relativeError(await learner.predict!(group, which), await native.predict!(group, which));
            assert.ok(error < 1e-4, `estimates of ${group.shape.nodes} nodes by ${which}: ${error}`);
          }
        }
      } finally {
        native.dispose(), learner.dispose();
      }
    }),
});

Deno.test({
  name: "step() on the GPU gives the same weights, moments and averages as on the native engine",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      const native = createNativeLearner(setup), learner = await createGpuLearner({ ...setup, gpu, ahead: 0 });
      const draw = random(11);
      const judged = groups().map((group) => ({ ...group, gradient: group.z.map(() => draw.normal()) }));
      try {
        for (let k = 0; k < 3; k++) {
          const [a, b] = [await learner.step!(judged, rates(k)), await native.step!(judged, rates(k))];
          assert.ok(Math.abs(a - b) < 1e-4 * b, `norm of step ${k}: ${a} and ${b}`);
        }
        await assertAgree(learner, native, 1e-4);
        // Beside updates, in any order.
        await learner.update(groups(), rates(3)), await native.update(groups(), rates(3));
        await assertAgree(learner, native, 1e-4);
        const before = await learner.state();
        judged[1].gradient[5] = NaN;
        assert.ok(!Number.isFinite(await learner.step!(judged, rates(0))));
        assert.deepEqual(await learner.state(), before);
        judged[1] = { ...judged[1], gradient: judged[1].gradient.slice(1) };
        await assert.rejects(learner.step!(judged, rates(0)), /a gradient must have \d+ numbers, .*; got \d+/);
        assert.throws(() => abilityOf(learner, "inputGradient"), /the learner on webgpu cannot differentiate/);
      } finally {
        native.dispose(), learner.dispose();
      }
    }),
});

Deno.test({
  name: "restore() on the GPU goes on from another engine's state, and to the last bit from its own",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      const native = createNativeLearner(setup);
      const learner = await createGpuLearner({ ...setup, gpu, ahead: 2 });
      const other = await createGpuLearner({ space, sizes, seed: 7, gpu, ahead: 0 });
      try {
        for (let k = 0; k < 2; k++) await native.update(groups(), rates(k));
        await learner.restore(await native.state());
        await assertAgree(learner, native, 1e-7);
        await learner.update(groups(), rates(2)), await native.update(groups(), rates(2));
        await assertAgree(learner, native, 1e-4);
        await other.restore(await learner.state());
        for (const one of [learner, other]) for (let k = 3; k < 5; k++) await one.update(groups(), rates(k));
        const [a, b] = await Promise.all([learner.state(), other.state()]);
        assert.deepEqual(a, b);
        assert.equal(a.tensors.get("updates")!.data[0], 5);
        a.tensors.delete("momentum/blocks.1.up.weight");
        await assert.rejects(other.restore(a), /momentum\/blocks.1.up.weight must have the shape \[48,96\]; got none/);
        assert.deepEqual(await other.state(), b);
      } finally {
        for (const one of [native, learner, other]) one.dispose();
      }
    }),
});

Deno.test({
  name: "update() on the GPU leaves the weights as they were when the loss is no number",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const learner = await createGpuLearner({ ...setup, gpu, ahead: 0 });
      try {
        await learner.update(groups(), rates(0));
        const before = await learner.state(), [broken, ...others] = groups();
        broken.target[0] = NaN;
        assert.ok(Number.isNaN((await learner.update([broken, ...others], rates(1))).total));
        assert.deepEqual(await learner.state(), before);
        await assert.rejects(learner.update([], rates(1)), /at least one molecule/);
        await assert.rejects(
          learner.update([trainingBatch({ batch: 1, nodes: 200 })], rates(1)),
          /molecules must have at most \d+ nodes to be trained here .*; got 200/,
        );
        assert.ok(Number.isFinite((await learner.update(groups(), rates(1))).total));
      } finally {
        learner.dispose();
      }
    }),
});

Deno.test({
  name: "update() on the GPU tells of what it did not wait for some updates later",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const waiting = await createGpuLearner({ ...setup, gpu, ahead: 0 });
      const learner = await createGpuLearner({ ...setup, gpu, ahead: 3 });
      try {
        const own: number[] = [], told: number[] = [];
        for (let k = 0; k < 8; k++) {
          own.push((await waiting.update(groups(), rates(0))).total);
          told.push((await learner.update(groups(), rates(0))).total);
        }
        assert.equal(told[0], own[0]);
        assert.ok(told[7] < told[0] && told[7] >= own[7] && told.every((loss) => loss <= own[0]), `${told}; ${own}`);
        assert.deepEqual(await learner.state(), await waiting.state());
        const broken = groups();
        broken[1].z[3] = Infinity;
        const losses = [await learner.update(broken, rates(0))];
        while (losses.length < 10) losses.push(await learner.update(groups(), rates(0)));
        assert.ok(losses.some(({ total }) => Number.isNaN(total)));
        assert.ok(Number.isFinite(losses.at(-1)!.total));
        await assert.rejects(createGpuLearner({ ...setup, gpu, ahead: 64 }), /ahead must be 0 to 63; got 64/);
      } finally {
        waiting.dispose(), learner.dispose();
      }
    }),
});

Deno.test({
  name: "openLearner() takes the engine for webgpu, and TensorFlow.js for a network that it lacks",
  ignore: !found.gpu,
  async fn() {
    const one = await openLearner("webgpu", setup);
    assert.match(one.why, /^the engine in WGSL on /);
    assert.equal(one.learner.backend, "webgpu");
    one.learner.dispose();
    const other = await openLearner("webgpu", { space: { ...space, pairs: 9 }, sizes, seed: 1 });
    assert.match(other.why, /^WebGPU on .*; the engine lacks it: a latent must have .* 1 to 8 pair features; got/);
    other.learner.dispose();
    const seeing = await openLearner("webgpu", { space, sizes: { ...sizes, estimates: true }, seed: 1 });
    assert.match(seeing.why, /^WebGPU on .*; the engine lacks it: estimates must be absent/);
    seeing.learner.dispose();
  },
});

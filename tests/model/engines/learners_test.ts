/** What learners can do beside updates: the native engine's and TensorFlow.js's agree, and both with finite differences. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { trainingBatch } from "../../../bench/training_batch.ts";
import { createNativeLearner } from "../../../model/engines/c/native_learner.ts";
import { openLearner } from "../../../model/engines/open_learner.ts";
import { pairAttentionParameters } from "../../../model/networks/pair_attention/parameters.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import { abilityOf, type Group, type Judged, type Learner, type Rates } from "../../../model/diffusion/learner.ts";
import { random } from "../../../model/diffusion/random.ts";
import { hasCompiler } from "./c/compiler.ts";
import { parameters, space } from "./webgpu/network.ts";

const rates: Rates = { muon: 0.01, adamw: 1e-3, emaDecay: 0.5, clip: 1e30 };

const toldSteps = (group: Group): Group => ({
  ...group,
  conditions: group.conditions.map((one, b) => ({ ...one, steps: [1, 3, 8, 100][b % 4] })),
});
/** Molecules of these numbers and sizes, told several numbers of steps. */
const groupsOf = (...shapes: [number, number][]): Group[] =>
  shapes.map(([batch, nodes]) => toldSteps(trainingBatch({ batch, nodes })));
const draw = (length: number, seed: number, stream = random(seed)) =>
  Float32Array.from({ length }, () => stream.normal());
const judgedOf = (...shapes: [number, number][]): Judged[] =>
  groupsOf(...shapes).map((group, k) => ({ ...group, gradient: draw(group.z.length, 70 + k) }));

/** |a - b|^2 / |b|^2 */
function nmse(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  let error = 0, square = 0;
  for (let k = 0; k < b.length; k++) error += (a[k] - b[k]) ** 2, square += b[k] ** 2;
  return error / square;
}
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
};

/** d/dh of f at 0 by central differences, the error of second order taken out (Richardson). */
async function slope(f: (h: number) => Promise<number>, h: number): Promise<number> {
  const central = async (h: number) => (await f(h) - await f(-h)) / (2 * h);
  return (4 * await central(h / 2) - await central(h)) / 3;
}

/** <gradient, x0> a learner, summed over groups. */
async function along(learner: Learner, groups: readonly Judged[]): Promise<number> {
  let sum = 0;
  for (const group of groups) sum += dot(group.gradient, await abilityOf(learner, "predict")(group, "params"));
  return sum;
}

/** dL/dx0 of the training loss of docs/denoiser.md at an estimate, `[B, L]`: of each molecule's. */
function lossAt({ shape: { batch, nodes: n }, target, weights }: Group, x0: Float32Array): Float32Array {
  const length = latentLength(space, n), out = new Float32Array(x0.length);
  for (let b = 0; b < batch; b++) {
    const [position, scalar, pair] = weights.subarray(3 * b, 3 * b + 3);
    for (let i = b * length; i < (b + 1) * length; i++) {
      const at = i - b * length, k = at % 21;
      if (at >= n * 21) out[i] = -pair / n ** 2 * 2 * target[i] / Math.max(x0[i], 1e-30);
      else if (k >= 9) out[i] = -scalar / n * 2 * target[i] / x0[i];
      else out[i] = 2 * position / n * (k < 3 ? 1 : 0.3) * (x0[i] - target[i]);
    }
  }
  return out;
}

for (const estimates of [false, true]) {
  const sizes = { width: 32, blocks: 2, levels: 4, estimates }, values = parameters(sizes);
  const of = estimates ? ", of a network that sees its own estimate" : "";

  const openBoth = async (): Promise<[native: Learner, tensorflow: Learner]> => {
    const setup = { space, sizes, seed: 1, values, threads: 2 };
    return [createNativeLearner(setup), (await openLearner("cpu", setup)).learner];
  };
  const withBoth = async (work: (native: Learner, tensorflow: Learner) => Promise<void>): Promise<void> => {
    const both = await openBoth();
    try {
      await work(...both);
    } finally {
      for (const one of both) one.dispose();
    }
  };

  /** The gradient that the first step took, from the moments that it left: a twentieth in Muon's, a tenth in Adam's first. */
  const gradientOf = async (learner: Learner): Promise<Map<string, Float32Array>> => {
    const { tensors } = await learner.state();
    return new Map(
      pairAttentionParameters(space, sizes).map(({ name }) => {
        const muon = tensors.get(`momentum/${name}`);
        return [name, (muon ?? tensors.get(`first/${name}`)!).data.map((value) => (muon ? 20 : 10) * value)];
      }),
    );
  };

  Deno.test({
    name: `predict() takes the weights or their averages, on the native engine as on TensorFlow.js${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (native, tensorflow) => {
        const [group] = groupsOf([5, 7]), from = await native.predict!(group, "params");
        assert.deepEqual(await native.predict!(group, "ema"), from);
        for (const one of [native, tensorflow]) await one.update([group], rates);
        for (const which of ["params", "ema"] as const) {
          const [a, b] = [await native.predict!(group, which), await tensorflow.predict!(group, which)];
          assert.ok(nmse(a, b) < 1e-10, `${which}: ${nmse(a, b)}`);
          assert.ok(nmse(a, from) > 1e-6, `${which} is what it was`);
        }
        assert.ok(nmse(await native.predict!(group, "ema"), await native.predict!(group, "params")) > 1e-6);
        // A learner whose weights are the averages says the same.
        const other = createNativeLearner({ space, sizes, seed: 1, threads: 2 }), state = await native.state();
        const tensors = new Map(state.tensors);
        for (const { name } of pairAttentionParameters(space, sizes)) {
          tensors.set(`params/${name}`, state.tensors.get(`ema/${name}`)!);
        }
        await other.restore({ tensors });
        assert.deepEqual(await other.predict!(group, "params"), await native.predict!(group, "ema"));
        other.dispose();
      }),
  });

  Deno.test({
    name: `update() counts a molecule's last vector as told, on the native engine as on TensorFlow.js${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (native, tensorflow) => {
        const [plain] = groupsOf([6, 5]),
          lastVector = Float32Array.of(0, 1, 0.5, 0, 2, 1),
          told = { ...plain, lastVector };
        const length = latentLength(space, 5), target = plain.target.slice();
        // What u should be does not matter where it does not count.
        for (const b of [0, 3]) {
          for (let i = 0; i < 5; i++) target.fill(9, b * length + i * 21 + 6, b * length + i * 21 + 9);
        }
        const losses = async (group: Group) =>
          await Promise.all([native, tensorflow].map((one) => one.loss([group], "params")));
        const [before, after] = [await losses(plain), await losses(told)],
          [other, counted] = [
            await losses({ ...told, target }),
            await losses({ ...plain, lastVector: new Float32Array(6).fill(1) }),
          ];
        assert.deepEqual(counted[0], before[0]);
        assert.deepEqual(other[0], after[0]);
        assert.ok(Math.abs(after[0].parts.positions / before[0].parts.positions - 1) > 1e-3);
        for (const [a, b] of [before, after]) {
          assert.ok(Math.abs(a.total / b.total - 1) < 1e-5, `${a.total}, ${b.total}`);
        }
        for (const one of [native, tensorflow]) await one.update([told], rates);
        const [mine, theirs] = [await gradientOf(native), await gradientOf(tensorflow)];
        for (const [name, gradient] of theirs) {
          assert.ok(nmse(mine.get(name)!, gradient) < 1e-10, `${name}: ${nmse(mine.get(name)!, gradient)}`);
        }
      }),
  });

  Deno.test({
    name: `step() moves the weights alike on the native engine and on TensorFlow.js${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (native, tensorflow) => {
        const groups = judgedOf([7, 6], [3, 9], [1, 1]);
        const [a, b] = [await native.step!(groups, rates), await tensorflow.step!(groups, rates)];
        assert.ok(Math.abs(a / b - 1) < 1e-5, `norms ${a} and ${b}`);
        const [mine, theirs] = [await gradientOf(native), await gradientOf(tensorflow)];
        for (const [name, gradient] of theirs) {
          assert.ok(nmse(mine.get(name)!, gradient) < 1e-10, `${name}: ${nmse(mine.get(name)!, gradient)}`);
        }
        const states = [await native.state(), await tensorflow.state()];
        for (const { tensors } of states) assert.equal(tensors.get("updates")!.data[0], 1);
        for (
          const name of [
            "blocks.1.up.weight",
            ...estimates ? ["blocks.1.estimate.weight", "bonds.estimate.weight"] : [],
          ]
        ) {
          const [x, y] = states.map(({ tensors }) => tensors.get(`params/${name}`)!.data);
          assert.ok(nmse(x, y) < 1e-10 && nmse(x, values.get(name)!.data) > 1e-6, `${name}: ${nmse(x, y)}`);
        }
      }),
  });

  Deno.test({
    name: `step() descends the gradient that finite differences through predict() find${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (native) => {
        const groups = judgedOf([3, 5], [2, 4]), start = await native.state();
        await native.step!(groups, rates);
        const gradient = await gradientOf(native), molecules = 5;
        for (const { name } of pairAttentionParameters(space, sizes)) {
          const own = gradient.get(name)!, norm = Math.sqrt(dot(own, own)), kept = start.tensors.get(`params/${name}`)!;
          if (norm < 1e-3) continue; // biases that all logits of a softmax share
          const found = await slope(async (h) => {
            const data = kept.data.map((value, k) => value + h * own[k] / norm);
            const tensors = new Map([...start.tensors, [`params/${name}`, { ...kept, data }]]);
            await native.restore({ tensors });
            return await along(native, groups) / molecules;
          }, 0.02);
          // Float32's rounding of x0, 1e-7 of numbers near 1, over a step of 0.01, beside the error of fourth order.
          assert.ok(Math.abs(found - norm) < 0.005 * norm + 1e-4, `${name}: ${found}, not ${norm}`);
        }
      }),
  });

  Deno.test({
    name: `step() by the loss's own gradient at x0 does what update() does${of}`,
    ignore: !hasCompiler,
    async fn() {
      const groups = groupsOf([4, 6], [3, 8]);
      const [all, others] = [await openBoth(), await openBoth()];
      try {
        for (const [k, one] of all.entries()) {
          const judged: Judged[] = [];
          for (const group of groups) {
            judged.push({ ...group, gradient: lossAt(group, await one.predict!(group, "params")) });
          }
          await one.update(groups, rates), await others[k].step!(judged, rates);
          const [a, b] = [await gradientOf(one), await gradientOf(others[k])];
          for (const [name, gradient] of a) {
            if (dot(gradient, gradient) < 1e-6) continue;
            const error = nmse(b.get(name)!, gradient);
            assert.ok(error < 1e-10, `${one.backend}, ${name}: ${error}`);
          }
        }
      } finally {
        for (const one of [...all, ...others]) one.dispose();
      }
    },
  });

  Deno.test({
    name: `inputGradient() is alike on the native engine and on TensorFlow.js, at every size${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (native, tensorflow) => {
        for (const judged of judgedOf([1, 1], [3, 2], [5, 9], [19, 7])) {
          const [a, b] = [await native.inputGradient!(judged), await tensorflow.inputGradient!(judged)];
          assert.ok(nmse(a, b) < 1e-10, `${judged.shape.nodes} nodes: ${nmse(a, b)}`);
        }
      }),
  });

  Deno.test({
    name: `inputGradient() is what finite differences through predict() find, part by part${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (native, tensorflow) => {
        const [judged] = judgedOf([2, 5]), { z } = judged, length = z.length / 2, pairs = 5 * 21;
        const parts: Record<string, (at: number) => boolean> = {
          positions: (at) => at < pairs && at % 21 < 3,
          vectors: (at) => at < pairs && at % 21 >= 3 && at % 21 < 9,
          scalars: (at) => at < pairs && at % 21 >= 9,
          pairs: (at) => at >= pairs,
        };
        for (const one of [native, tensorflow]) {
          const gradient = await one.inputGradient!(judged);
          for (const [part, of] of Object.entries(parts)) {
            const own = gradient.map((value, i) => of(i % length) ? value : 0), norm = Math.sqrt(dot(own, own));
            const found = await slope(
              (h) => along(one, [{ ...judged, z: z.map((value, i) => value + h * own[i] / norm) }]),
              0.02,
            );
            assert.ok(Math.abs(found - norm) < 0.002 * norm, `${one.backend}, ${part}: ${found}, not ${norm}`);
          }
        }
      }),
  });

  Deno.test({
    name: `step() and inputGradient() refuse gradients of another length, and step() one that is no number${of}`,
    ignore: !hasCompiler,
    fn: () =>
      withBoth(async (...both) => {
        const before = tf.memory().numTensors;
        for (const one of both) {
          const [judged] = judgedOf([2, 3]), short = { ...judged, gradient: judged.gradient.slice(1) };
          const words = { name: "RangeError", message: /^a gradient must have 198 numbers, .*; got 197$/ };
          await assert.rejects(async () => await one.step!([short], rates), words);
          await assert.rejects(async () => await one.inputGradient!(short), words);
          await assert.rejects(async () => await one.step!([], rates), /at least one molecule; none given/);
          const state = await one.state(), broken = { ...judged, gradient: judged.gradient.map((x, k) => k ? x : NaN) };
          assert.ok(!Number.isFinite(await one.step!([broken], rates)));
          assert.deepEqual(await one.state(), state);
          await one.step!([judged], rates), await one.inputGradient!(judged), await one.predict!(judged, "ema");
        }
        assert.equal(tf.memory().numTensors, before);
      }),
  });
}

Deno.test("abilityOf() says what a learner cannot do", () => {
  const mute = { backend: "stone" } as Learner;
  assert.throws(() => abilityOf(mute, "predict"), { message: "the learner on stone cannot estimate x0" });
  assert.throws(() => abilityOf(mute, "step"), /stone cannot step along a gradient at x0/);
  assert.throws(() => abilityOf(mute, "inputGradient"), /stone cannot differentiate with respect to its input/);
});

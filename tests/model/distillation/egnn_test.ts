import assert from "node:assert/strict";
import { conditioned, type Conditions } from "../../../model/diffusion/condition.ts";
import { at, timesOf } from "../../conditions.ts";
import * as tf from "@tensorflow/tfjs";
import { createEgnnLearner } from "../../../model/distillation/egnn_learner.ts";
import { uniformGrid } from "../../../model/diffusion/grids.ts";
import { planSampling } from "../../../model/diffusion/samplers/mod.ts";
import type { Sampling } from "../../../model/diffusion/denoiser.ts";
import { groupUpTo, latestTime, upTo } from "../../../model/models/egnn_latest.ts";
import { egnnStudentLoss, predictionTarget, predictionWeight } from "../../../model/distillation/egnn_loss.ts";
import {
  createEgnnDenoiser,
  egnnDenoiserParameters,
  type EgnnDenoiserSizes,
  towardsX0,
} from "../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../model/networks/egnn_parameters.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { initialValues } from "../../../model/networks/pair_attention/initialise.ts";
import { random } from "../../../model/diffusion/random.ts";
import { makeSchedule } from "../../../model/diffusion/schedules.ts";
import type { Group } from "../../../model/diffusion/learner.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, PARAMETRISATIONS = ["eps", "x0", "v"] as const;
const schedule = makeSchedule({ type: "polynomial", power: 2, precision: 1e-5, timesteps: 1000 });
const sizesOf = (parametrisation: EgnnDenoiserSizes["parametrisation"]): EgnnDenoiserSizes => ({
  ...RELEASED_EGNN,
  width: 8,
  blocks: 1,
  conditionTime: true,
  parametrisation,
});

/** Noisy molecules at these times, with weights max(SNR, 1) up to 2500. */
function groupAt(times: readonly number[], nodes = 4, seed = 1): Group {
  const shape = { batch: times.length, nodes }, streams = times.map((_, b) => random(seed, b));
  const target = drawNoise(space, shape, streams),
    z = drawNoise(space, shape, streams),
    length = z.length / times.length;
  const values = times.map(schedule);
  values.forEach(({ alpha, sigma }, b) => {
    for (let i = b * length; i < (b + 1) * length; i++) z[i] = alpha * target[i] + sigma * z[i];
  });
  const weights = values.flatMap(({ logSnr }) => [Math.min(Math.max(Math.exp(logSnr), 1), 2500), 1, 1]);
  return {
    shape,
    z,
    target,
    ...conditioned(times.map((time) => ({ time })), schedule),
    weights: Float32Array.from(weights),
  };
}

/** First values with some noise, so that small layers count. */
function shaken(sizes: EgnnDenoiserSizes) {
  const values = initialValues(egnnDenoiserParameters(space, sizes), 2);
  let k = 0;
  for (const { data } of values.values()) {
    const draw = random(5, k++);
    for (let i = 0; i < data.length; i++) data[i] += 0.1 * draw.normal();
  }
  return values;
}

for (const parametrisation of PARAMETRISATIONS) {
  Deno.test(`egnnStudentLoss() agrees with finite differences for a network that gives ${parametrisation}`, async () => {
    await tf.setBackend("cpu");
    const sizes = sizesOf(parametrisation), values = shaken(sizes), names = [...values.keys()];
    const loss = egnnStudentLoss(tf, sizes), group = groupAt([1, 0.7, 0.4, 0.1]);
    const params = (changed?: string, data?: Float32Array) =>
      Object.fromEntries(names.map((name) => {
        const value = values.get(name)!;
        return [name, tf.tensor(name === changed ? data! : value.data, value.shape)];
      }));
    const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
      loss(Object.fromEntries(names.map((name, k) => [name, tensors[k]])), group).total
    )(Object.values(params()));
    const total = value.dataSync()[0];
    let counted = 0;
    names.forEach((name, k) => {
      const gradient = grads[k].dataSync(), length = Math.hypot(...gradient), { data } = values.get(name)!;
      if (length < 1e-3 * total) return; // below what float32 differences can tell
      counted++;
      const step = Math.min(0.02 * total / length, 0.01);
      const at = (sign: number) =>
        tf.tidy(() =>
          loss(params(name, data.map((x, i) => x + sign * step * gradient[i] / length)), group).total.dataSync()[0]
        );
      const slope = (at(1) - at(-1)) / (2 * step);
      assert.ok(Math.abs(slope - length) < 0.03 * length + 1e-3 * total, `${name}: ${slope} and ${length}`);
    });
    assert.ok(counted > 0.5 * names.length, `${counted} of ${names.length} gradients were large enough`);
  });

  Deno.test(`egnnStudentLoss() is the weighted error of the denoiser's x0 for ${parametrisation}`, async () => {
    await tf.setBackend("cpu");
    const sizes = sizesOf(parametrisation), values = shaken(sizes), group = groupAt([0.7, 0.4, 0.1]);
    const params = Object.fromEntries([...values].map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]));
    const found = egnnStudentLoss(tf, sizes)(params, group).total.dataSync()[0];
    const stored = new Map([...values].map(([name, value]) => [name, { ...value, shape: [...value.shape] }]));
    const denoiser = createEgnnDenoiser(tf, { space, sizes, schedule }, stored);
    const x0 = await denoiser.predict(group.z, group.shape, group.conditions), { batch, nodes } = group.shape;
    let want = 0;
    x0.forEach((value, i) => {
      const b = Math.floor(i * batch / x0.length), error = value - group.target[i];
      want += group.weights[3 * b] * error * error / (batch * nodes);
    });
    assert.ok(Math.abs(found - want) < 1e-3 * want, `${found} and ${want}`);
  });
}

Deno.test("predictionTarget() gives back the target through towardsX0(), at t = 1 as well", () => {
  const group = groupAt([1, 0.5, 0.004]), length = group.z.length / 3;
  for (const parametrisation of PARAMETRISATIONS) {
    const output = predictionTarget(parametrisation, group);
    group.conditions.forEach((_, b) => {
      const [ofZ, ofOutput] = towardsX0(parametrisation, group.alpha[b], group.sigma[b]);
      // A predicted noise is multiplied by sigma / alpha, and its rounding with it.
      const tolerance = 1e-6 * (1 + Math.abs(ofOutput)) * 4;
      for (let i = b * length; i < (b + 1) * length; i++) {
        const x0 = ofZ * group.z[i] + ofOutput * output[i];
        assert.ok(Math.abs(x0 - group.target[i]) < tolerance, `${parametrisation}: ${x0}, not ${group.target[i]}`);
      }
    });
  }
  assert.throws(() => predictionTarget("eps", { ...group, sigma: new Float32Array(3) }), /sigma is 0/);
});

Deno.test("predictionWeight() stays bounded up to the latest time of each parametrisation", () => {
  const weightAt = (parametrisation: typeof PARAMETRISATIONS[number], t: number) => {
    const { alpha, sigma, logSnr } = schedule(t);
    return predictionWeight(parametrisation, Math.max(Math.exp(logSnr), 1), alpha, sigma);
  };
  for (const parametrisation of PARAMETRISATIONS) {
    const latest = latestTime(parametrisation, schedule);
    if (parametrisation === "x0") assert.equal(weightAt("x0", 1), 1);
    else for (let i = 1; i <= 1000; i++) assert.ok(weightAt(parametrisation, Math.min(i / 1000, latest)) < 149);
  }
  assert.ok(weightAt("eps", 1) > 9e4, "what the latest time is there for");
});

Deno.test("latestTime() is at a log-SNR of -5 for a predicted noise, and 1 for x0 and v", () => {
  assert.ok(Math.abs(schedule(latestTime("eps", schedule)).logSnr + 5) < 1e-9);
  assert.deepEqual([latestTime("x0", schedule), latestTime("v", schedule)], [1, 1]);
});

Deno.test("upTo() and groupUpTo() read later times as the latest and leave earlier ones", async () => {
  const asked: Conditions[] = [];
  const seen: Sampling[] = [];
  const denoiser = upTo(0.75, schedule, {
    space,
    predict: (z, _shape, conditions) => (asked.push(conditions), Promise.resolve(z)),
    can: {
      independent: true,
      appetite: 12,
      sample: (sampling) => (seen.push(sampling), Promise.resolve({ x0: new Float32Array(5), ms: 0, waitedMs: 0 })),
    },
    dispose() {},
  });
  const shape = { batch: 2, nodes: 1 }, z = new Float32Array(10);
  await denoiser.predict(z, shape, at(1));
  await denoiser.predict(z, shape, at(0.5));
  await denoiser.predict(z, shape, at([1, 0.25]));
  await denoiser.predict(z, shape, at([0.9, 0.25]));
  assert.deepEqual(asked, [at(0.75), at(0.5), at([0.75, 0.25]), at([0.75, 0.25])]);
  // All that the network can do is there still, and a plan keeps its own steps.
  assert.deepEqual([denoiser.can.appetite, denoiser.can.independent], [12, true]);
  const plan = planSampling("ddpm", schedule, uniformGrid(4), {});
  await denoiser.can.sample!({ shape, plan, seed: 1, indices: [0, 1] });
  const { alpha, sigma } = schedule(0.75), end = { t: 0.75, alpha, sigma };
  assert.deepEqual(seen[0].plan.map(({ asked }) => asked), [end, undefined, undefined, undefined]);
  assert.deepEqual(seen[0].plan.map(({ asked: _, ...step }) => step), plan);
  const group = groupAt([1, 0.25]), read = groupUpTo(0.75, schedule, group);
  assert.deepEqual(timesOf(read.conditions), [0.75, 0.25]);
  assert.deepEqual([...read.alpha], [Math.fround(schedule(0.75).alpha), group.alpha[1]]);
  assert.deepEqual([...read.sigma], [Math.fround(schedule(0.75).sigma), group.sigma[1]]);
  assert.deepEqual([read.z, read.target, read.weights], [group.z, group.target, group.weights]);
  assert.equal(groupUpTo(1, schedule, group), group);
  for (const latest of [0, 1.5, NaN]) assert.throws(() => upTo(latest, schedule, denoiser), /latest time/);
});

for (const parametrisation of PARAMETRISATIONS) {
  Deno.test(`createEgnnLearner() starts from the teacher and learns a target as ${parametrisation}`, async () => {
    await tf.setBackend("cpu");
    const sizes = sizesOf(parametrisation), values = shaken(sizes);
    const learner = createEgnnLearner(tf, "cpu", { space, sizes, schedule, values });
    try {
      const state = await learner.state();
      for (const [name, { data }] of values) assert.deepEqual(state.tensors.get(`ema/${name}`)!.data, data);
      const groups = [groupAt([1, 0.8, 0.5, 0.2], 4, 1), groupAt([0.9, 0.3], 3, 2)];
      const before = await learner.loss(groups, "params");
      for (let k = 0; k < 60; k++) await learner.update(groups, { muon: 0, adamw: 5e-3, emaDecay: 0.5, clip: 10 });
      const after = await learner.loss(groups, "ema");
      assert.ok(after.total < 0.7 * before.total, `${before.total} to ${after.total}`);
      assert.ok(Math.abs(after.parts.positions + after.parts.scalars - after.total) < 1e-4 * after.total);
    } finally {
      learner.dispose();
    }
  });
}

for (const parametrisation of PARAMETRISATIONS) {
  Deno.test(`createEgnnLearner() predicts, steps and differentiates in its input as ${parametrisation}`, async () => {
    await tf.setBackend("cpu");
    const sizes = sizesOf(parametrisation), values = shaken(sizes);
    const learner = createEgnnLearner(tf, "cpu", { space, sizes, values, schedule });
    const denoiser = createEgnnDenoiser(tf, { space, sizes, schedule }, values);
    // The last time is beyond the latest of a network that predicts noise.
    const group = groupAt([0.3, 0.6, 1]), draw = random(8), latest = latestTime(parametrisation, schedule);
    const judged = { ...group, gradient: group.z.map(() => draw.normal()) };
    const x0 = (z = group.z) => learner.predict!({ ...group, z }, "params");
    const along = async (z?: Float32Array) =>
      (await x0(z)).reduce((sum, value, i) => sum + value * judged.gradient[i], 0);
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
    try {
      const expected = await upTo(latest, schedule, denoiser).predict(group.z, group.shape, group.conditions);
      (await x0()).forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4 * (1 + Math.abs(expected[i]))));
      assert.deepEqual(await learner.predict!(group, "ema"), await x0());

      const dz = await learner.inputGradient!(judged), length = norm(dz);
      const moved = (h: number) => along(group.z.map((value, i) => value + h * dz[i] / length));
      const slope = (await moved(0.01) - await moved(-0.01)) / 0.02;
      assert.ok(Math.abs(slope / length - 1) < 0.01, `${slope}, not ${length}`);

      // A small step of AdamW against the gradient lowers what the gradient weighs.
      const before = await along();
      assert.ok(await learner.step!([judged], { muon: 1e-4, adamw: 1e-4, emaDecay: 0.9, clip: 10 }) > 0);
      assert.ok(await along() < before);
    } finally {
      learner.dispose(), denoiser.dispose();
    }
  });
}

Deno.test("createEgnnLearner() refuses what an EGNN does not know", () => {
  const sizes = sizesOf("eps");
  assert.throws(() => createEgnnLearner(tf, "cpu", { space: { ...space, pairs: 1 }, sizes, schedule }), /no pairs/);
  assert.throws(() => createEgnnLearner(tf, "cpu", { space, sizes, schedule, latest: 0 }), /latest time/);
  assert.throws(() => createEgnnLearner(tf, "cpu", { space, sizes, schedule, values: new Map() }), /embedding/);
});

/** The gradient of moment matching, against the target that once stood in its place, and rounds that were begun by that. */
import assert from "node:assert/strict";
import { trainingBatch } from "../../../bench/training_batch.ts";
import { makeMomentGroups, type MomentGroup } from "../../../model/distillation/moments_batches.ts";
import { momentsGradient } from "../../../model/distillation/moments_gradient.ts";
import { createMomentsLearner } from "../../../model/distillation/moments_learner.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import type { Group, Learner, Rates, State } from "../../../model/diffusion/learner.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import { createNativeDenoiser } from "../../../model/engines/c/native_denoiser.ts";
import { createNativeLearner } from "../../../model/engines/c/native_learner.ts";
import { openLearner } from "../../../model/engines/open_learner.ts";
import { widened } from "../../../model/networks/pair_attention/levels.ts";
import { loadCheckpoint, saveCheckpoint } from "../../../model/training/checkpoint.ts";
import { lossWeights } from "../../../model/training/weights.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { parameters, space } from "../engines/webgpu/network.ts";

const sizes = { width: 32, blocks: 2 }, values = parameters(sizes), schedule = cosineSchedule();
const told = { ...sizes, levels: 4 }, ofStudent = widened(values, 4);
const rates: Rates = { muon: 0.01, adamw: 1e-3, emaDecay: 0.9, clip: 1 };
const source: LatentSource = {
  description: "chains",
  draw: (batch) => [{ shape: { batch, nodes: 5 }, target: trainingBatch({ batch, nodes: 5 }).target }],
};
const plan = { source, space, schedule, grid: { type: "uniform" as const }, serves: [2, 4] };
const groupsAt = (update: number) => makeMomentGroups(plan, 6, 1, update);

const openStudent = async (backend: "native" | "cpu"): Promise<Learner> => {
  const setup = { space, sizes: told, seed: 1, values: ofStudent, threads: 1 };
  return backend === "native" ? createNativeLearner(setup) : (await openLearner("cpu", setup)).learner;
};
const openAuxiliary = () => createNativeLearner({ space, sizes, seed: 1, values, threads: 1 });
const openTeacher = () => createNativeDenoiser({ space, sizes, schedule, workers: 1 }, values);

/** What is said at z_s of a student's estimates. */
interface Said {
  x: Float32Array[];
  told: Float32Array[];
  taught: Float32Array[];
}

/** The networks with all that they say noted. */
function noting(student: Learner, auxiliary: Learner, teacher: Denoiser) {
  const said: Said = { x: [], told: [], taught: [] };
  const note = (into: Float32Array[]) => (x: Float32Array) => (into.push(x.slice()), x);
  return {
    said,
    networks: {
      student: {
        ...student,
        predict: (...asked: Parameters<NonNullable<Learner["predict"]>>) =>
          student.predict!(...asked).then(note(said.x)),
      },
      auxiliary: {
        ...auxiliary,
        predict: (...asked: Parameters<NonNullable<Learner["predict"]>>) =>
          auxiliary.predict!(...asked).then(note(said.told)),
      },
      teacher: {
        ...teacher,
        predict: (...asked: Parameters<Denoiser["predict"]>) => teacher.predict(...asked).then(note(said.taught)),
      },
    },
  };
}

/** The group whose loss has the wanted gradient: a target, beside the estimate by the difference of the moments. */
function pretended(groups: MomentGroup[], { x, told, taught }: Said, cap = 100): Group[] {
  return groups.map((group, k) => ({
    ...group,
    target: x[k].map((value, i) => value - told[k][i] + taught[k][i]),
    weights: Float32Array.from(
      Array.from(group.at.sigma).flatMap((sigma) => lossWeights(sigma).map((weight) => Math.min(weight, cap))),
    ),
  }));
}

/** How far b is from a, of how far a is from where both began: |a - b|^2 / |a - start|^2 over all parameters. */
function drift(start: State, a: State, b: State): number {
  let error = 0, moved = 0;
  for (const [key, { data }] of a.tensors) {
    if (!key.startsWith("params/")) continue;
    const [first, other] = [start, b].map(({ tensors }) => tensors.get(key)!.data);
    data.forEach((value, i) => (error += (value - other[i]) ** 2, moved += (value - first[i]) ** 2));
  }
  return error / moved;
}

for (const backend of ["native", "cpu"] as const) {
  Deno.test({
    name: `on ${backend} a student of moments moves as it did by a pretended target`,
    ignore: !hasCompiler,
    async fn() {
      const student = await openStudent(backend), other = await openStudent(backend), start = await student.state();
      const auxiliary = openAuxiliary(), teacher = await openTeacher();
      const { said, networks } = noting(student, auxiliary, teacher), learner = createMomentsLearner(networks);
      try {
        for (let update = 0; update < 3; update++) {
          for (const list of Object.values(said)) list.length = 0;
          const groups = groupsAt(update), losses = await learner.update(groups, rates);
          const before = await other.update(pretended(groups, said), rates);
          const apart = Math.abs(losses.parts.positions / before.parts.positions - 1);
          assert.ok(apart < 1e-4, `update ${update}: losses ${losses.parts.positions}, ${before.parts.positions}`);
          const error = drift(start, await other.state(), await student.state());
          // Adam divides by the gradients' sizes: where these are rounding, so is the step.
          assert.ok(error < 1e-6, `update ${update}: ${error}`);
        }
      } finally {
        for (const one of [student, other, auxiliary, teacher]) one.dispose();
      }
    },
  });
}

Deno.test("momentsGradient() gives logits the difference of the probabilities, and vectors twice theirs", () => {
  const shape = { batch: 2, nodes: 3 }, length = latentLength(space, 3), draw = (k: number) => 0.5 + 0.4 * Math.sin(k);
  const array = (seed: number) => Float32Array.from({ length: 2 * length }, (_, i) => draw(i * seed));
  const [x, told, taught] = [3, 5, 7].map(array), weights = Float32Array.of(2, 3, 4, 5, 6, 7);
  const moments = { space, shape, x, told, taught, weights };
  const { gradient, apart } = momentsGradient(moments, "classes"), numbers = momentsGradient(moments, "numbers");
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) {
    const b = Math.floor(i / length), at = i % length, d = told[i] - taught[i], [w, s, p] = weights.subarray(3 * b);
    const pair = Math.floor((at - 63) / 4), node = at % 21, share = node < 3 ? 1 : 0.3;
    const expected = at < 63
      ? node < 9 ? 2 * w / 3 * share * d : s / 3 * d / (0.5 * x[i])
      : pair % 4 === 0
      ? 0
      : p / 9 * d / (0.5 * x[i]);
    assert.ok(Math.abs(gradient[i] - expected) < 1e-5 * (1 + Math.abs(expected)), `${i}: ${gradient[i]}, ${expected}`);
    if (at < 63 && node < 9) sum += w / 3 * share * d * d;
    const plain = at < 63 && node < 9 ? expected : at >= 63 && pair % 4 === 0 ? 0 : 2 * w / 3 * d;
    assert.ok(Math.abs(numbers.gradient[i] - plain) < 1e-5 * (1 + Math.abs(plain)));
  }
  assert.ok(Math.abs(apart - sum) < 1e-6 * sum && numbers.apart === apart);
  // A class that the student holds for impossible gives a gradient that is a number.
  x.fill(0);
  assert.ok(momentsGradient(moments, "classes").gradient.every(Number.isFinite));
});

Deno.test({
  name: "a checkpoint of moments goes on to the last bit, and holds the auxiliary where it always stood",
  ignore: !hasCompiler,
  async fn() {
    const folder = await Deno.makeTempDir(), teacher = await openTeacher();
    const open = async () => {
      const student = await openStudent("native"), auxiliary = openAuxiliary();
      return { student, auxiliary, learner: createMomentsLearner({ student, auxiliary, teacher }) };
    };
    const [one, other] = [await open(), await open()];
    try {
      for (const update of [0, 1]) await one.learner.update(groupsAt(update), rates);
      // As rounds wrote it before states were joined by name.
      const own = (await one.student.state()).tensors, beside = (await one.auxiliary.state()).tensors;
      const tensors: State["tensors"] = new Map([
        ...own,
        ...[...beside].map(([key, tensor]) => [`auxiliary/${key}`, tensor] as const),
      ]);
      assert.deepEqual(await one.learner.state(), { tensors });
      await saveCheckpoint(folder, { state: { tensors }, update: 2, seconds: 1, backends: [], settings: "{}" });
      await other.learner.restore((await loadCheckpoint(folder))!.state);
      for (const update of [2, 3]) {
        const [a, b] = [
          await one.learner.update(groupsAt(update), rates),
          await other.learner.update(groupsAt(update), rates),
        ];
        assert.deepEqual(a, b);
      }
      assert.deepEqual(await one.learner.state(), await other.learner.state());
    } finally {
      one.learner.dispose(), other.learner.dispose(), teacher.dispose();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

import assert from "node:assert/strict";
import { type Coupling, COUPLINGS } from "../../../model/diffusion/coupling/align.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { predictOf } from "../../../model/diffusion/learned.ts";
import type { Asked, Group, Judged, Learner } from "../../../model/diffusion/learner.ts";
import { random } from "../../../model/diffusion/random.ts";
import { makeMatchingGroups } from "../../../model/distillation/matching_batches.ts";
import { createMatchingLearner } from "../../../model/distillation/matching_learner.ts";
import { sampleOnce } from "../../../model/distillation/matching_sampling.ts";
import { DATA, DEVIATION, L, lengthOf, MODES, nodes, planOf, schedule, space, told } from "./two_atoms.ts";

const steps = 2;

/** Knots of a table of corrections, over time and over z's length. */
const TIMES = 40, LENGTHS = 30, LONGEST = 3;

/** What a teacher says, corrected by a table that plain descent learns. */
function table(coupling: Coupling, rate: number): Learner<Group> {
  const values = new Float64Array((TIMES + 1) * (LENGTHS + 1));
  /** The four knots about a time and a length, and their shares. */
  const knots = (time: number, length: number) => {
    const s = Math.min(TIMES - 1e-9, time * TIMES), r = Math.min(LENGTHS - 1e-9, length / LONGEST * LENGTHS);
    const [i, j] = [Math.floor(s), Math.floor(r)], [p, q] = [s - i, r - j], at = i * (LENGTHS + 1) + j;
    return [[at, (1 - p) * (1 - q)], [at + 1, (1 - p) * q], [at + LENGTHS + 1, p * (1 - q)], [at + LENGTHS + 2, p * q]];
  };
  const estimate = ({ z, conditions }: Asked) => {
    const x = new Float32Array(z.length);
    conditions.forEach(({ time }, b) => {
      const length = lengthOf(z, b),
        h = knots(time, length).reduce((sum, [k, share]) => sum + share * values[k], 0) +
          told(coupling, DATA, length, schedule(time)).mean;
      for (let i = b * L; i < (b + 1) * L; i++) x[i] = z[i] / length * h;
    });
    return x;
  };
  const descend = (groups: readonly Asked[], gradients: readonly Float32Array[]) => {
    const sums = new Map<number, { slope: number; all: number }>();
    groups.forEach(({ z, conditions }, g) =>
      conditions.forEach(({ time }, b) => {
        const length = lengthOf(z, b);
        let slope = 0;
        for (let i = b * L; i < (b + 1) * L; i++) slope += gradients[g][i] * z[i] / length / 2;
        for (const [k, share] of knots(time, length)) {
          const sum = sums.get(k) ?? { slope: 0, all: 0 };
          sums.set(k, { slope: sum.slope + share * slope, all: sum.all + share });
        }
      })
    );
    for (const [k, { slope, all }] of sums) values[k] -= rate * slope / (all + 1);
  };
  return {
    backend: "table",
    predict: (asked) => Promise.resolve(estimate(asked)),
    update(groups) {
      descend(groups, groups.map((group) => estimate(group).map((value, i) => value - group.target[i])));
      return Promise.resolve({ total: 0, parts: {} });
    },
    step(groups: Judged[]) {
      descend(groups, groups.map(({ gradient }) => gradient));
      return Promise.resolve(1);
    },
    loss: () => Promise.resolve({ total: 0, parts: {} }),
    state: () => Promise.resolve({ tensors: new Map() }),
    restore: () => Promise.resolve(),
    dispose() {},
  };
}

/** What knows the data. */
const teacherOf = (coupling: Coupling): Denoiser => ({
  space,
  predict: predictOf(table(coupling, 0), schedule, "params"),
  can: {},
  dispose() {},
});

const plan = planOf(steps);

/** Distances that samplings of two steps end in: their mean, deviation, and share in the farther mode. */
async function drawn(coupling: Coupling, predict: (asked: Asked) => Promise<Float32Array>) {
  const batch = 4000, [{ plan: own }] = makeMatchingGroups([plan], 2, 1, 0);
  const { x } = await sampleOnce(
    { shape: { batch, nodes }, steps, plan: own },
    { space, coupling, schedule },
    predict,
    random(7),
  );
  const last = x.subarray(x.length / 2), h = Array.from({ length: batch }, (_, b) => lengthOf(last, b));
  const mean = h.reduce((sum, one) => sum + one / batch, 0), between = (MODES[0] + MODES[1]) / 2;
  const deviation = Math.sqrt(h.reduce((sum, one) => sum + (one - mean) ** 2 / batch, 0));
  const off = h.filter((one) => MODES.every((mode) => Math.abs(one - mode) > 4 * DEVIATION)).length / batch;
  return { mean, deviation, far: h.filter((one) => one > between).length / batch, off };
}

const UPDATES = { aligned: 300, independent: 150 };

for (const coupling of COUPLINGS) {
  Deno.test(`createMatchingLearner() leads a student of two steps to molecules of the data's two kinds, with ${coupling} noise`, async () => {
    const teacher = teacherOf(coupling), student = table(coupling, 0.02), auxiliary = table(coupling, 1);
    const learner = createMatchingLearner({ student, auxiliary, teacher, schedule, coupling, lead: 20 });
    const draw = async () => await drawn(coupling, (asked) => student.predict!(asked, "params")), before = await draw();
    for (let update = 0; update < UPDATES[coupling]; update++) {
      await learner.update(makeMatchingGroups([plan], 128, 1, update), { muon: 1, adamw: 1, emaDecay: 0, clip: 1 });
    }
    const after = await draw();
    if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(coupling, { before, after });
    assert.ok(before.off > 0.4, `${before.off} of the teacher's are of neither kind`);
    assert.ok(after.off < 0.08, `${after.off} of the student's are`);
    // The gradient of a reverse divergence finds the nearer mode first; aligned noise tells the modes apart at once.
    if (coupling === "aligned") {
      assert.ok(Math.abs(after.far - 0.5) < 0.1, `${after.far} of half are of the larger kind`);
    }
  });
}

import assert from "node:assert/strict";
import { makeGrid } from "../../../model/diffusion/grids.ts";
import { random } from "../../../model/diffusion/random.ts";
import { ddpmStep } from "../../../model/diffusion/samplers/ddpm.ts";
import { callsOf } from "../../../model/distillation/shares.ts";
import { type Lesson, taught, toProbabilities } from "../../../model/distillation/taught.ts";
import { ONE_HOT } from "../../../model/networks/heavy_atom/space.ts";
import { bestDenoiser, denoiserOf, mapFactor, schedule } from "./normal_data.ts";

const nodes = 1, LENGTH = 4, STEPS = 4;

/** The lessons of a grid of so many steps, from a log-SNR of 0.5. */
function lessonsOf(steps: number): Lesson[] {
  const times = makeGrid({ type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 7 }, 2 * steps, schedule);
  return Array.from({ length: steps }, (_, i) => ({
    steps,
    told: 2 * steps,
    t: times[2 * i],
    u: times[2 * i + 1],
    v: times[2 * i + 2],
  }));
}

/** Latents of so many lessons. */
const latents = (count: number) =>
  Float32Array.from({ length: count * LENGTH }, (_, k) => Math.sin(3 * k) * 1.5 + 0.1 * k);

/** A teacher that is no normal data's. */
const smooth = (z: number, time: number) => Math.tanh(1.3 * z) * (1 - 0.4 * time);

/** Where one DDIM step from z leads, in doubles. */
function ddim(z: number, x: number, t: number, s: number): number {
  const from = schedule(t), to = schedule(s);
  return to.alpha * x + to.sigma / from.sigma * (z - from.alpha * x);
}

/** Karras et al. 2022, algorithm 1, in z / alpha and sigma / alpha; a step to the data is Euler's. */
function heun(z: number, t: number, s: number): number {
  const from = schedule(t), to = schedule(s), rho = from.sigma / from.alpha, next = to.sigma / to.alpha;
  const x = z / from.alpha, slope = (x - smooth(z, t)) / rho, euler = x + (next - rho) * slope;
  if (s === 0) return to.alpha * euler;
  const later = (euler - smooth(to.alpha * euler, s)) / next;
  return to.alpha * (x + (next - rho) * (slope + later) / 2);
}

/** Lu et al. 2022, DPM-Solver++, algorithm 1, from t over u to v. */
function singleStep(z: number, t: number, u: number, v: number): number {
  const [from, middle, to] = [t, u, v].map(schedule), lambda = [from, middle, to].map(({ logSnr }) => logSnr / 2);
  const at = middle.sigma / from.sigma * z - middle.alpha * Math.expm1(lambda[0] - lambda[1]) * smooth(z, t);
  if (v === 0) return ddim(at, smooth(at, u), u, v);
  const h = lambda[2] - lambda[0], r = (lambda[1] - lambda[0]) / h;
  const x = (1 - 1 / (2 * r)) * smooth(z, t) + smooth(at, u) / (2 * r);
  return to.sigma / from.sigma * z - to.alpha * Math.expm1(-h) * x;
}

const ends = {
  "ddim": (z: number, { t, u, v }: Lesson) => {
    const middle = ddim(z, smooth(z, t), t, u);
    return ddim(middle, smooth(middle, u), u, v!);
  },
  "heun": (z: number, { t, u, v }: Lesson) => heun(heun(z, t, u), u, v!),
  "dpm-solver++": (z: number, { t, u, v }: Lesson) => singleStep(z, t, u, v!),
};

for (const solver of ["ddim", "heun", "dpm-solver++"] as const) {
  Deno.test(`taught() gives the x with which one DDIM step ends where the teacher's ${solver} does, by its textbook in doubles`, async () => {
    const even = lessonsOf(STEPS), lessons = [...even, { ...even[0], t: 0.6, u: 0.5, v: 0.15 }];
    const z = latents(lessons.length), teaching = { schedule, variant: "ddim", solver } as const;
    const target = await taught(z, nodes, lessons, { ...teaching, teacher: denoiserOf(smooth) });
    target.forEach((x, i) => {
      const lesson = lessons[Math.floor(i / LENGTH)], end = ends[solver](z[i], lesson);
      const own = ddim(z[i], x, lesson.t, lesson.v!);
      assert.ok(Math.abs(own - end) < 1e-6, `${own} and ${end} from ${lesson.t}`);
    });
  });
}

Deno.test("taught() stays exact in float32 where steps are short, and a lesson that repeats has the teacher's own estimate", async () => {
  const [t, u, v] = [0.5, 0.5 - 1e-6, 0.5 - 2e-6], lesson = { steps: 1, told: 2, t, u, v };
  const z = latents(2), repeats = { ...lesson, v: undefined };
  for (const solver of ["ddim", "heun", "dpm-solver++"] as const) {
    const target = await taught(z, nodes, [lesson, repeats], {
      teacher: denoiserOf(smooth),
      schedule,
      variant: "ddim",
      solver,
    });
    // In so short a step nothing changes: numerator and denominator of the papers' form would be rounding alone.
    target.forEach((x, i) => assert.ok(Math.abs(x - smooth(z[i], t)) < 1e-5, `${solver} ${x} ${smooth(z[i], t)}`));
  }
});

Deno.test("taught() by heun and dpm-solver++ is of second order in the flow of normal data, by ddim of first", async () => {
  /** The largest distance from the flow's own x, over steps that do not end at the data. */
  const apart = async (solver: "ddim" | "heun" | "dpm-solver++", steps: number) => {
    const lessons = lessonsOf(steps), z = new Float32Array(steps * LENGTH).fill(1);
    const target = await taught(z, nodes, lessons, { teacher: bestDenoiser(), schedule, variant: "ddim", solver });
    return Math.max(
      ...lessons.slice(0, -1).map(({ t, v }, b) => Math.abs(target[b * LENGTH] - mapFactor(t, v!))),
    );
  };
  for (const [solver, order] of [["ddim", 1], ["heun", 2], ["dpm-solver++", 2]] as const) {
    const ratio = await apart(solver, 16) / await apart(solver, 32);
    assert.ok(Math.abs(Math.log2(ratio) - order) < 0.35, `${solver}: ${ratio}`);
    if (order === 2) assert.ok(await apart(solver, 8) < 0.5 * await apart("ddim", 8), solver);
  }
});

Deno.test("taught() by ddpm with noise gives the x with which one DDPM step, with the noise of both of the teacher's, ends where they do", async () => {
  const [t, u, v] = [0.8, 0.6, 0.3], [from, middle, to] = [t, u, v].map(schedule), z = latents(1), stream = random(5);
  const lesson = { steps: 1, told: 2, t, u, v }, n1 = new Float32Array(LENGTH), n2 = new Float32Array(LENGTH);
  stream.fillNormal(n1), stream.fillNormal(n2);
  const target = await taught(
    z,
    nodes,
    [lesson],
    { teacher: denoiserOf(smooth), schedule, variant: "ddpm", solver: "ddpm" },
    n1,
  );
  const [one, two, both] = [ddpmStep(from, middle), ddpmStep(middle, to), ddpmStep(from, to)];
  // In units of alpha / sigma^2 z is a Brownian motion over the SNR with a drift: its increments add up.
  const [R, S, T] = [from, middle, to].map(({ logSnr }) => Math.exp(logSnr));
  target.forEach((x, i) => {
    const zu = one.z * z[i] + one.x0 * smooth(z[i], t) + one.noise * n1[i];
    const end = two.z * zu + two.x0 * smooth(zu, u) + two.noise * n2[i];
    const noise = (Math.sqrt(S - R) * n1[i] + Math.sqrt(T - S) * n2[i]) / Math.sqrt(T - R);
    const own = both.z * z[i] + both.x0 * x + both.noise * noise;
    assert.ok(Math.abs(own - end) < 1e-5, `${own} and ${end}`);
  });
});

Deno.test("taught() by ddpm says in the mean over the noise what the teacher says at once, where data are normal: no step gets longer", async () => {
  const lesson = { steps: 1, told: 2, t: 0.8, u: 0.6, v: 0.3 }, z = new Float32Array(LENGTH).fill(0.7);
  const noise = Float32Array.of(1.2, -0.4, 0.9, 2), teaching = { schedule, variant: "ddpm", solver: "ddpm" } as const;
  const of = (noise: Float32Array) => taught(z, nodes, [lesson], { ...teaching, teacher: bestDenoiser() }, noise);
  const there = await of(noise), opposite = await of(noise.map((value) => -value));
  const [said] = await bestDenoiser().predict(z, { batch: 1, nodes }, { time: 0.8 });
  there.forEach((x, i) => {
    assert.ok(Math.abs((x + opposite[i]) / 2 - said) < 1e-6);
    assert.ok(Math.abs(x - opposite[i]) > 0.01, "each by itself depends on its noise");
  });
});

Deno.test("taught() of classes gives probabilities where a solver's share leads out of them", async () => {
  const space = { vectors: 1, scalars: 2, pairs: 2 }, nodes = 2, length = nodes * 5 + nodes * nodes * 2;
  /** Sure of one class at first, of the other later. */
  const teacher = denoiserOf(() => 0);
  teacher.predict = (z, _, conditions) => {
    const [{ time }] = conditions as { time: number }[], x = new Float32Array(z.length), sure = time > 0.3 ? 1 : 0;
    for (const at of [3, 8, 12, 14]) x[at + sure] = ONE_HOT;
    return Promise.resolve(x);
  };
  const lesson = { steps: 1, told: 2, t: 0.35, u: 0.25, v: 0.05 }, z = new Float32Array(length);
  const teaching = { teacher, schedule, variant: "ddim", solver: "dpm-solver++" } as const;
  const free = await taught(z, nodes, [lesson], teaching);
  assert.ok(free.some((value) => value < -0.1), "the share leads out");
  const bound = await taught(z, nodes, [lesson], { ...teaching, classes: space });
  for (const at of [3, 8, 12, 14]) {
    assert.ok(bound[at] >= 0 && bound[at + 1] >= 0 && Math.abs(bound[at] + bound[at + 1] - ONE_HOT) < 1e-6);
  }
  assert.deepEqual([...bound.subarray(10, 12), ...bound.subarray(16)], [0, 0, 0, 0], "nothing on the diagonal");
  const kept = Float32Array.of(1, 2, 3, 0.3 * ONE_HOT, 0.7 * ONE_HOT), before = kept.slice();
  toProbabilities(kept, { vectors: 1, scalars: 2, pairs: 0 }, 1);
  kept.forEach((value, i) => assert.ok(Math.abs(value - before[i]) < 1e-6));
});

Deno.test("callsOf() is what taught() takes", async () => {
  for (const solver of ["ddim", "heun", "dpm-solver++"] as const) {
    const teacher = denoiserOf(smooth);
    await taught(latents(STEPS), nodes, lessonsOf(STEPS), { teacher, schedule, variant: "ddim", solver });
    assert.equal(teacher.asked / STEPS, callsOf(solver, STEPS));
  }
});

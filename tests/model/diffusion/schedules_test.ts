import assert from "node:assert/strict";
import { readSafetensors } from "../../../model/diffusion/safetensors.ts";
import { cosineSchedule, makeSchedule, polynomialSchedule, timeAtLogSnr } from "../../../model/diffusion/schedules.ts";

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../shared", import.meta.url).pathname;
const expected = `${shared}/reference/geoldm_tiny/expected.safetensors`;
const present = await Deno.stat(expected).then(() => true, () => false);

Deno.test({
  name: "polynomialSchedule() agrees with GeoLDM's gamma, alpha and sigma",
  ignore: !present,
  fn() {
    const reference = readSafetensors(Deno.readFileSync(expected)), schedule = polynomialSchedule({ timesteps: 8 });
    const of = (name: string) => reference.get(name)!.data;
    for (let i = 0; i <= 8; i++) {
      const { alpha, sigma, logSnr } = schedule(i / 8);
      assert.ok(Math.abs(-logSnr - of("gamma_t")[i]) < 2e-6 * Math.abs(logSnr));
      assert.ok(Math.abs(alpha - of("alpha_t")[i]) < 1e-6 * alpha);
      assert.ok(Math.abs(sigma - of("sigma_t")[i]) < 1e-6 * sigma);
    }
  },
});

for (
  const [name, schedule] of [
    ["cosineSchedule()", cosineSchedule()],
    ["cosineSchedule() of factor 1", cosineSchedule({ factor: 1 })],
    ["polynomialSchedule()", polynomialSchedule()],
    [
      "polynomialSchedule() of 8 timesteps",
      makeSchedule({ type: "polynomial", power: 2, precision: 1e-5, timesteps: 8 }),
    ],
  ] as const
) {
  Deno.test(`${name} preserves variance, falls, and its log-SNR is that of alpha and sigma`, () => {
    let before = Infinity;
    for (let i = 1; i <= 777; i++) {
      const { alpha, sigma, logSnr } = schedule(i / 777);
      assert.ok(Math.abs(alpha * alpha + sigma * sigma - 1) < 1e-12);
      assert.ok(Math.abs(logSnr - 2 * Math.log(alpha / sigma)) < 1e-7 * Math.max(1, Math.abs(logSnr)));
      assert.ok(logSnr < before);
      before = logSnr;
    }
  });

  Deno.test(`timeAtLogSnr() inverts ${name}`, () => {
    for (let i = 1; i < 50; i++) {
      const t = (i / 50) ** 2;
      assert.ok(Math.abs(timeAtLogSnr(schedule, schedule(t).logSnr) - t) < 1e-10);
    }
    assert.equal(timeAtLogSnr(schedule, Infinity), 0);
    assert.equal(timeAtLogSnr(schedule, -1e3), 1);
  });
}

Deno.test("cosineSchedule() has clean data at 0 and alpha above 0 at 1", () => {
  const schedule = cosineSchedule();
  assert.deepEqual(schedule(0), { alpha: 1, sigma: 0, logSnr: Infinity });
  assert.ok(Math.abs(schedule(1).alpha - Math.cos(Math.PI / 2 * 0.9995)) < 1e-15);
  assert.ok(schedule(1).alpha > 7e-4);
});

Deno.test("polynomialSchedule() follows (1 - 2s)(1 - t^2)^2 + s at whole times, unclipped but for the last", () => {
  const schedule = polynomialSchedule(), s = 1e-5;
  for (const i of [0, 1, 63, 500, 999]) {
    const expected = (1 - 2 * s) * (1 - (i / 1000) ** 2) ** 2 + s;
    assert.ok(Math.abs(schedule(i / 1000).alpha ** 2 / expected - 1) < 1e-11);
  }
  const clipped = (1 - 2 * s) * 0.001 * (1 - 0.999 ** 2) ** 2 + s;
  assert.ok(Math.abs(schedule(1).alpha ** 2 / clipped - 1) < 1e-11);
});

Deno.test("polynomialSchedule() between whole times lies between their log-SNRs, evenly", () => {
  const schedule = polynomialSchedule(), low = schedule(0.062).logSnr, high = schedule(0.063).logSnr;
  assert.ok(Math.abs(schedule(1 / 16).logSnr - (low + high) / 2) < 1e-9);
});

Deno.test("schedules refuse times outside [0, 1] and impossible options", () => {
  for (const t of [-0.1, 1.01, NaN]) {
    assert.throws(() => cosineSchedule()(t), /a time must be 0 \(data\) to 1 \(noise\); got/);
    assert.throws(() => polynomialSchedule()(t), /a time must be 0 \(data\) to 1 \(noise\); got/);
  }
  assert.throws(() => cosineSchedule({ factor: 0 }), /factor must be above 0 and at most 1; got 0/);
  assert.throws(() => polynomialSchedule({ timesteps: 2.5 }), /timesteps must be a positive integer; got 2.5/);
  assert.throws(() => polynomialSchedule({ precision: 0.5 }), /precision must be above 0 and below 0.5; got 0.5/);
  assert.throws(() => polynomialSchedule({ power: -1 }), /power must be above 0; got -1/);
});

import assert from "node:assert/strict";
import { applyStep, planSampling } from "../../../model/diffusion/samplers/mod.ts";
import { callsOfSolver, FLOW_SOLVERS, type FlowSolver, solverStep } from "../../../model/distillation/solvers.ts";
import { schedule } from "./one_number.ts";

/** Normal data of this deviation: E[x | z] is linear in z, and the probability flow keeps z over its own deviation. */
const DEVIATION = 0.5;

const deviationAt = (time: number) => Math.hypot(schedule(time).alpha * DEVIATION, schedule(time).sigma);

const estimate = (z: number, time: number) => schedule(time).alpha * (DEVIATION / deviationAt(time)) ** 2 * z;

/** Where a step of the solver leads from 1, less where the flow leads. */
function errorOf(solver: FlowSolver, t: number, s: number): number {
  const z = Float32Array.of(1), earlier: Float32Array[] = [], calls = solverStep(solver, schedule, t, s);
  assert.equal(calls.length, callsOfSolver(solver));
  for (const call of calls) {
    const x0 = Float32Array.of(estimate(z[0], call.t));
    applyStep(call, z, x0, () => assert.fail("no noise"), earlier);
    earlier.unshift(x0);
  }
  return Math.abs(z[0] - deviationAt(s) / deviationAt(t));
}

Deno.test("solverStep() follows the probability flow of normal data: its error falls by its order as intervals are halved", () => {
  for (const [solver, least, most] of [["ddim", 3.6, 4.5], ["heun", 7, 10], ["dpm-solver++", 7, 10]] as const) {
    const whole = errorOf(solver, 0.7, 0.5), ratio = whole / errorOf(solver, 0.7, 0.6);
    assert.ok(ratio > least && ratio < most, `${solver}: ${ratio}`);
    assert.ok(whole < (solver === "ddim" ? 0.06 : 0.02), `${solver}: ${whole}`);
  }
});

Deno.test("solverStep() of ddim and heun is that of the samplers of their names, and that of dpm-solver++ asks in the middle", () => {
  const step = (
    { t, z, x0, noise, before = [] }: ReturnType<typeof solverStep>[number],
  ) => [t, z, x0, noise, ...before];
  const grid = Float64Array.of(0.8, 0.6, 0.3, 0.1, 0);
  const [euler] = planSampling("ddim", schedule, grid);
  assert.deepEqual(solverStep("ddim", schedule, 0.8, 0.6).map(step), [step(euler)]);
  const heun = planSampling("heun", schedule, grid).slice(0, 2);
  assert.deepEqual(solverStep("heun", schedule, 0.8, 0.3).map(step), heun.map(step));
  const [, { t }] = solverStep("dpm-solver++", schedule, 0.8, 0.3);
  const { logSnr } = schedule(t), ends = schedule(0.8).logSnr + schedule(0.3).logSnr;
  assert.ok(Math.abs(2 * logSnr - ends) < 1e-9);
  assert.deepEqual(FLOW_SOLVERS.map(callsOfSolver), [1, 2, 2]);
});

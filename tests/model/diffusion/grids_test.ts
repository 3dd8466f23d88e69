import assert from "node:assert/strict";
import {
  gridAtSteps,
  type GridSpec,
  gridSpec,
  logSnrGrid,
  makeGrid,
  powerGrid,
  uniformGrid,
} from "../../../model/diffusion/grids.ts";
import { cosineSchedule, polynomialSchedule } from "../../../model/diffusion/schedules.ts";

const schedules = [cosineSchedule(), polynomialSchedule(), polynomialSchedule({ timesteps: 8 })];
const specs: GridSpec[] = [
  { type: "uniform" },
  { type: "logSnr", last: 9 },
  { type: "logSnr", last: 100 },
  { type: "logSnr", first: -6, last: 5 },
  { type: "power", rho: 0.5 },
  { type: "power", rho: 3 },
];

Deno.test("makeGrid() falls strictly from 1 to 0 in as many steps as asked", () => {
  for (const schedule of schedules) {
    for (const spec of specs) {
      for (const steps of [1, 2, 3, 16, 200]) {
        const grid = makeGrid(spec, steps, schedule), label = `${JSON.stringify(spec)} ${steps}`;
        assert.equal(grid.length, steps + 1, label);
        assert.deepEqual([grid[0], grid[steps]], [1, 0], label);
        for (let i = 0; i < steps; i++) assert.ok(grid[i + 1] < grid[i], `${label} at ${i}: ${grid}`);
      }
    }
  }
});

Deno.test("uniformGrid() and powerGrid() hold the times that their formulas give", () => {
  assert.deepEqual([...uniformGrid(4)], [1, 0.75, 0.5, 0.25, 0]);
  assert.deepEqual([...powerGrid(4, 2)], [1, 0.5625, 0.25, 0.0625, 0]);
  assert.deepEqual(powerGrid(7, 1), uniformGrid(7));
});

Deno.test("logSnrGrid() sets its calls at even log-SNRs between the ends", () => {
  for (const schedule of schedules) {
    const grid = logSnrGrid(11, schedule, { last: 8 }), low = schedule(1).logSnr;
    for (let i = 0; i <= 10; i++) {
      assert.ok(Math.abs(schedule(grid[i]).logSnr - (low + (8 - low) * i / 10)) < 1e-6);
    }
  }
  const [schedule] = schedules, grid = logSnrGrid(5, schedule, { first: -4, last: 4 });
  assert.deepEqual([grid[0], grid[5]], [1, 0]);
  for (let i = 1; i < 5; i++) assert.ok(Math.abs(schedule(grid[i]).logSnr - (-4 + 2 * i)) < 1e-9);
});

Deno.test("makeGrid() begins where a start is matched to the data, and goes on evenly in log-SNR", () => {
  for (const schedule of schedules) {
    const grid = makeGrid({ type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 6.5 }, 4, schedule);
    [0.5, 2.5, 4.5, 6.5].forEach((logSnr, i) => assert.ok(Math.abs(schedule(grid[i]).logSnr - logSnr) < 1e-6));
    assert.equal(grid[4], 0);
    const [only, end] = makeGrid({ type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 6.5 }, 1, schedule);
    assert.deepEqual([only, end], [grid[0], 0]);
  }
  assert.deepEqual(gridSpec.parse({ type: "logSnr", start: { logSnr: 1 } }), {
    type: "logSnr",
    start: { logSnr: 1, spread: 1 },
    last: 9,
  });
  assert.throws(() => gridSpec.parse({ type: "logSnr", start: { logSnr: 1 }, first: 0 }), /both `first` and `start`/);
});

Deno.test("gridAtSteps() gives grids whose times are every second one of twice the steps", () => {
  const [schedule] = schedules;
  const matched: GridSpec = { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 7 };
  for (
    const spec of [
      matched,
      { type: "logSnr", last: 7 } as const,
      ...specs.filter(({ type }) => type !== "logSnr"),
    ]
  ) {
    for (const steps of [1, 2, 4, 16]) {
      const twice = gridAtSteps(spec, 16, 2 * steps, schedule), fine = makeGrid(twice, 2 * steps, schedule);
      const own = makeGrid(gridAtSteps(spec, 16, steps, schedule), steps, schedule);
      for (let i = 0; i <= steps; i++) {
        assert.ok(
          Math.abs(own[i] - fine[2 * i]) < 1e-7,
          `${JSON.stringify(spec)} ${steps} ${i}`,
        );
      }
      const back = gridAtSteps(twice, 2 * steps, 16, schedule),
        ends = (of: GridSpec) => of.type === "logSnr" ? of.last : 0;
      assert.ok(Math.abs(ends(back) - ends(spec)) < 1e-7);
    }
  }
});

Deno.test("grids refuse what has no meaning", () => {
  for (const steps of [0, -1, 2.5, NaN]) {
    assert.throws(() => uniformGrid(steps), /steps of a grid must be a positive integer; got/);
    assert.throws(() => powerGrid(steps, 2), /steps of a grid must be a positive integer; got/);
    assert.throws(() => logSnrGrid(steps, schedules[0]), /steps of a grid must be a positive integer; got/);
  }
  assert.throws(() => powerGrid(4, 0), /rho of a power grid must be above 0; got 0/);
  assert.throws(() => logSnrGrid(4, schedules[0], { first: 3, last: 2 }), /must rise from first to last; got 3 to 2/);
  assert.throws(() => gridSpec.parse({ type: "power", rho: 2, steps: 3 }), /unknown key steps; allowed are type, rho/);
});

import assert from "node:assert/strict";
import type { Card } from "../../../model/models/card.ts";
import { autoguidanceFor, chooseSettings, NotDistilledError, startsOf } from "../../../model/models/settings.ts";

const student = (steps: number) => ({
  steps,
  file: "s.safetensors",
  levels: 0,
  variant: "ddim" as const,
  teacher: "m",
  version: "1",
  grid: { type: "uniform" as const },
  options: {},
  clamp: 0,
});
const card: Pick<Card, "name" | "distilled" | "recommended" | "autoencoder"> = {
  name: "m",
  autoencoder: { type: "heavy-atom", classes: [[6, 3]], scale: 1.6, oneHot: 0.5, decoding: "argmax" },
  distilled: [student(8), student(4)],
  recommended: [
    { steps: 8, sampler: "ddim", grid: { type: "uniform" }, options: {}, clamp: 0 },
    { steps: 32, sampler: "consistency", grid: { type: "power", rho: 2 }, options: {}, clamp: 0.2 },
    { steps: 128, sampler: "ancestral", grid: { type: "uniform" }, options: { gamma: 0.3 }, clamp: 0 },
  ],
};

Deno.test("chooseSettings() takes distilled weights when the model has them for these steps", () => {
  assert.equal(chooseSettings(card, 8).sampler, "distilled");
  assert.equal(chooseSettings(card, 8, "ddim").sampler, "ddim");
  const own = { ...card, distilled: [{ ...student(8), options: { gamma: 1 } }] };
  assert.deepEqual(chooseSettings(own, 8).options, { gamma: 1 }, "sampled as it has learned");
  assert.throws(() => chooseSettings(card, 5, "distilled"), (error) => {
    assert.ok(error instanceof NotDistilledError);
    assert.deepEqual(error.available, [4, 8]);
    return true;
  });
});

Deno.test("chooseSettings() takes what the card recommends nearest to the steps, by ratio", () => {
  assert.deepEqual(chooseSettings(card, 15), {
    sampler: "ddim",
    algorithm: "ddim",
    steps: 15,
    grid: { type: "uniform" },
    options: {},
    decoding: "argmax",
    clamp: 0,
  });
  assert.equal(chooseSettings(card, 17).sampler, "consistency");
  assert.deepEqual(chooseSettings(card, 1000).options, { gamma: 0.3 });
});

Deno.test("chooseSettings() gives a sampler asked for by name its own recommended grid", () => {
  assert.deepEqual(chooseSettings(card, 128, "consistency").grid, { type: "power", rho: 2 });
  assert.deepEqual(chooseSettings(card, 128, "dpm-solver++").grid, { type: "uniform" });
  assert.deepEqual(chooseSettings(card, 128, "ancestral", { options: { gamma: 1 } }).options, { gamma: 1 });
});

Deno.test("chooseSettings() falls back to DDPM when the card recommends nothing", () => {
  assert.equal(chooseSettings({ ...card, recommended: [] }, 16).sampler, "ddpm");
  assert.throws(() => chooseSettings(card, 0), /steps must be a positive integer; got 0/);
});

Deno.test("chooseSettings() takes grid, start and clamp between two entries in proportion to the logarithm of the steps", () => {
  const entry = (
    steps: number,
    logSnr: number,
    last: number,
    clamp: number,
    options: Record<string, unknown> = { after: 2 },
  ) => ({
    steps,
    sampler: "consistency" as const,
    grid: { type: "logSnr" as const, start: { logSnr, spread: 1 }, last },
    options,
    clamp,
  });
  const recommended = [entry(4, 1, 5, 0.5, { after: 3 }), entry(16, 0, 7, 0.3, { after: 1 }), entry(64, 0, 9, 0.3, {})];
  const between = { ...card, distilled: [], recommended };
  const { grid, options, clamp, sampler, steps } = chooseSettings(between, 8);
  assert.deepEqual({ grid, options, clamp, sampler, steps }, { ...entry(8, 0.5, 6, 0.4) });
  assert.deepEqual(chooseSettings(between, 16).grid, recommended[1].grid);
  // Beyond the ends, and between entries with other options: the nearest.
  assert.deepEqual(chooseSettings(between, 2).grid, recommended[0].grid);
  assert.deepEqual(chooseSettings(between, 20).grid, recommended[1].grid);
  assert.deepEqual(chooseSettings(between, 900).options, {});
  const order = (steps: number, order: number) => ({
    steps,
    sampler: "dpm-solver++" as const,
    grid: { type: "uniform" as const },
    options: { order },
    clamp: 0,
  });
  assert.deepEqual(chooseSettings({ ...between, recommended: [order(8, 1), order(32, 2)] }, 17).options, { order: 2 });
  // Even steps are the power 1.
  const powers = [
    { steps: 8, sampler: "ddim" as const, grid: { type: "power" as const, rho: 3 }, options: {}, clamp: 0 },
    { steps: 32, sampler: "ddim" as const, grid: { type: "uniform" as const }, options: {}, clamp: 0 },
  ];
  assert.deepEqual(chooseSettings({ ...between, recommended: powers }, 16).grid, { type: "power", rho: 2 });
  const even = powers.map((entry) => ({ ...entry, grid: { type: "uniform" as const } }));
  assert.deepEqual(chooseSettings({ ...between, recommended: even }, 16).grid, { type: "uniform" });
});

Deno.test("startsOf() gives starts where a grid has one, of the moments of the nearest size", () => {
  const moments = (deviation: number) => ({
    vectors: [deviation],
    scalars: [[0.5, 0.1]] as [number, number][],
    pairs: [],
  });
  const space = { vectors: 1, scalars: 1, pairs: 0 }, latents = { "3": moments(1), "9": moments(2) };
  const first = { alpha: 0.8, sigma: 0.6 }, grid = { type: "logSnr" as const, last: 5 };
  assert.equal(startsOf({ latents, space }, grid, first)(3), undefined);
  const startOf = startsOf({ latents, space }, { ...grid, start: { logSnr: 0, spread: 0.5 } }, first);
  assert.deepEqual([...startOf(8)!.spread.subarray(0, 4)], [1, 1, 1, Math.fround(0.05)]);
  assert.deepEqual([...startOf(4)!.mean.subarray(0, 4)], [0, 0, 0, 0.5]);
  assert.equal(startOf(4)!.spread[0], 0.5);
});

Deno.test("chooseSettings() takes the card's guidance by the weaker self, in proportion between two of its step counts, and what is asked before it", () => {
  const grid = { type: "uniform" as const }, entry = { sampler: "ddim" as const, grid, options: {}, clamp: 0 };
  const guided = {
    ...card,
    recommended: [{ ...entry, steps: 2 }, { ...entry, steps: 32, autoguidance: 1.4 }, {
      ...entry,
      steps: 128,
      autoguidance: 2,
    }],
  };
  assert.equal(chooseSettings(guided, 32).autoguidance, 1.4);
  assert.equal(chooseSettings(guided, 64).autoguidance, 1.7);
  assert.equal(chooseSettings(guided, 64, undefined, { autoguidance: 3 }).autoguidance, 3);
  assert.equal(chooseSettings(guided, 8, "ddim").autoguidance, 1.2);
  for (
    const settings of [
      chooseSettings(guided, 2),
      chooseSettings(guided, 8),
      chooseSettings(guided, 32, undefined, { autoguidance: 1 }),
    ]
  ) {
    assert.equal("autoguidance" in settings, false, "neither where the card has none, nor for students, nor at 1");
  }
  assert.equal(autoguidanceFor(guided, { steps: 64 }), 1.7);
  assert.equal(autoguidanceFor(guided, { steps: 8 }), undefined);
  assert.equal(autoguidanceFor(guided, { steps: 8, autoguidance: 2 }), 2);
  assert.equal(autoguidanceFor(guided, { steps: 5, sampler: "distilled" }), undefined, "which is refused later");
});

import assert from "node:assert/strict";
import type { Card } from "../../model/card.ts";
import { chooseSettings, NotDistilledError } from "../../model/settings.ts";

const student = (steps: number) => ({
  steps,
  file: "s.safetensors",
  levels: 0,
  variant: "ddim" as const,
  teacher: "m",
  version: "1",
  grid: { type: "uniform" as const },
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
  assert.throws(() => chooseSettings(card, 0), /steps must be a positive integer, not 0/);
});

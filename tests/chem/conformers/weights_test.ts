import assert from "node:assert/strict";
import { boltzmannWeights, GAS_CONSTANT, resampled } from "../../../chem/conformers/weights.ts";

Deno.test("boltzmannWeights() add up to 1 and follow exp(-dE / RT), whatever the energies count from", () => {
  const energies = [3, 1.2, 0.4, 9], temperature = 310;
  for (const shift of [0, -5000]) {
    const weights = boltzmannWeights(energies.map((energy) => energy + shift), temperature);
    assert.ok(Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-12);
    for (const [k, weight] of weights.entries()) {
      const expected = Math.exp(-(energies[k] - energies[0]) / (GAS_CONSTANT * temperature));
      assert.ok(Math.abs(weight / weights[0] / expected - 1) < 1e-9);
    }
  }
  // At room temperature 1.364 kcal/mol are a factor of ten.
  const [low, high] = boltzmannWeights([0, 1.3643], 298.15);
  assert.ok(Math.abs(low / high - 10) < 0.01);
});

Deno.test("resampled() draws each as often as its weight says, to the spread of such draws, and by the seed alone", () => {
  const weights = [0.7, 0.25, 0.05, 0], n = 20_000, times = resampled(weights, n, 7);
  assert.equal(times.reduce((a, b) => a + b), n);
  for (const [k, p] of weights.entries()) assert.ok(Math.abs(times[k] - n * p) <= 4.5 * Math.sqrt(n * p * (1 - p)));
  assert.deepEqual(resampled(weights, n, 7), times);
  assert.notDeepEqual(resampled(weights, n, 8), times);
});

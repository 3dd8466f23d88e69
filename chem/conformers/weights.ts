/** How likely conformers are at a temperature. */
import { mersenneTwister } from "../numpy_permutation.ts";

/** The gas constant, kcal/mol/K (CODATA 2018, 8.314462618 J/mol/K, at 4184 J a kcal). */
export const GAS_CONSTANT = 8.314462618 / 4184;

/**
 * Boltzmann's weights exp(-(E - E0) / RT), which add up to 1.
 *
 * @param energies kcal/mol
 * @param temperature K
 */
export function boltzmannWeights(energies: readonly number[], temperature: number): number[] {
  const least = Math.min(...energies);
  const raw = energies.map((energy) => Math.exp((least - energy) / (GAS_CONSTANT * temperature)));
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((weight) => weight / sum);
}

/** How often each comes up in so many draws with these weights, with replacement. */
export function resampled(weights: readonly number[], count: number, seed: number): number[] {
  const next = mersenneTwister(seed), times = weights.map(() => 0);
  for (let draw = 0; draw < count; draw++) {
    let left = next() / 2 ** 32, k = 0;
    while (k < weights.length - 1 && left >= weights[k]) left -= weights[k++];
    times[k]++;
  }
  return times;
}

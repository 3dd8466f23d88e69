/**
 * Positions that keep to distance bounds, by stochastic proximity embedding (Agrafiotis, "Stochastic proximity embedding", J. Comput. Chem. 24, 1215, 2003; for conformers: Xu,
 * Izrailev and Agrafiotis, J. Chem. Inf. Comput. Sci. 43, 1186, 2003): atoms anywhere in a box, then pairs that lie outside of their bounds are moved
 * towards them, ever less.
 */
import type { DistanceBounds } from "./bounds.ts";

/** Sweeps over all pairs, and the share of what is missing that a pair is moved in the first and the last. */
const SWEEPS = 60, FIRST = 1, LAST = 0.05;

/**
 * Atoms that are many bonds apart end up near one another, as there is more room for that. So the lower bounds of all pairs with room are raised by a share of
 * it that is drawn for each embedding, up to this one: docs/conformers.md has what it gains. A pair has room where its bounds differ by this share of the lower one.
 */
const STRETCH = 0.5, ROOM = 0.5;

/**
 * Positions of one embedding, `[N, 3]`, centred, in the bounds' unit of length.
 *
 * @param uniform random numbers in (0, 1)
 */
export function embed(bounds: DistanceBounds, uniform: () => number): Float64Array {
  const { nodes: N, upper: widest } = bounds, { lower, upper } = turned(bounds, uniform);
  // A box as wide as the molecule at its longest.
  const side = Math.max(...widest.filter((most) => most < Infinity)),
    x = Float64Array.from({ length: 3 * N }, () => side * (uniform() - 0.5));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const rate = (FIRST + (LAST - FIRST) * sweep / (SWEEPS - 1)) / 2;
    for (let i = 1; i < N; i++) for (let j = 0; j < i; j++) pull(x, i, j, lower[i * N + j], upper[i * N + j], rate);
  }
  for (let axis = 0; axis < 3; axis++) {
    let mean = 0;
    for (let i = 0; i < N; i++) mean += x[3 * i + axis] / N;
    for (let i = 0; i < N; i++) x[3 * i + axis] -= mean;
  }
  return x;
}

/** The bounds, stretched, with a choice drawn for each bond that turns. */
function turned({ nodes: N, turns, ...bounds }: DistanceBounds, uniform: () => number) {
  const lower = bounds.lower.slice(), upper = bounds.upper.slice(), stretch = STRETCH * uniform();
  for (let pair = 0; pair < lower.length; pair++) {
    const room = upper[pair] - lower[pair];
    if (room > ROOM * lower[pair]) lower[pair] += stretch * room;
  }
  for (const { i, l, choices } of turns) {
    let left = uniform();
    const choice = choices.find(({ share }) => (left -= share) < 0);
    if (!choice) continue;
    lower[i * N + l] = lower[l * N + i] = choice.lower, upper[i * N + l] = upper[l * N + i] = choice.upper;
  }
  return { lower, upper };
}

/** Moves two atoms apart or together, each by `rate` of what is missing. */
function pull(x: Float64Array, i: number, j: number, least: number, most: number, rate: number): void {
  const [a, b, c] = [x[3 * i] - x[3 * j], x[3 * i + 1] - x[3 * j + 1], x[3 * i + 2] - x[3 * j + 2]];
  const d = Math.sqrt(a * a + b * b + c * c) || 1e-9, wanted = d < least ? least : d > most ? most : d;
  if (wanted === d) return;
  const by = rate * (wanted - d) / d;
  x[3 * i] += by * a, x[3 * i + 1] += by * b, x[3 * i + 2] += by * c;
  x[3 * j] -= by * a, x[3 * j + 1] -= by * b, x[3 * j + 2] -= by * c;
}

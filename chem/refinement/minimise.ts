/** The nearest minimum of a potential: L-BFGS (Liu and Nocedal 1989) with a backtracking line search. No chance, no clock: the same in, the same out. */
import type { Potential } from "./energy.ts";

/** When to end. */
export interface MinimiseOptions {
  /** Most steps. */
  readonly iterations: number;
  /** The largest component of the gradient at a minimum, kcal/mol/angstrom. */
  readonly tolerance: number;
  /** Steps that are remembered. Default 60: as many as the coordinates of a molecule of QM9. */
  readonly memory?: number;
}

/** Where it ended. */
export interface Minimised {
  readonly energy: number;
  readonly iterations: number;
  /** The gradient is below the tolerance. */
  readonly converged: boolean;
}

/** No coordinate moves farther in a step. Angstrom. */
const FARTHEST = 0.3;
/** The first step's largest move. */
const FIRST = 0.05;
/** A step must gain this part of what its slope promises. */
const SUFFICIENT = 1e-4;
/** Halvings of a step, or less, before it is given up. */
const TRIES = 12;

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

function largest(a: Float64Array): number {
  let most = 0;
  for (let k = 0; k < a.length; k++) most = Math.max(most, Math.abs(a[k]));
  return most;
}

interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly over: number;
}

/** The two-loop recursion: minus the inverse Hessian times the gradient, into `d`. */
function direction(g: Float64Array, pairs: readonly Pair[], d: Float64Array): void {
  for (let k = 0; k < g.length; k++) d[k] = -g[k];
  const parts = new Float64Array(pairs.length);
  for (let p = pairs.length - 1; p >= 0; p--) {
    const { s, y, over } = pairs[p], part = parts[p] = over * dot(s, d);
    for (let k = 0; k < d.length; k++) d[k] -= part * y[k];
  }
  const last = pairs.at(-1);
  const scale = last ? 1 / (last.over * dot(last.y, last.y)) : FIRST / Math.max(largest(g), 1e-12);
  for (let k = 0; k < d.length; k++) d[k] *= scale;
  for (let p = 0; p < pairs.length; p++) {
    const { s, y, over } = pairs[p], part = parts[p] - over * dot(y, d);
    for (let k = 0; k < d.length; k++) d[k] += part * s[k];
  }
}

/**
 * Moves `x`, in place, downhill. The energy never rises.
 *
 * @returns the energy there, and how it ended
 */
export function minimise(
  potential: Potential,
  x: Float64Array,
  { iterations: most, tolerance, memory = 60 }: MinimiseOptions,
): Minimised {
  const n = x.length, from = new Float64Array(n), d = new Float64Array(n);
  let g = new Float64Array(n), before = new Float64Array(n), pairs: Pair[] = [];
  let energy = potential(x, g), iterations = 0;
  while (iterations < most && largest(g) > tolerance) {
    direction(g, pairs, d);
    let slope = dot(d, g);
    if (!(slope < 0)) {
      pairs = [];
      direction(g, pairs, d);
      slope = dot(d, g);
    }
    const shrink = Math.min(1, FARTHEST / Math.max(largest(d), 1e-300));
    from.set(x);
    [g, before] = [before, g];
    let step = shrink, next = Infinity;
    for (let tries = 0; tries < TRIES; tries++) {
      for (let k = 0; k < n; k++) x[k] = from[k] + step * d[k];
      next = potential(x, g);
      if (next <= energy + SUFFICIENT * step * slope) break;
      // The minimum of the parabola through both energies and the slope, within a tenth and a half.
      const parabola = -0.5 * slope * step * step / (next - energy - slope * step);
      step *= Math.min(0.5, Math.max(0.1, Number.isFinite(next) ? parabola / step : 0));
      next = Infinity;
    }
    iterations++;
    if (next === Infinity) {
      x.set(from);
      [g, before] = [before, g];
      if (pairs.length === 0) break;
      pairs = [];
      continue;
    }
    const s = new Float64Array(n), y = new Float64Array(n);
    for (let k = 0; k < n; k++) s[k] = x[k] - from[k], y[k] = g[k] - before[k];
    const curvature = dot(s, y);
    if (curvature > 1e-10) {
      pairs.push({ s, y, over: 1 / curvature });
      if (pairs.length > memory) pairs.shift();
    }
    energy = next;
  }
  return { energy, iterations, converged: largest(g) <= tolerance };
}

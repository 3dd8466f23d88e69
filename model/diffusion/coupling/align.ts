/**
 * Noise that lies as the molecule lies: an equivariant optimal-transport coupling of noise and molecules (Klein, Krämer & Noé,
 * "Equivariant flow matching", 2023; Song et al., "Equivariant flow matching with hybrid probability transport", 2023;
 * Irwin et al., "SemlaFlow", 2024).
 *
 * A latent has no orientation and no order of its nodes, and neither has Gaussian noise. So for each pair the noise's positions may
 * be permuted between nodes, turned and mirrored until they lie closest to the molecule's; over all orientations and orders of the
 * molecule they stay standard normal, as the choice turns and permutes along with the pair. For one fixed molecule they
 * do not, and must not. All else of the noise (other vectors, scalars, pairs) stays as it was drawn.
 */
import { latentLength } from "../latent.ts";
import type { Realign } from "../samplers/step.ts";
import type { BatchShape, LatentSpace } from "../types.ts";
import { assign, assignmentRoom } from "./assignment.ts";
import { nearestOrthogonal, turnRoom } from "./turn.ts";

/** How training pairs noise and molecules: as they come, or with the noise aligned. */
export const COUPLINGS = ["independent", "aligned"] as const;

/** One of {@link COUPLINGS}. */
export type Coupling = typeof COUPLINGS[number];

/** Most rounds of assignment and turn. Each lowers the distance; the first two gain nearly all. */
export const ROUNDS = 3;

/** What is varied in comparisons; the defaults are what ships. */
export interface AlignOptions {
  /** Default 3. */
  readonly rounds?: number;
  /** Whether noise moves between nodes. Default true. */
  readonly permute?: boolean;
  /** How many of a node's vectors decide and move, the first ones. Default 1, the position. */
  readonly vectors?: number;
}

/** Molecules of n nodes in {@link PIECE} / n^2 take about two milliseconds. */
const PIECE = 8000;

/**
 * {@link realign} for a batch of one shape, as samplers of a network of this coupling ask for it; undefined where they don't.
 *
 * @param pause called every few molecules, so that the event loop can turn; without it all are aligned at once
 */
export function realigner(
  coupling: Coupling | undefined,
  space: LatentSpace,
  shape: BatchShape,
  pause?: () => Promise<void>,
): Realign | undefined {
  if (coupling !== "aligned") return undefined;
  if (!pause) return (z, x0, alpha) => realign(z, x0, space, shape, alpha);
  const { batch: all, nodes } = shape, length = latentLength(space, nodes);
  const piece = Math.max(1, Math.floor(PIECE / nodes ** 2));
  return async (z, x0, alpha) => {
    for (let from = 0; from < all; from += piece) {
      const batch = Math.min(piece, all - from), [start, end] = [from * length, (from + batch) * length];
      realign(z.subarray(start, end), x0.subarray(start, end), space, { batch, nodes }, alpha);
      await pause();
    }
  };
}

/**
 * Aligns the noise of a batch, in place: the positions of each molecule's noise e become R e permuted, with R orthogonal and the
 * permutation chosen in turn so that |x - R e|^2 falls, x the target's positions. Costs and sums are in double precision.
 *
 * @param noise normal of any size, positions centred, `[B, L]`
 * @param target what it is to lie close to, in any scale, `[B, L]`
 * @returns `noise`
 */
export function alignNoise(
  noise: Float32Array,
  target: Float32Array,
  space: LatentSpace,
  shape: BatchShape,
  options?: AlignOptions,
): Float32Array {
  realign(noise, target, space, shape, 0, options);
  return noise;
}

/**
 * Aligns what of z is not alpha x0 to x0, in place: noise to which alpha x0 has been added is aligned as by {@link alignNoise}.
 *
 * @param z `[B, L]`
 * @param x0 `[B, L]`
 */
export function realign(
  z: Float32Array,
  x0: Float32Array,
  space: LatentSpace,
  { batch, nodes: n }: BatchShape,
  alpha: number,
  { rounds = ROUNDS, permute = true, vectors = 1 }: AlignOptions = {},
): void {
  if (n < 2 || space.vectors === 0) return;
  const width = 3 * space.vectors + space.scalars, length = latentLength(space, n), own = 3 * vectors;
  const e = new Float64Array(own * n), x = new Float64Array(own * n), turned = new Float64Array(own * n);
  const cost = new Float64Array(n * n), columns = new Int32Array(n), order = new Int32Array(n);
  const h = new Float64Array(9), R = new Float64Array(9), assignment = assignmentRoom(n), turning = turnRoom();
  for (let b = 0; b < batch; b++) {
    const at = b * length;
    for (let i = 0; i < n; i++) {
      for (let a = 0; a < own; a++) {
        const k = at + i * width + a;
        x[own * i + a] = x0[k], e[own * i + a] = z[k] - alpha * x0[k];
      }
      order[i] = columns[i] = i;
    }
    R.fill(0);
    R[0] = R[4] = R[8] = 1;
    for (let round = 0; round < rounds; round++) {
      if (permute) {
        turn(R, e, turned);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            let sum = 0;
            for (let a = 0; a < own; a++) sum += x[own * i + a] * turned[own * j + a];
            cost[i * n + j] = -sum;
          }
        }
        assign(cost, n, columns, assignment);
        // The turn is the best for this order already.
        if (round > 0 && columns.every((column, i) => column === order[i])) break;
        order.set(columns);
      } else if (round > 0) break;
      h.fill(0);
      for (let i = 0; i < n; i++) {
        for (let v = 0; v < own; v += 3) {
          const to = own * i + v, from = own * order[i] + v;
          for (let a = 0; a < 3; a++) for (let c = 0; c < 3; c++) h[3 * a + c] += x[to + a] * e[from + c];
        }
      }
      nearestOrthogonal(h, R, turning);
    }
    turn(R, e, turned);
    for (let i = 0; i < n; i++) {
      for (let a = 0; a < own; a++) z[at + i * width + a] = alpha * x[own * i + a] + turned[own * order[i] + a];
    }
  }
}

/** out = R e, vector by vector. */
function turn(R: Float64Array, e: Float64Array, out: Float64Array): void {
  for (let j = 0; j < e.length; j += 3) {
    for (let a = 0; a < 3; a++) out[j + a] = R[3 * a] * e[j] + R[3 * a + 1] * e[j + 1] + R[3 * a + 2] * e[j + 2];
  }
}

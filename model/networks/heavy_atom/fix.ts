/**
 * Estimates with a given part put in. The part is a rigid body; a latent has no frame but that its positions are centred. So the body is laid
 * over the estimate of its own atoms, by the rotation and translation that leave the least squares (Kabsch, Acta Cryst. A32, 922, 1976), and
 * its atoms are put there: the estimate nearest to the network's in which the part is as given. As the two have one centroid, the whole stays
 * centred, and as the rotation turns along with the estimate, so does all that is drawn.
 */
import { nearestOrthogonal, times, timesTransposed, turnRoom } from "../../diffusion/coupling/turn.ts";
import type { FixedPart } from "../../diffusion/fixed.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { BatchShape } from "../../diffusion/types.ts";
import { ANGSTROM, AROMATIC, MAX_HYDROGENS, ONE_HOT } from "./space.ts";
import { farthest } from "./canonical_hydrogen.ts";

/**
 * What the sums of hydrogens' directions count beside positions where the part is laid over an estimate: next to nothing, so that they decide only
 * what positions leave open, as of two atoms the turn about their axis.
 */
const HYDROGENS_WEIGHT = 1e-3;

/** Below this much of a node's or a pair's features in all, those that are let in are taken for equally likely. */
const NOTHING = 1e-6;

/** What fixes a part in latents of one space. */
export interface FixSpace {
  /** Number of classes. */
  readonly classes: number;
  /** Features of a pair: `ordersOf`. */
  readonly features: number;
}

/** Where a part lies in a latent. */
interface Place {
  /** `[3, 3]`, row-major: takes the part's vectors to the latent's. */
  readonly R: Float64Array;
  /** Mean of its nodes' positions, `[3]`. */
  readonly centre: Float64Array;
}

/** Numbers of a node, and of a molecule of so many. */
const sizesOf = ({ classes, features }: FixSpace, nodes: number) => ({
  width: 9 + classes,
  length: latentLength({ vectors: 3, scalars: classes, pairs: features }, nodes),
});

/** Sums of the unit vectors to each node's hydrogens, `[M, 3]`. */
function hydrogenSums({ nodes, hydrogens }: FixedPart): Float64Array {
  const sums = new Float64Array(3 * nodes);
  for (let k = 0; k < hydrogens.length; k++) sums[3 * Math.floor(k / (3 * MAX_HYDROGENS)) + k % 3] += hydrogens[k];
  return sums;
}

/** The unit vectors to a node's hydrogens, `[hydrogens, 3]`. */
function hydrogensOf({ hydrogens }: FixedPart, i: number): Float64Array {
  const own = hydrogens.subarray(3 * MAX_HYDROGENS * i, 3 * MAX_HYDROGENS * (i + 1)),
    last = own.findLastIndex((v) => v !== 0);
  return own.subarray(0, 3 * Math.ceil((last + 1) / 3));
}

/** Whether the likeliest class of a node is that whose hydrogens are given. */
function isWhole(z: Float32Array, from: number, classes: number, whole: number): boolean {
  for (let k = 0; k < classes; k++) if (whole < 0 || z[from + k] > z[from + whole]) return false;
  return true;
}

/** Lays the part over its nodes in the latent at `z[at, ...)` whose nodes have `width` numbers. */
function placeOf(z: Float32Array, at: number, width: number, part: FixedPart, sums: Float64Array): Place {
  const { nodes: M, positions, whole } = part, centre = new Float64Array(3), h = new Float64Array(9);
  for (let i = 0; i < M; i++) for (let a = 0; a < 3; a++) centre[a] += z[at + i * width + a] / M;
  for (let i = 0; i < M; i++) {
    const node = at + i * width, weight = isWhole(z, node + 9, width - 9, whole[i]) ? HYDROGENS_WEIGHT : 0;
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) {
        h[3 * a + b] += (z[node + a] - centre[a]) * positions[3 * i + b] + weight * z[node + 3 + a] * sums[3 * i + b];
      }
    }
  }
  const R = new Float64Array(9);
  nearestOrthogonal(h, R, turnRoom(), { mirror: false });
  return { R, centre };
}

/** Leaves of features only those let in, at the same sum. */
function keep(z: Float32Array, from: number, count: number, may: (k: number) => boolean): void {
  let sum = 0, allowed = 0;
  for (let k = 0; k < count; k++) {
    if (!may(k)) z[from + k] = 0;
    else allowed++, sum += z[from + k] = Math.max(0, z[from + k]);
  }
  for (let k = 0; k < count; k++) {
    if (may(k)) z[from + k] = sum > NOTHING ? z[from + k] * ONE_HOT / sum : ONE_HOT / allowed;
  }
}

/**
 * Puts the part into latents `[B, L]`, in place: positions, classes and bonds that are let in, and hydrogens where the likeliest class has all that
 * were given. What is let in stays as likely, among itself, as it was.
 */
export function fixPart(
  x0: Float32Array,
  { batch, nodes: N }: BatchShape,
  part: FixedPart,
  space: FixSpace,
): void {
  const { classes: K, features: P } = space, { width, length } = sizesOf(space, N), { nodes: M, most } = part;
  const sums = hydrogenSums(part);
  for (let at = 0; at < batch * length; at += length) {
    for (let i = 0; i < M; i++) keep(x0, at + i * width + 9, K, (k) => part.classes[i * K + k] === 1);
    const { R, centre } = placeOf(x0, at, width, part, sums);
    const put = (to: number, v: Float64Array, from: number, origin: ArrayLike<number> = [0, 0, 0]) =>
      times(R, v.subarray(from, from + 3)).forEach((value, a) => x0[to + a] = value + origin[a]);
    // The part's centre, seen from the molecule's, in the part's own frame.
    const away = timesTransposed(R, centre);
    for (let i = 0; i < M; i++) {
      const node = at + i * width, own = hydrogensOf(part, i);
      put(node, part.positions, 3 * i, centre);
      if (!isWhole(x0, node + 9, K, part.whole[i])) continue;
      const outward = away.map((value, b) => part.positions[3 * i + b] + value);
      put(node + 3, sums, 3 * i);
      if (own.length > 0) put(node + 6, own, 3 * farthest(own, outward));
      else x0.fill(0, node + 6, node + 9);
    }
    const pairs = at + N * width;
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++) {
        if (i === j) continue;
        const may = j < M
          ? (k: number) => k === part.orders[i * M + j]
          : (k: number) => k === AROMATIC ? most[i] > 0 : k <= most[i];
        for (const pair of j < M ? [i * N + j] : [i * N + j, j * N + i]) keep(x0, pairs + pair * P, P, may);
      }
    }
  }
}

/** Angstrom between two heavy atoms that are bonded, about. */
const BOND = 1.5;

/**
 * Moves the nodes beside the part of draws `[B, L]` that sampling begins with, in place, and puts the part in: their centroid comes to lie off an atom that may
 * get bonds, where its hydrogens point to, as a ball of so many atoms would that touches it. Of such atoms it is the one nearest to which
 * the draw has put them. The model's own normal draws them all about one centre, the part's atoms among them.
 */
export function startAbout(x: Float32Array, shape: BatchShape, part: FixedPart, space: FixSpace): void {
  const { batch, nodes: N } = shape, { nodes: M, outward, positions, most } = part, F = N - M;
  const { width, length } = sizesOf(space, N);
  fixPart(x, shape, part, space);
  if (F === 0 || most.every((order) => order === 0)) return;
  const away = BOND / ANGSTROM * Math.cbrt(F), sums = hydrogenSums(part), sites: number[][] = [];
  for (let i = 0; i < M; i++) {
    if (most[i] > 0) sites.push([0, 1, 2].map((a) => positions[3 * i + a] + away * outward[3 * i + a]));
  }
  for (let at = 0; at < batch * length; at += length) {
    const { R, centre } = placeOf(x, at, width, part, sums);
    // As the whole is centred, the others' centroid is -M/F of the part's; seen from there, in the part's frame:
    const there = timesTransposed(R, centre).map((value) => -N / F * value);
    const off = (site: readonly number[]) => Math.hypot(...site.map((value, a) => value - there[a]));
    const [first, ...rest] = sites, site = rest.reduce((a, b) => off(b) < off(a) ? b : a, first);
    times(R, site.map((value, a) => value - there[a])).forEach((move, a) => {
      for (let i = 0; i < N; i++) x[at + i * width + a] += i < M ? -F / N * move : M / N * move;
    });
  }
}

/**
 * Turns and moves latents `[B, L]`, in place, so that the part's nodes lie in its own frame, its centroid at the origin. They are centred no
 * more.
 */
export function intoFrame(
  x0: Float32Array,
  { batch, nodes: N }: BatchShape,
  part: FixedPart,
  space: FixSpace,
): void {
  const { width, length } = sizesOf(space, N), sums = hydrogenSums(part);
  for (let at = 0; at < batch * length; at += length) {
    const { R, centre } = placeOf(x0, at, width, part, sums);
    for (let i = 0; i < N; i++) {
      for (let v = 0; v < 9; v += 3) {
        const from = at + i * width + v, seen = [0, 1, 2].map((a) => x0[from + a] - (v === 0 ? centre[a] : 0));
        x0.set(timesTransposed(R, seen), from);
      }
    }
  }
}

/** What every network here must keep to, asserted on small random input. Shared by the tests of all of them. */
import assert from "node:assert/strict";
import { at } from "./conditions.ts";
import type { Molecule } from "../chem/molecule.ts";
import { centre, drawNoise, latentLength } from "../model/diffusion/latent.ts";
import { type Random, random } from "../model/diffusion/random.ts";
import type { Autoencoder, BatchShape, LatentSpace } from "../model/diffusion/types.ts";
import type { Denoiser } from "../model/diffusion/denoiser.ts";

/** An orthogonal 3x3 matrix, row-major: a rotation, or a reflection where `reflect`. */
export function orthogonal(seed: number, reflect = false): number[] {
  const draw = random(seed, 0, 77), [a, b, c, d] = [0, 0, 0, 0].map(() => draw.normal());
  const s = 2 / (a * a + b * b + c * c + d * d), sign = reflect ? -1 : 1;
  return [
    1 - s * (c * c + d * d),
    s * (b * c - a * d),
    s * (b * d + a * c),
    s * (b * c + a * d),
    1 - s * (b * b + d * d),
    s * (c * d - a * b),
    s * (b * d - a * c),
    s * (c * d + a * b),
    1 - s * (b * b + c * c),
  ].map((value) => sign * value);
}

/** A permutation of 0..n-1 that is no symmetry of anything: 0 last, the rest in turn but for a swap. */
export function permutation(n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => (i + 1) % n);
  if (n > 3) [order[0], order[2]] = [order[2], order[0]];
  return order;
}

/** Random numbers that are all 0: the mean of what is drawn. */
export function noRandom(): Random {
  return {
    uniform: () => 0.5,
    normal: () => 0,
    integer: () => 0,
    fillNormal: (out, from = 0, to = out.length) => void out.fill(0, from, to),
    position: 0,
  };
}

/** Latents with every vector turned by `matrix`. */
export function turnLatents(z: Float32Array, space: LatentSpace, { batch, nodes }: BatchShape, matrix: number[]) {
  const out = z.slice(), length = latentLength(space, nodes), width = 3 * space.vectors + space.scalars;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < nodes; i++) {
      for (let v = 0; v < space.vectors; v++) {
        const at = b * length + i * width + 3 * v;
        for (let r = 0; r < 3; r++) {
          out[at + r] = matrix[3 * r] * z[at] + matrix[3 * r + 1] * z[at + 1] + matrix[3 * r + 2] * z[at + 2];
        }
      }
    }
  }
  return out;
}

/** Latents with node `order[i]` in place i, in every molecule. */
export function permuteLatents(z: Float32Array, space: LatentSpace, { batch, nodes }: BatchShape, order: number[]) {
  const out = z.slice(), length = latentLength(space, nodes), width = 3 * space.vectors + space.scalars;
  for (let b = 0; b < batch; b++) {
    const from = b * length, pairs = from + nodes * width, P = space.pairs;
    for (let i = 0; i < nodes; i++) {
      out.set(z.subarray(from + order[i] * width, from + (order[i] + 1) * width), from + i * width);
      for (let j = 0; j < nodes; j++) {
        const source = pairs + (order[i] * nodes + order[j]) * P;
        out.set(z.subarray(source, source + P), pairs + (i * nodes + j) * P);
      }
    }
  }
  return out;
}

/** Latents with every position moved by `by`. */
export function shiftLatents(z: Float32Array, space: LatentSpace, { batch, nodes }: BatchShape, by: number[]) {
  const out = z.slice(), length = latentLength(space, nodes), width = 3 * space.vectors + space.scalars;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < nodes; i++) {
      for (let axis = 0; axis < 3; axis++) out[b * length + i * width + axis] += by[axis];
    }
  }
  return out;
}

/** The largest difference relative to the largest expected value. */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(found.length, expected.length);
  let difference = 0, largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs(found[i] - expected[i]);
    difference = here >= difference ? here : Number.isNaN(here) ? Infinity : difference;
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return largest === 0 ? difference : difference / largest;
}

/** Asserts agreement to `tolerance` of the largest expected value. */
export function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string) {
  const error = relativeError(found, expected);
  assert.ok(error <= tolerance, `${what}: relative error ${error}, allowed ${tolerance}`);
}

/** How to test a denoiser. */
export interface DenoiserCase {
  readonly shape?: BatchShape;
  readonly t?: number;
  readonly seed?: number;
  /** Of the largest value. */
  readonly tolerance?: number;
}

/**
 * Asserts that a denoiser turns with its input (rotations and reflections), permutes with it, gives positions of zero
 * mean that do not depend on where the input stands, changes its input not at all, and treats each molecule by itself.
 */
export async function assertDenoiserSymmetries(denoiser: Denoiser, options: DenoiserCase = {}): Promise<void> {
  const { shape = { batch: 3, nodes: 6 }, t = 0.37, seed = 5, tolerance = 2e-4 } = options, { space } = denoiser;
  const { batch, nodes } = shape, length = latentLength(space, nodes);
  const z = drawNoise(space, shape, Array.from({ length: batch }, (_, b) => random(seed, b)));
  const predict = async (input: Float32Array, of = shape) => {
    const before = input.slice(), out = Float32Array.from(await denoiser.predict(input, of, at(t)));
    assert.deepEqual(input, before, "predict() must leave its input as it is");
    return out;
  };
  const x0 = await predict(z);
  assert.ok(x0.some((value, i) => Math.abs(value - z[i]) > 1e-3), "predict() must do something");
  assertClose(centre(x0.slice(), space, shape), x0, tolerance, "zero mean");
  for (const reflect of [false, true]) {
    const matrix = orthogonal(seed, reflect), turned = await predict(turnLatents(z, space, shape, matrix));
    assertClose(turned, turnLatents(x0, space, shape, matrix), tolerance, reflect ? "reflection" : "rotation");
  }
  const order = permutation(nodes);
  const permuted = await predict(permuteLatents(z, space, shape, order));
  assertClose(permuted, permuteLatents(x0, space, shape, order), tolerance, "permutation");
  const shifted = await predict(shiftLatents(z, space, shape, [0.4, -0.3, 0.2]));
  assertClose(centre(shifted, space, shape), x0, tolerance, "translation");
  const alone = await predict(z.slice(length, 2 * length), { batch: 1, nodes });
  assertClose(alone, x0.subarray(length, 2 * length), tolerance, "a molecule alone");
  const times = Float32Array.from({ length: batch }, (_, b) => b === 1 ? t : 0.9);
  const mixed = await denoiser.predict(z, shape, at(times));
  assertClose(mixed.subarray(length, 2 * length), x0.subarray(length, 2 * length), tolerance, "a time a molecule");
}

const mapPositions = (molecule: Molecule, map: (x: number, y: number, z: number) => number[]): Molecule => ({
  atomicNumbers: molecule.atomicNumbers,
  positions: Float32Array.from(
    Array.from(molecule.atomicNumbers).flatMap((_, i) =>
      map(...molecule.positions.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number])
    ),
  ),
});

/** A molecule turned by an orthogonal matrix. */
export function turnMolecule(molecule: Molecule, m: number[]): Molecule {
  return mapPositions(
    molecule,
    (x, y, z) => [0, 3, 6].map((row) => m[row] * x + m[row + 1] * y + m[row + 2] * z),
  );
}

/** A molecule with atom `order[i]` in place i. */
export function permuteMolecule({ atomicNumbers, positions }: Molecule, order: number[]): Molecule {
  return {
    atomicNumbers: Uint8Array.from(order, (i) => atomicNumbers[i]),
    positions: Float32Array.from(order.flatMap((i) => Array.from(positions.subarray(3 * i, 3 * i + 3)))),
  };
}

/** A molecule moved. */
export function shiftMolecule(molecule: Molecule, by: number[]): Molecule {
  return mapPositions(molecule, (x, y, z) => [x + by[0], y + by[1], z + by[2]]);
}

/**
 * Asserts that an autoencoder's latents turn and permute with the molecules and do not depend on where these stand, and
 * that what it decodes turns with the latents.
 *
 * @param molecules of one size
 */
export async function assertAutoencoderSymmetries(
  autoencoder: Autoencoder,
  molecules: readonly Molecule[],
  { seed = 6, tolerance = 2e-4 }: { seed?: number; tolerance?: number } = {},
): Promise<void> {
  const { space } = autoencoder, still = () => molecules.map(() => noRandom());
  const encode = async (of: readonly Molecule[]) => Float32Array.from(await autoencoder.encode(of, still()));
  const z = await encode(molecules);
  const heavy = Array.from(molecules[0].atomicNumbers).filter((number) => number > 1).length;
  const nodes = autoencoder.counts === "atoms" ? molecules[0].atomicNumbers.length : heavy;
  const shape = { batch: molecules.length, nodes };
  assert.equal(z.length, shape.batch * latentLength(space, nodes));
  assertClose(centre(z.slice(), space, shape), z, tolerance, "zero mean");
  const shifted = await encode(molecules.map((molecule) => shiftMolecule(molecule, [3, -2, 1])));
  assertClose(shifted, z, tolerance, "translation");
  const order = permutation(nodes);
  const permuted = await encode(molecules.map((molecule) => {
    // Hydrogens stay where they are in the order of atoms where a node is a heavy atom: their order may matter.
    const nodeAtoms = Array.from(molecule.atomicNumbers.keys()).filter((i) =>
      autoencoder.counts === "atoms" || molecule.atomicNumbers[i] > 1
    );
    const atoms = Array.from(molecule.atomicNumbers.keys());
    nodeAtoms.forEach((atom, i) => atoms[atom] = nodeAtoms[order[i]]);
    return permuteMolecule(molecule, atoms);
  }));
  assertClose(permuted, permuteLatents(z, space, shape, order), tolerance, "permutation");
  for (const reflect of [false, true]) {
    const matrix = orthogonal(seed, reflect), what = reflect ? "reflection" : "rotation";
    const turned = await encode(molecules.map((molecule) => turnMolecule(molecule, matrix)));
    assertClose(turned, turnLatents(z, space, shape, matrix), tolerance, `${what} when encoding`);
    const [plain, decoded] = await Promise.all([
      autoencoder.decode(z, shape, still()),
      autoencoder.decode(turnLatents(z, space, shape, matrix), shape, still()),
    ]);
    plain.forEach((molecule, b) => {
      assert.deepEqual(decoded[b].atomicNumbers, molecule.atomicNumbers);
      const expected = turnMolecule(molecule, matrix).positions;
      assertClose(decoded[b].positions, expected, tolerance, `${what} when decoding`);
    });
  }
}

/**
 * Asserts that `gradient` is that of `value` at `at`, along `directions` random directions, by central differences.
 *
 * @param tolerance relative to the largest derivative along the directions
 */
export function assertGradient(
  value: (at: Float32Array) => number,
  gradient: Float32Array,
  at: Float32Array,
  { seed = 8, directions = 6, step = 1e-2, tolerance = 1e-2 } = {},
): void {
  assert.equal(gradient.length, at.length);
  const measured: number[] = [], expected: number[] = [];
  for (let k = 0; k < directions; k++) {
    const direction = new Float32Array(at.length);
    random(seed, k, 88).fillNormal(direction);
    const norm = Math.hypot(...direction);
    measured.push(
      (value(at.map((x, i) => x + step * direction[i] / norm)) -
        value(at.map((x, i) => x - step * direction[i] / norm))) /
        (2 * step),
    );
    expected.push(direction.reduce((sum, d, i) => sum + d / norm * gradient[i], 0));
  }
  assert.ok(expected.some((slope) => slope !== 0), "the gradient must not be zero");
  assertClose(measured, expected, tolerance, `gradient (measured ${measured}, given ${expected})`);
}

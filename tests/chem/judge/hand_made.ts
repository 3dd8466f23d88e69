/** Molecules made by hand whose geometry has a known answer. */
import type { Bond, Molecule } from "../../../chem/molecule.ts";
import { atomicNumberOf } from "../../../chem/elements.ts";

/** A molecule with its bonds. */
export interface Made {
  readonly molecule: Molecule;
  readonly bonds: Bond[];
}

type Atom = [symbol: string, x: number, y: number, z: number];

/** @param bonds i, j, order */
export function made(atoms: readonly Atom[], bonds: readonly [number, number, number][]): Made {
  return {
    molecule: {
      atomicNumbers: Uint8Array.from(atoms, ([symbol]) => atomicNumberOf(symbol)),
      positions: Float32Array.from(atoms.flatMap(([, ...place]) => place)),
    },
    bonds: bonds.map(([i, j, order]) => ({ i, j, order: order as Bond["order"] })),
  };
}

/** A graph alone: all atoms at the origin. */
export const graph = (symbols: string, bonds: readonly [number, number, number][]): Made =>
  made([...symbols].map((symbol): Atom => [symbol, 0, 0, 0]), bonds);

const RADIANS = Math.PI / 180;

/** Ethylene, or with `nitrogen` methanimine's like of two hydrogens less one, its ends turned against each other by so many degrees. */
export function ethylene(twist = 0): Made {
  const c = Math.cos(twist * RADIANS), s = Math.sin(twist * RADIANS);
  return made(
    [
      ["C", 0, 0, 0],
      ["C", 1.33, 0, 0],
      ["H", -0.56, 0.93, 0],
      ["H", -0.56, -0.93, 0],
      ["H", 1.89, 0.93 * c, 0.93 * s],
      ["H", 1.89, -0.93 * c, -0.93 * s],
    ],
    [[0, 1, 2], [0, 2, 1], [0, 3, 1], [1, 4, 1], [1, 5, 1]],
  );
}

/** Formamide with its amino group turned by so many degrees about C-N: carbon, nitrogen, oxygen, three hydrogens. */
export function formamide(twist = 0): Made {
  const c = Math.cos(twist * RADIANS), s = Math.sin(twist * RADIANS);
  return made(
    [
      ["C", 0, 0, 0],
      ["N", 1.36, 0, 0],
      ["O", -0.61, 1.06, 0],
      ["H", -0.55, -0.95, 0],
      ["H", 1.86, 0.87 * c, 0.87 * s],
      ["H", 1.86, -0.87 * c, -0.87 * s],
    ],
    [[0, 1, 1], [0, 2, 2], [0, 3, 1], [1, 4, 1], [1, 5, 1]],
  );
}

/** Benzene, its carbons by turns above and below the plane by so many angstrom. */
export function benzene(up = 0): Made {
  const at = (radius: number, k: number, z: number): [number, number, number] => [
    radius * Math.cos(k * 60 * RADIANS),
    radius * Math.sin(k * 60 * RADIANS),
    z,
  ];
  const six = [0, 1, 2, 3, 4, 5], z = (k: number) => k % 2 === 0 ? up : -up;
  return made(
    [...six.map((k): Atom => ["C", ...at(1.39, k, z(k))]), ...six.map((k): Atom => ["H", ...at(2.48, k, z(k))])],
    [
      ...six.map((
        k,
      ): [number, number, number] => [Math.min(k, (k + 1) % 6), Math.max(k, (k + 1) % 6), k % 2 === 0 ? 2 : 1]),
      ...six.map((k): [number, number, number] => [k, k + 6, 1]),
    ].sort((a, b) => a[0] - b[0] || a[1] - b[1]),
  );
}

/** Two methanes, carbon to carbon so far apart along x, hydrogens towards each other. */
export function methanes(apart: number): Made {
  const a = 1.09 / Math.sqrt(3), b = 1.09;
  const one = (x: number, side: number): Atom[] => [
    ["C", x, 0, 0],
    ["H", x + side * b, 0, 0],
    ["H", x - side * b / 3, 2 * a * Math.sqrt(2 / 3), 0],
    ["H", x - side * b / 3, -a * Math.sqrt(2 / 3), a * Math.SQRT2],
    ["H", x - side * b / 3, -a * Math.sqrt(2 / 3), -a * Math.SQRT2],
  ];
  const star = (c: number): [number, number, number][] => [1, 2, 3, 4].map((k) => [c, c + k, 1]);
  return made([...one(0, 1), ...one(apart, -1)], [...star(0), ...star(5)]);
}

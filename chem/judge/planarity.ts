/** How far sp2 atoms and aromatic rings are from flat. */
import { cross, dot, lengthOf, type Vector } from "../vectors.ts";
import { angleAt } from "./geometry.ts";
import { isSp2, type Structure } from "./structure.ts";

/** The worst over sp2 carbons with three neighbours: 360 minus the sum of the angles at it, degrees; null where there are none. */
export function pyramidality(structure: Structure): number | null {
  const { atomicNumbers, positions, neighbours } = structure;
  let worst: number | null = null;
  neighbours.forEach((around, atom) => {
    if (atomicNumbers[atom] !== 6 || around.length !== 3 || !isSp2(structure, atom)) return;
    const [a, b, c] = around.map(({ atom }) => atom), at = (p: number, q: number) => angleAt(positions, p, atom, q);
    worst = Math.max(worst ?? 0, 360 - at(a, b) - at(b, c) - at(c, a));
  });
  return worst;
}

/**
 * How far the atoms of a ring are from its mean plane at most, angstrom: the plane of Cremer & Pople (J. Am. Chem. Soc. 97, 1354, 1975, eqs. 5 to 9).
 *
 * @param ring atoms in order round it
 */
export function puckering(positions: Float32Array, ring: readonly number[]): number {
  const n = ring.length,
    centre = [0, 1, 2].map((k) => ring.reduce((sum, atom) => sum + positions[3 * atom + k], 0) / n);
  const from = ring.map((atom): Vector => [
    positions[3 * atom] - centre[0],
    positions[3 * atom + 1] - centre[1],
    positions[3 * atom + 2] - centre[2],
  ]);
  const weighted = (weight: (angle: number) => number): Vector => {
    const along = (k: number) => from.reduce((sum, r, place) => sum + r[k] * weight(2 * Math.PI * place / n), 0);
    return [along(0), along(1), along(2)];
  };
  const normal = cross(weighted(Math.sin), weighted(Math.cos)), length = lengthOf(normal);
  return length === 0 ? 0 : Math.max(...from.map((r) => Math.abs(dot(r, normal)) / length));
}

/** The worst {@link puckering} of the aromatic rings, angstrom; null where there are none. */
export function aromaticPuckering({ positions, rings, aromatic }: Structure): number | null {
  const own = rings.filter((ring) => ring.every((atom) => aromatic[atom] === 1));
  return own.length === 0 ? null : Math.max(...own.map((ring) => puckering(positions, ring)));
}

/** Van der Waals pairs: the buffered 14-7 potential's constants (Halgren, J. Am. Chem. Soc. 114, 7827, 1992; MMFF.II). */
import type { Typed } from "./lookup.ts";
import type { Dispersion } from "./tables.ts";

/** B and beta of the rule for distances, the factors of donors with acceptors, and the constant of Slater and Kirkwood's formula. */
const B = 0.2, BETA = 12, DONOR_DISTANCE = 0.8, DONOR_DEPTH = 0.5, SLATER_KIRKWOOD = 181.16;

/** The distance of least energy, angstrom, and the depth there, kcal/mol. */
function pairOf(a: Dispersion, b: Dispersion): [number, number] {
  const donor = a.bond === "donor" || b.bond === "donor", skew = (a.radius - b.radius) / (a.radius + b.radius);
  const distance = 0.5 * (a.radius + b.radius) * (1 + (donor ? 0 : B * (1 - Math.exp(-BETA * skew ** 2))));
  const depth = SLATER_KIRKWOOD * a.scale * b.scale * a.alpha * b.alpha /
    ((Math.sqrt(a.alpha / a.electrons) + Math.sqrt(b.alpha / b.electrons)) * distance ** 6);
  const bonded = donor && (a.bond === "acceptor" || b.bond === "acceptor");
  return bonded ? [distance * DONOR_DISTANCE, depth * DONOR_DEPTH] : [distance, depth];
}

/** All pairs that are three bonds or more apart, those of different fragments too: i, j, distance, depth. */
export function pairsOf({ graph: { neighbours }, types, tables }: Typed): number[][] {
  const pairs: number[][] = [], known = new Map<number, [number, number]>();
  for (const i of types.keys()) {
    const near = new Set([i, ...neighbours[i], ...neighbours[i].flatMap((next) => neighbours[next])]);
    for (let j = i + 1; j < types.length; j++) {
      if (near.has(j)) continue;
      const key = 128 * types[i] + types[j];
      let pair = known.get(key);
      if (!pair) {
        const a = tables.dispersion[types[i]], b = tables.dispersion[types[j]];
        if (!a || !b) throw new TypeError(`tables must have van der Waals rows of types ${types[i]} and ${types[j]}`);
        known.set(key, pair = pairOf(a, b));
      }
      pairs.push([i, j, ...pair]);
    }
  }
  return pairs;
}

/** MMFF94's partial charges (Halgren, J. Comput. Chem. 17, 520, 1996, "MMFF.II", and 616, "MMFF.V", eq. 15), and what pairs of them come to. */
import { formalCharges } from "./formal_charges.ts";
import { bondType, propertyOf, type Typed } from "./lookup.ts";
import type { ChargeShare } from "./tables.ts";

/** Two elementary charges at an angstrom, kcal/mol, and what is left of it between atoms three bonds apart (MMFF.I). */
const COULOMB = 332.0716, THREE_BONDS = 0.75;

function shareOf({ tables, types }: Typed, atom: number): ChargeShare {
  const share = tables.chargeShares[types[atom]];
  if (!share) throw new TypeError(`tables must have a charge increment of type ${types[atom]}; they do not`);
  return share;
}

/** The charge that an atom has from a neighbour: by the table of bonds, else the difference of both types' partial increments. */
function incrementFrom(typed: Typed, atom: number, next: number): number {
  const { types, tables: { bondCharges } } = typed, a = types[atom], b = types[next];
  const row = bondCharges.get(bondType(typed, atom, next), Math.min(a, b), Math.max(a, b));
  if (row) return a > b ? row[0] : -row[0];
  return shareOf(typed, atom).increment - shareOf(typed, next).increment;
}

/** The partial charge of each atom, elementary charges: its formal one, less what neighbours take of it, what it takes of theirs, and the increments of its bonds. */
export function partialCharges(typed: Typed): number[] {
  const formal = formalCharges(typed), { graph: { neighbours } } = typed;
  return formal.map((charge, atom) =>
    neighbours[atom].reduce(
      (sum, next) => sum + shareOf(typed, next).share * formal[next] + incrementFrom(typed, atom, next),
      (1 - propertyOf(typed, atom).neighbours * shareOf(typed, atom).share) * charge,
    )
  );
}

/** Of each van der Waals pair, the product of both charges as an energy, kcal/mol angstrom; less between atoms three bonds apart. */
export function coulombOf(typed: Typed, pairs: readonly (readonly number[])[]): number[][] {
  const charges = partialCharges(typed), { neighbours } = typed.graph;
  const near = (i: number, j: number) =>
    neighbours[i].some((a) => neighbours[a].some((b) => neighbours[b].includes(j)));
  return pairs.map(([i, j]) => [COULOMB * charges[i] * charges[j] * (near(i, j) ? THREE_BONDS : 1)]);
}

/** A given molecule, or some atoms of one, as the fixed part of latents. */
import { orderMatrix } from "../../../chem/bonds.ts";
import { type Chemistry, EDM, valencesOf } from "../../../chem/chemistry.ts";
import { symbolOf } from "../../../chem/elements.ts";
import type { Bond, Molecule } from "../../../chem/molecule.ts";
import type { FixedPart, GivenPart } from "../../diffusion/fixed.ts";
import type { HeavyAtomClass } from "../../diffusion/types.ts";
import { aromaticBonds } from "./aromatic.ts";
import { ANGSTROM, AROMATIC, bondSumsOf, classLabel, type LatentForm, MAX_HYDROGENS } from "./space.ts";

/** A molecule from a file. */
export interface GivenMolecule {
  readonly molecule: Molecule;
  readonly bonds: readonly Bond[];
}

/** Which of its atoms are fixed, by their places in it, in the order in which they are to come out. */
export interface FixedChoice {
  /** Heavy atoms. Default: all. */
  readonly atoms?: readonly number[];
  /** Of these, those that may get bonds to atoms outside. Default: all with a hydrogen to give. */
  readonly attach?: readonly number[];
}

/** A part that cannot be fixed; `field` is what of the choice is at fault: `molblock` the molecule. */
export class ImpossiblePartError extends RangeError {
  override readonly name = "ImpossiblePartError";
  constructor(readonly field: "molblock" | "atoms" | "attach", message: string) {
    super(message);
  }
}

/** A kept atom. */
interface Kept {
  readonly atom: number;
  readonly name: string;
  /** Hydrogens that it has where nothing is bonded to it but kept atoms. */
  readonly capacity: number;
  /** Of those, hydrogens that the molecule has as atoms, by their places. */
  readonly hydrogens: readonly number[];
  /** Where they point, and bonds that are cut; else away from its neighbours: a unit vector, or zeros. */
  readonly outward: readonly number[];
}

/**
 * The part of a molecule that is fixed. Hydrogens that an atom lacks up to the least valence that it can have are taken for there, and so is one for each order of a
 * bond that is cut. An atom that may get bonds has any number of hydrogens from none to that; others have just so many. Where an atom has so many, their directions
 * are as given if all of them are atoms of the molecule; else they are drawn.
 *
 * @param classes,chemistry,form of the model
 * @throws ImpossiblePartError
 */
export function fixedPart(
  given: GivenMolecule,
  { atoms, attach }: FixedChoice,
  classes: readonly HeavyAtomClass[],
  chemistry: Chemistry = EDM,
  form: LatentForm = {},
): GivenPart {
  const { molecule: { positions: x, charges }, bonds } = given, chosen = chosenAtoms(given, atoms);
  const kept = chosen.map((atom) => keptAtom(given, atom, chosen, classes, chemistry)), M = kept.length;
  const place = new Map(chosen.map((atom, k) => [atom, k])), within: Bond[] = [];
  for (const { i, j, order } of bonds) {
    const a = place.get(i), b = place.get(j);
    if (a !== undefined && b !== undefined) within.push({ i: Math.min(a, b), j: Math.max(a, b), order });
  }
  within.sort((a, b) => a.i - b.i || a.j - b.j);
  const open = openAtoms(kept, attach);
  const positions = new Float64Array(3 * M), hydrogens = new Float64Array(3 * MAX_HYDROGENS * M), mean = [0, 0, 0];
  chosen.forEach((atom) => mean.forEach((_, a) => mean[a] += x[3 * atom + a] / M));
  chosen.forEach((atom, k) => mean.forEach((m, a) => positions[3 * k + a] = (x[3 * atom + a] - m) / ANGSTROM));
  kept.forEach(({ atom, hydrogens: own }, k) =>
    own.forEach((h, n) => {
      const d = [0, 1, 2].map((a) => x[3 * h + a] - x[3 * atom + a]), length = Math.hypot(...d) || 1;
      d.forEach((value, a) => hydrogens[3 * (MAX_HYDROGENS * k + n) + a] = value / length);
    })
  );
  const may = kept.map(({ atom, capacity }) =>
    classes.map(([element, count, charge = 0]) =>
      element === given.molecule.atomicNumbers[atom] && charge === (charges?.[atom] ?? 0) &&
      (open.has(atom) ? count <= capacity : count === capacity)
    )
  );
  const part: FixedPart = {
    nodes: M,
    positions,
    hydrogens,
    whole: Int16Array.from(
      kept,
      ({ capacity, hydrogens: own }, k) =>
        own.length === capacity ? classes.findIndex(([, count], c) => may[k][c] && count === capacity) : -1,
    ),
    classes: Uint8Array.from(may.flat(), Number),
    orders: wordsOf(kept, within, may, classes, chemistry, form),
    outward: Float64Array.from(kept.flatMap(({ atom, outward }) => open.has(atom) ? outward : [0, 0, 0])),
    most: Uint8Array.from(kept, ({ atom, capacity }) => open.has(atom) ? Math.min(3, capacity) : 0),
  };
  const there = Float32Array.from(chosen.flatMap((atom) => [...x.subarray(3 * atom, 3 * atom + 3)]));
  return { part, atoms: { positions: there, bonds: within } };
}

/** The heavy atoms chosen, checked. */
function chosenAtoms({ molecule: { atomicNumbers: Z } }: GivenMolecule, atoms?: readonly number[]): number[] {
  const heavy = Array.from(Z.keys()).filter((atom) => Z[atom] > 1);
  if (heavy.length === 0) throw new ImpossiblePartError("molblock", "molblock must have a heavy atom; got none");
  if (!atoms) return heavy;
  for (const [k, atom] of atoms.entries()) {
    if (!(atom < Z.length)) {
      throw new ImpossiblePartError("atoms", `atoms must be indices from 0 to ${Z.length - 1}; got ${atom}`);
    }
    if (Z[atom] === 1) {
      throw new ImpossiblePartError(
        "atoms",
        `atoms must be heavy atoms, here ${heavy.join(", ")}; got ${atom}, a hydrogen: hydrogens go with their atoms`,
      );
    }
    if (atoms.indexOf(atom) !== k) throw new ImpossiblePartError("atoms", `atoms must differ; got ${atom} twice`);
  }
  return [...atoms];
}

/** What an atom can be in the model. */
function keptAtom(
  { molecule: { atomicNumbers: Z, positions: x, charges }, bonds }: GivenMolecule,
  atom: number,
  chosen: readonly number[],
  classes: readonly HeavyAtomClass[],
  chemistry: Chemistry,
): Kept {
  const element = Z[atom], charge = charges?.[atom] ?? 0, name = `atom ${atom} (${symbolOf(element)})`;
  const known = classes.filter(([e, , q = 0]) => e === element && q === charge);
  if (known.length === 0) {
    const got = charge === 0 ? name : `${name} of charge ${charge}`;
    throw new ImpossiblePartError(
      "molblock",
      `the model's heavy atoms must be one of ${classes.map(classLabel).join(" ")}; got ${got}`,
    );
  }
  const hydrogens: number[] = [], given = [0, 0, 0], away = [0, 0, 0];
  let total = 0, inside = 0;
  for (const { i, j, order } of bonds) {
    if (i !== atom && j !== atom) continue;
    const other = i === atom ? j : i;
    const stays = chosen.includes(other), d = [0, 1, 2].map((a) => x[3 * other + a] - x[3 * atom + a]);
    const length = Math.hypot(...d) || 1;
    d.forEach((value, a) => stays ? away[a] -= value / length : given[a] += value / length);
    total += order;
    if (Z[other] === 1) hydrogens.push(other);
    else if (stays) inside += order;
  }
  const valences = valencesOf(element, charge, chemistry), valence = valences.find((sum) => sum >= total);
  if (valence === undefined) {
    throw new ImpossiblePartError(
      "molblock",
      `${name} must have bonds of at most ${valences.at(-1)} in all; got ${total}`,
    );
  }
  const capacity = valence - inside;
  if (hydrogens.length > MAX_HYDROGENS || !known.some(([, count]) => count <= capacity)) {
    throw new ImpossiblePartError("molblock", `${name} must have a class of the model; got ${capacity} hydrogens`);
  }
  const outward = [given, away].find((v) => Math.hypot(...v) > 0.1) ?? [0, 0, 0], size = Math.hypot(...outward) || 1;
  return { atom, name, capacity, hydrogens, outward: outward.map((value) => value / size) };
}

/** The atoms that may get bonds. */
function openAtoms(kept: readonly Kept[], attach?: readonly number[]): Set<number> {
  if (!attach) return new Set(kept.filter(({ capacity }) => capacity > 0).map(({ atom }) => atom));
  for (const [k, atom] of attach.entries()) {
    const own = kept.find((one) => one.atom === atom), can = kept.filter(({ capacity }) => capacity > 0);
    if (!own || own.capacity === 0) {
      throw new ImpossiblePartError(
        "attach",
        `attach must be fixed atoms with a hydrogen to give, here ${
          can.map(({ atom }) => atom).join(", ") || "none"
        }; ` +
          `got ${own ? `${own.name}, which has none` : atom}`,
      );
    }
    if (attach.indexOf(atom) !== k) throw new ImpossiblePartError("attach", `attach must differ; got ${atom} twice`);
  }
  return new Set(attach);
}

/** What a latent says of the pairs, `[M, M]`: orders, or aromatic bonds of rings that are aromatic whatever is bonded to them. */
function wordsOf(
  kept: readonly Kept[],
  within: readonly Bond[],
  may: readonly (readonly boolean[])[],
  classes: readonly HeavyAtomClass[],
  chemistry: Chemistry,
  { aromatic }: LatentForm,
): Uint8Array {
  const orders = orderMatrix(kept.length, within);
  if (!aromatic) return orders;
  // Of the classes that an atom may have, the one with most hydrogens: nothing else is bonded to it then.
  const own = may.map((list) =>
    list.reduce((best, is, k) => is && (best < 0 || classes[k][1] > classes[best][1]) ? k : best, -1)
  );
  const sums = bondSumsOf(classes, chemistry), kinds = own.map((k) => classes[k]);
  aromaticBonds({ kinds, sums: own.map((k) => sums[k]), orders }).forEach((is, pair) => {
    if (is) orders[pair] = AROMATIC;
  });
  return orders;
}

/** What a set is made of, counted as it is read. */
import { type Composition, type Group, sharesOf } from "../composition.ts";
import type { NodeClass, Part } from "../data_set.ts";
import { symbolOf } from "../elements.ts";
import type { Accepted, RefusalReason } from "./accept.ts";

/** See {@link createSetSummary}. */
export interface SetSummary {
  readonly molecules: number;
  readonly atoms: number;
  readonly parts: Readonly<Record<Part, number>>;
  /** Molecules whose SMILES without stereo another one before them has: conformers, stereoisomers, copies. */
  readonly repeated: number;
  /** Records that were refused, by reason. */
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Molecules by heavy atoms. */
  readonly sizes: Readonly<Record<string, number>>;
  /** By symbol: molecules that have the element, and its atoms. */
  readonly elements: Readonly<Record<string, { readonly molecules: number; readonly atoms: number }>>;
  /** Molecules with a charged atom. */
  readonly charged: number;
  /** Heavy atoms of each class, by element, charge and hydrogens. */
  readonly classes: readonly { readonly class: NodeClass; readonly atoms: number }[];
  /** The share of molecules that have each group. */
  readonly composition: Composition;
}

/** The order of classes: by element, charge, hydrogens. */
const placeOf = ([element, hydrogens, charge = 0]: NodeClass) => 1e4 * element + 1e2 * (charge + 50) + hydrogens;

/** Counts molecules and refusals. */
export function createSetSummary() {
  const sizes = new Map<number, number>(), refused = new Map<RefusalReason, number>();
  const elements = new Map<number, { molecules: number; atoms: number }>();
  const classes = new Map<string, { class: NodeClass; atoms: number }>(), groups = new Map<Group, number>();
  let molecules = 0, atoms = 0, charged = 0;
  return {
    add({ molecule, classes: own, groups: has }: Accepted): void {
      molecules++;
      atoms += molecule.atomicNumbers.length;
      if (molecule.charges) charged++;
      count(sizes, own.length);
      for (const name of has) count(groups, name);
      for (const element of new Set(molecule.atomicNumbers)) {
        const of = elements.get(element) ?? { molecules: 0, atoms: 0 };
        of.molecules++;
        of.atoms += molecule.atomicNumbers.filter((one) => one === element).length;
        elements.set(element, of);
      }
      for (const kind of own) {
        const of = classes.get(kind.join()) ?? { class: kind, atoms: 0 };
        of.atoms++;
        classes.set(kind.join(), of);
      }
    },
    refuse: (reason: RefusalReason): void => count(refused, reason),
    get molecules() {
      return molecules;
    },
    get refused() {
      return [...refused.values()].reduce((sum, one) => sum + one, 0);
    },
    summary: (parts: SetSummary["parts"], repeated: number): SetSummary => ({
      molecules,
      atoms,
      parts,
      repeated,
      refused: Object.fromEntries([...refused].sort(([, a], [, b]) => b - a)),
      sizes: Object.fromEntries([...sizes].sort(([a], [b]) => a - b)),
      elements: Object.fromEntries([...elements].sort(([a], [b]) => a - b).map(([z, of]) => [symbolOf(z), of])),
      charged,
      classes: [...classes.values()].sort((a, b) => placeOf(a.class) - placeOf(b.class)),
      composition: sharesOf(groups, molecules),
    }),
  };
}

const count = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

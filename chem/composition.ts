/** What molecules are made of, in the groups that a chemist looks for first: shares of the molecules that have each. */
import { type Rate, wilson } from "./metrics.ts";
import type { Rdkit } from "./rdkit.ts";

/** SMARTS of each group; a molecule counts once. */
export const GROUPS = Object.freeze({
  /** An aromatic atom. */
  aromatic: "a",
  /** A hydroxyl on a saturated carbon. */
  alcohol: "[OX2H][CX4]",
  /** Two nitrogens bonded to each other, in aromatic rings too. */
  nitrogenNitrogen: "[#7]~[#7]",
  nitrogenOxygen: "[#7]~[#8]",
  fluorine: "F",
  /** An atom whose smallest ring has three, or four, members. */
  ringOfThree: "[r3]",
  ringOfFour: "[r4]",
  /** Any ring; molecules without one are the rest. */
  cyclic: "[R]",
});

/** A group's name. */
export type Group = keyof typeof GROUPS;

/** The share of the molecules with each group; `acyclic` in place of its opposite. */
export type Composition = Record<Exclude<Group, "cyclic"> | "acyclic", Rate>;

/** Counts groups in molecules as they are drawn. Close it: the patterns live in RDKit's memory. */
export interface CompositionCounter {
  /** @param smiles of a valid molecule; RangeError where RDKit refuses it */
  add(smiles: string): void;
  composition(): Composition;
  close(): void;
}

/** A counter that has seen nothing. */
export function createComposition(rdkit: Rdkit): CompositionCounter {
  const patterns = Object.entries(GROUPS).map(([name, smarts]) => [name as Group, rdkit.pattern(smarts)] as const);
  const counts = new Map<Group, number>();
  let seen = 0;
  return {
    add(smiles) {
      const had = rdkit.withMol(smiles, (mol) => patterns.filter(([, { in: within }]) => within(mol)));
      if (had === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
      for (const [name] of had) counts.set(name, (counts.get(name) ?? 0) + 1);
      seen++;
    },
    composition() {
      const of = (name: Group) => counts.get(name) ?? 0;
      return {
        aromatic: wilson(of("aromatic"), seen),
        alcohol: wilson(of("alcohol"), seen),
        nitrogenNitrogen: wilson(of("nitrogenNitrogen"), seen),
        nitrogenOxygen: wilson(of("nitrogenOxygen"), seen),
        fluorine: wilson(of("fluorine"), seen),
        ringOfThree: wilson(of("ringOfThree"), seen),
        ringOfFour: wilson(of("ringOfFour"), seen),
        acyclic: wilson(seen - of("cyclic"), seen),
      };
    },
    close() {
      for (const [, pattern] of patterns) pattern.close();
    },
  };
}

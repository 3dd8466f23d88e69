/** What molecules are made of, in the groups that a chemist looks for first: shares of the molecules that have each. */
import { type Rate, wilson } from "./metrics.ts";
import type { Rdkit } from "./rdkit.ts";

/** Each group: what it is called in tables and at the head of columns, and its SMARTS, which a molecule has, or lacks. A molecule counts once. */
export const GROUPS = {
  /** An aromatic atom. */
  aromatic: { label: "aromatic", short: "arom.", has: "a" },
  /** A hydroxyl on a saturated carbon. */
  alcohol: { label: "alcohols", short: "C-OH", has: "[OX2H][CX4]" },
  /** Two nitrogens bonded to each other, in aromatic rings too. */
  nitrogenNitrogen: { label: "N-N bonds", short: "N-N", has: "[#7]~[#7]" },
  nitrogenOxygen: { label: "N-O bonds", short: "N-O", has: "[#7]~[#8]" },
  fluorine: { label: "fluorine", short: "F", has: "F" },
  /** An atom whose smallest ring has three, or four, members. */
  ringOfThree: { label: "rings of three", short: "ring3", has: "[r3]" },
  ringOfFour: { label: "rings of four", short: "ring4", has: "[r4]" },
  acyclic: { label: "acyclic", short: "acycl.", lacks: "[R]" },
} as const satisfies Readonly<
  Record<string, { label: string; short: string } & ({ has: string } | { lacks: string })>
>;

/** A group's name. */
export type Group = keyof typeof GROUPS;

/** The groups' names, in the order of tables. */
export const groupNames = Object.keys(GROUPS) as readonly Group[];

/** The share of the molecules of each group. */
export type Composition = Record<Group, Rate>;

/** Counts groups in molecules as they are drawn. Close it: the patterns live in RDKit's memory. */
export interface CompositionCounter {
  /** @param smiles of a valid molecule; RangeError where RDKit refuses it */
  add(smiles: string): void;
  composition(): Composition;
  close(): void;
}

/** A counter that has seen nothing. */
export function createComposition(rdkit: Rdkit): CompositionCounter {
  const patterns = groupNames.map((name) => {
    const group = GROUPS[name], has = "has" in group;
    return { name, has, pattern: rdkit.pattern(has ? group.has : group.lacks) };
  });
  const counts = new Map<Group, number>();
  let seen = 0;
  return {
    add(smiles) {
      const own = rdkit.withMol(smiles, (mol) => patterns.filter(({ has, pattern }) => pattern.in(mol) === has));
      if (own === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
      for (const { name } of own) counts.set(name, (counts.get(name) ?? 0) + 1);
      seen++;
    },
    composition: () =>
      Object.fromEntries(groupNames.map((name) => [name, wilson(counts.get(name) ?? 0, seen)])) as Composition,
    close() {
      for (const { pattern } of patterns) pattern.close();
    },
  };
}

/** What molecules are made of, in the groups that a chemist looks for first: shares of the molecules that have each. */
import { type Rate, wilson } from "./rate.ts";
import type { Rdkit, RdkitMol } from "./rdkit.ts";

/**
 * Each group: what it is called in tables, and its SMARTS, which a molecule has, or lacks. A molecule counts once. Those with `short` stand at the head of
 * columns, too, in tables with a row a setting.
 */
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
  ringOfFive: { label: "rings of five", has: "[r5]" },
  ringOfSix: { label: "rings of six", has: "[r6]" },
  /** A bond of two rings. */
  fused: { label: "fused or bridged rings", has: "[R2,R3,R4]~[R2,R3,R4]" },
  spiro: { label: "spiro rings", has: "[x4;R2]" },
  ether: { label: "ethers", has: "[OX2;!$(O-[C,N]=*)]([#6;!$(C=O)])[#6;!$(C=O)]" },
  /** Not at a carbonyl's carbon, nor aromatic. */
  amine: { label: "amines", has: "[NX3;+0;!$(N-C=[O,N]);!$(N~[N,O]);!a][#6]" },
  aldehydeOrKetone: { label: "aldehydes, ketones", has: "[CX3;!$(C-[O,N,F])]=[OX1]" },
  amide: { label: "amides", has: "[NX3][CX3]=[OX1]" },
  ester: { label: "esters, acids", has: "[OX2][CX3]=[OX1]" },
  imine: { label: "C=N, not aromatic", has: "[CX3]=[NX2;!a]" },
  alkene: { label: "C=C, not aromatic", has: "[C]=[C]" },
  nitrile: { label: "nitriles", has: "C#N" },
  alkyne: { label: "alkynes", has: "C#C" },
  oxygenOxygen: { label: "O-O bonds", has: "[#8]~[#8]" },
} as const satisfies Readonly<
  Record<string, { label: string; short?: string } & ({ has: string } | { lacks: string })>
>;

/** A group's name. */
export type Group = keyof typeof GROUPS;

/** The groups' names, in the order of tables. */
export const groupNames = Object.keys(GROUPS) as readonly Group[];

/** Those at the head of columns, with what they are called there. */
export const columnGroups: readonly { readonly name: Group; readonly label: string; readonly short: string }[] =
  groupNames
    .flatMap((name) => {
      const group = GROUPS[name];
      return "short" in group ? [{ name, label: group.label, short: group.short }] : [];
    });

/** The share of the molecules of each group. */
export type Composition = Record<Group, Rate>;

/** Finds groups in molecules that RDKit has read. Close it: the patterns live in RDKit's memory. */
export interface GroupFinder {
  /** @param mol without explicit hydrogens */
  groupsOf(mol: RdkitMol): Group[];
  close(): void;
}

/** A finder with its patterns. */
export function createGroupFinder(rdkit: Rdkit): GroupFinder {
  const patterns = groupNames.map((name) => {
    const group = GROUPS[name], has = "has" in group;
    return { name, has, pattern: rdkit.pattern(has ? group.has : group.lacks) };
  });
  return {
    groupsOf: (mol) => patterns.filter(({ has, pattern }) => pattern.in(mol) === has).map(({ name }) => name),
    close() {
      for (const { pattern } of patterns) pattern.close();
    },
  };
}

/** The composition of molecules by the groups of each. */
export function compositionOf(molecules: Iterable<readonly Group[]>): Composition {
  const counts = new Map<Group, number>();
  let seen = 0;
  for (const groups of molecules) {
    for (const name of groups) counts.set(name, (counts.get(name) ?? 0) + 1);
    seen++;
  }
  return sharesOf(counts, seen);
}

/** The composition of so many molecules, of which so many have each group. */
export const sharesOf = (counts: ReadonlyMap<Group, number>, molecules: number): Composition =>
  Object.fromEntries(groupNames.map((name) => [name, wilson(counts.get(name) ?? 0, molecules)])) as Composition;

/** Counts groups in molecules as they are drawn. Close it: the patterns live in RDKit's memory. */
export interface CompositionCounter {
  /** @param smiles of a valid molecule; RangeError where RDKit refuses it */
  add(smiles: string): void;
  composition(): Composition;
  close(): void;
}

/** A counter that has seen nothing. */
export function createComposition(rdkit: Rdkit): CompositionCounter {
  const finder = createGroupFinder(rdkit), seen: Group[][] = [];
  return {
    add(smiles) {
      const own = rdkit.withMol(smiles, (mol) => finder.groupsOf(mol));
      if (own === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
      seen.push(own);
    },
    composition: () => compositionOf(seen),
    close: finder.close,
  };
}

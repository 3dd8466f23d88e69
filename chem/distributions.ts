/** What a set of molecules looks like as a whole: lengths, angles, elements, rings, sizes; and how far two sets are apart. */
import { bondsOf } from "./bonds.ts";
import { labelOf } from "./elements.ts";
import {
  createHistogram,
  type Histogram,
  type HistogramBuilder,
  jensenShannonOf,
  jensenShannonOfKinds,
  total,
  wasserstein,
} from "./histogram.ts";
import type { Bond, Molecule } from "./molecule.ts";
import { ringSizes } from "./rings.ts";

/** Counts over a set of molecules; plain data, fit for a JSON file. */
export interface Distributions {
  readonly molecules: number;
  /** Angstrom, by kind of bond: `C-C`, `C=O`, `C#N`, `C-H`, ... */
  readonly bondLengths: Readonly<Record<string, Histogram>>;
  /** Degrees, by elements with the middle atom in the middle: `C-C-H`, `H-N-H`, ... */
  readonly bondAngles: Readonly<Record<string, Histogram>>;
  /** Atoms of each element. */
  readonly elements: Readonly<Record<string, number>>;
  /** Rings of each size, in smallest cycle bases. */
  readonly ringSizes: Readonly<Record<string, number>>;
  /** Rings a molecule. */
  readonly ringsPerMolecule: Histogram;
  /** Atoms a molecule, hydrogens included. */
  readonly atomsPerMolecule: Histogram;
  /** Molecules with more than 24 rings: heaps of atoms, left out of the two counts of rings. */
  readonly tangled: number;
}

export interface DistributionsBuilder {
  /** @param bonds where not given, those that the molecule carries, or perceived here */
  add(molecule: Molecule, bonds?: readonly Bond[]): void;
  distributions(): Distributions;
}

const MARKS = { 1: "-", 2: "=", 3: "#" } as const;
const LENGTH_BIN = 0.005, ANGLE_BIN = 1;

/** The place of an element in a kind's name: carbon first, hydrogen last, the others as they ascend. */
const rank = (z: number) => z === 6 ? 0 : z === 1 ? Infinity : z;
const ordered = (a: number, b: number) => (rank(a) <= rank(b) ? [a, b] : [b, a]).map(labelOf);

function group(into: Map<string, HistogramBuilder>, kind: string, width: number, value: number): void {
  let histogram = into.get(kind);
  if (!histogram) into.set(kind, histogram = createHistogram(width));
  histogram.add(value);
}

const collect = (from: Map<string, HistogramBuilder>) =>
  Object.fromEntries([...from].sort(([a], [b]) => a < b ? -1 : 1).map(([kind, h]) => [kind, h.histogram()]));

/** Counts molecule by molecule. */
export function createDistributions(): DistributionsBuilder {
  const lengths = new Map<string, HistogramBuilder>(), angles = new Map<string, HistogramBuilder>();
  const elements: Record<string, number> = {}, rings: Record<string, number> = {};
  const ringsPerMolecule = createHistogram(1), atomsPerMolecule = createHistogram(1);
  let molecules = 0, tangled = 0;
  return {
    add(molecule, bonds = bondsOf(molecule)) {
      const { atomicNumbers: Z, positions: x } = molecule, symbols = Array.from(Z, labelOf);
      const atoms = symbols.length, neighbours: number[][] = symbols.map(() => []);
      molecules++;
      atomsPerMolecule.add(atoms);
      for (const symbol of symbols) elements[symbol] = (elements[symbol] ?? 0) + 1;
      for (const { i, j, order } of bonds) {
        const [a, b] = ordered(Z[i], Z[j]);
        const length = Math.hypot(x[3 * i] - x[3 * j], x[3 * i + 1] - x[3 * j + 1], x[3 * i + 2] - x[3 * j + 2]);
        group(lengths, a + MARKS[order] + b, LENGTH_BIN, length);
        neighbours[i].push(j);
        neighbours[j].push(i);
      }
      neighbours.forEach((around, middle) => {
        for (let p = 0; p < around.length; p++) {
          for (let q = 0; q < p; q++) {
            const [a, b] = ordered(Z[around[p]], Z[around[q]]);
            group(angles, `${a}-${symbols[middle]}-${b}`, ANGLE_BIN, angle(x, around[p], middle, around[q]));
          }
        }
      });
      const sizes = ringSizes(atoms, bonds);
      if (sizes === null) tangled++;
      else {
        ringsPerMolecule.add(sizes.length);
        for (const size of sizes) rings[size] = (rings[size] ?? 0) + 1;
      }
    },
    distributions: () => ({
      molecules,
      bondLengths: collect(lengths),
      bondAngles: collect(angles),
      elements: { ...elements },
      ringSizes: { ...rings },
      ringsPerMolecule: ringsPerMolecule.histogram(),
      atomsPerMolecule: atomsPerMolecule.histogram(),
      tangled,
    }),
  };
}

/** The angle at `middle` in degrees; 0 where two atoms coincide. */
function angle(x: Float32Array, a: number, middle: number, b: number): number {
  let dot = 0, aa = 0, bb = 0;
  for (let k = 0; k < 3; k++) {
    const u = x[3 * a + k] - x[3 * middle + k], v = x[3 * b + k] - x[3 * middle + k];
    dot += u * v, aa += u * u, bb += v * v;
  }
  if (aa === 0 || bb === 0) return 0;
  return Math.acos(Math.min(1, Math.max(-1, dot / Math.sqrt(aa * bb)))) * 180 / Math.PI;
}

/** One kind of bond or angle. */
export interface KindDistance {
  readonly kind: string;
  /** Its share of all bonds or angles of the reference. */
  readonly share: number;
  /** In angstrom or degrees; null where the generated set has none of this kind. */
  readonly wasserstein: number | null;
}

/** How far a generated set is from a reference. Jensen-Shannon distances go from 0 (equal) to 1. */
export interface Distances {
  /** 1-Wasserstein over kinds of bonds, weighted by their share in the reference; angstrom. */
  readonly bondLengths: number | null;
  /** The same over kinds of angles; degrees. */
  readonly bondAngles: number | null;
  /** Jensen-Shannon distances of how often each kind occurs. */
  readonly bondKinds: number | null;
  readonly elements: number | null;
  readonly ringSizes: number | null;
  readonly ringsPerMolecule: number | null;
  /** 1-Wasserstein; atoms. */
  readonly atomsPerMolecule: number | null;
  readonly lengthsByKind: readonly KindDistance[];
  readonly anglesByKind: readonly KindDistance[];
}

type Groups = Readonly<Record<string, Histogram>>;
const countsOf = (groups: Groups) =>
  Object.fromEntries(Object.entries(groups).map(([kind, { counts }]) => [kind, total(counts)]));

function byKind(generated: Groups, reference: Groups, least: number): KindDistance[] {
  const counts = countsOf(reference), all = total(Object.values(counts));
  return Object.entries(reference)
    .map(([kind, histogram]) => ({
      kind,
      share: counts[kind] / all,
      wasserstein: Object.hasOwn(generated, kind) ? wasserstein(generated[kind], histogram) : null,
    }))
    .filter(({ share }) => share >= least)
    .sort((a, b) => b.share - a.share);
}

/** The mean over the kinds that the generated set has, by share. How often kinds occur is another distance. */
function weighted(kinds: readonly KindDistance[]): number | null {
  let sum = 0, weight = 0;
  for (const { share, wasserstein } of kinds) {
    if (wasserstein !== null) sum += share * wasserstein, weight += share;
  }
  return weight > 0 ? sum / weight : null;
}

/**
 * Compares two sets.
 *
 * @param options.least kinds of bonds and angles with less than this share of the reference are left out; default 0.5 %
 */
export function compareDistributions(
  generated: Distributions,
  reference: Distributions,
  { least = 0.005 }: { least?: number } = {},
): Distances {
  const lengthsByKind = byKind(generated.bondLengths, reference.bondLengths, least);
  const anglesByKind = byKind(generated.bondAngles, reference.bondAngles, least);
  return {
    bondLengths: weighted(lengthsByKind),
    bondAngles: weighted(anglesByKind),
    bondKinds: jensenShannonOfKinds(countsOf(generated.bondLengths), countsOf(reference.bondLengths)),
    elements: jensenShannonOfKinds(generated.elements, reference.elements),
    ringSizes: jensenShannonOfKinds(generated.ringSizes, reference.ringSizes),
    ringsPerMolecule: jensenShannonOf(generated.ringsPerMolecule, reference.ringsPerMolecule),
    atomsPerMolecule: wasserstein(generated.atomsPerMolecule, reference.atomsPerMolecule),
    lengthsByKind,
    anglesByKind,
  };
}

/**
 * QED, the quantitative estimate of drug-likeness (Bickerton et al. 2012, "Quantifying the chemical beauty of drugs"): the weighted geometric mean of
 * eight desirabilities, as RDKit's Python module `Chem.QED` (version 1.1.0) computes it. RDKit.js lacks it, but has what it is made of.
 */
import { ALERTS } from "./qed_alerts.ts";
import type { Pattern, Rdkit, RdkitMol } from "./rdkit.ts";

/** What QED is computed from. */
export interface QedProperties {
  /** Average molecular weight, Da. */
  readonly molecularWeight: number;
  /** Crippen's estimate of log P. */
  readonly logP: number;
  readonly acceptors: number;
  readonly donors: number;
  /** Topological polar surface area, square angstrom. */
  readonly polarSurface: number;
  readonly rotatableBonds: number;
  /** Rings that are left when aliphatic ring atoms beside others that are not aromatic are taken out. */
  readonly aromaticRings: number;
  /** Structural alerts that the molecule has. */
  readonly alerts: number;
}

/** An asymmetric double sigmoid, its largest value, and the weight of the property: Bickerton's supplementary table 1, mean weights of table 2. */
type Desirability = readonly [
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  most: number,
  weight: number,
];

const DESIRABILITIES: Readonly<Record<keyof QedProperties, Desirability>> = {
  molecularWeight: [
    2.817065973,
    392.5754953,
    290.7489764,
    2.419764353,
    49.22325677,
    65.37051707,
    104.9805561,
    0.66,
  ],
  logP: [3.172690585, 137.8624751, 2.534937431, 4.581497897, 0.822739154, 0.576295591, 131.3186604, 0.46],
  acceptors: [2.948620388, 160.4605972, 3.615294657, 4.435986202, 0.290141953, 1.300669958, 148.7763046, 0.05],
  donors: [1.618662227, 1010.051101, 0.985094388, 1e-9, 0.713820843, 0.920922555, 258.1632616, 0.61],
  polarSurface: [1.876861559, 125.2232657, 62.90773554, 87.83366614, 12.01999824, 28.51324732, 104.5686167, 0.06],
  rotatableBonds: [0.01, 272.4121427, 2.55837997, 1.565547684, 1.271567166, 2.758063707, 105.4420403, 0.65],
  aromaticRings: [3.21778897, 957.7374108, 2.274627939, 1e-9, 1.317690384, 0.375760881, 312.337261, 0.48],
  alerts: [0.01, 1199.094025, -0.09002883, 1e-9, 0.185904477, 0.875193782, 417.725314, 0.95],
};

/** QED of these properties, 0 to 1. */
export function qedOf(properties: QedProperties): number {
  let sum = 0, weights = 0;
  for (const [name, [a, b, c, d, e, f, most, weight]] of Object.entries(DESIRABILITIES)) {
    const x = properties[name as keyof QedProperties];
    const rise = 1 + Math.exp(-(x - c + d / 2) / e), fall = 1 + Math.exp(-(x - c - d / 2) / f);
    sum += weight * Math.log((a + b / rise * (1 - 1 / fall)) / most);
    weights += weight;
  }
  return Math.exp(sum / weights);
}

/** Atoms that accept hydrogen bonds; no atom is two of these. */
const ACCEPTORS = [
  "[oH0;X2]",
  "[OH1;X2;v2]",
  "[OH0;X2;v2]",
  "[OH0;X1;v2]",
  "[O-;X1]",
  "[SH0;X2;v2]",
  "[SH0;X1;v2]",
  "[S-;X1]",
  "[nH0;X2]",
  "[NH0;X1;v3]",
  "[$([N;+0;X3;v3]);!$(N[C,S]=O)]",
];

/** Counts what descriptors do not tell. */
interface Counter {
  acceptors(mol: RdkitMol): number;
  aromaticRings(mol: RdkitMol): number;
  alerts(mol: RdkitMol): number;
}

const counters = new WeakMap<Rdkit, Counter>();

/** Patterns are parsed once; they live as long as their RDKit. */
function counterOf(rdkit: Rdkit): Counter {
  const known = counters.get(rdkit);
  if (known) return known;
  const acceptor = rdkit.pattern(`[${ACCEPTORS.map((one) => `$(${one})`).join(",")}]`);
  const aliphatic = rdkit.pattern("[$([A;R][!a])]"), bond = rdkit.pattern("*~*"), aromatic = rdkit.pattern("a");
  const alerts: readonly Pattern[] = ALERTS.map((smarts) => rdkit.pattern(smarts));
  const counter: Counter = {
    acceptors: (mol) => acceptor.matches(mol).length,
    aromaticRings(mol) {
      // Without an aromatic atom every ring atom is beside one that is not.
      if (!aromatic.in(mol)) return 0;
      const out = new Set(aliphatic.matches(mol).flat()), atoms = mol.get_num_atoms() - out.size;
      const kept = bond.matches(mol).filter(([i, j]) => !out.has(i) && !out.has(j));
      return kept.length - atoms + pieces(mol.get_num_atoms(), kept) - out.size;
    },
    alerts: (mol) => alerts.reduce((count, alert) => count + Number(alert.in(mol)), 0),
  };
  counters.set(rdkit, counter);
  return counter;
}

/** Connected pieces of a graph. */
function pieces(atoms: number, bonds: readonly (readonly number[])[]): number {
  const parent = Array.from({ length: atoms }, (_, i) => i);
  const root = (i: number): number => parent[i] === i ? i : parent[i] = root(parent[i]);
  let count = atoms;
  for (const [i, j] of bonds) {
    const a = root(i), b = root(j);
    if (a === b) continue;
    parent[a] = b;
    count--;
  }
  return count;
}

/** The properties of a molecule with implicit hydrogens. @param descriptors what `get_descriptors` of RDKit.js says of it */
export function qedProperties(
  rdkit: Rdkit,
  mol: RdkitMol,
  descriptors: Readonly<Record<string, number>>,
): QedProperties {
  const counter = counterOf(rdkit);
  return {
    molecularWeight: descriptors.amw,
    logP: descriptors.CrippenClogP,
    acceptors: counter.acceptors(mol),
    donors: descriptors.NumHBD,
    polarSurface: descriptors.tpsa,
    rotatableBonds: descriptors.NumRotatableBonds,
    aromaticRings: counter.aromaticRings(mol),
    alerts: counter.alerts(mol),
  };
}

/** The judge's findings over a set of molecules: shares with their intervals, and how far the set is from another. */
import { type Composition, compositionOf, type Group, groupNames } from "../composition.ts";
import { createHistogram, type Histogram, wasserstein } from "../histogram.ts";
import { type Rate, wilson } from "../rate.ts";
import type { Validation } from "../validator.ts";
import { bootstrap, type Estimate, quantile } from "./bootstrap.ts";
import { type RingStrain, ringStrainNames } from "./ring_strains.ts";
import { type Fault, faultNames, isSound } from "./sound.ts";
import { type Twist, twistNames } from "./torsions.ts";

/** Degrees from which a bond counts as twisted in {@link JudgeSummary.twisted}. */
export const TWISTED = 30;

/** Descriptors whose distributions are compared, with the width of their histograms' bins. */
export const COMPARED = {
  logP: { label: "logP", width: 0.02 },
  tpsa: { label: "TPSA, square angstrom", width: 0.5 },
  fractionCsp3: { label: "fraction of sp3 carbon", width: 0.01 },
} as const;

/** A descriptor that is compared. */
export type Compared = keyof typeof COMPARED;

/** Their names. */
export const comparedNames = Object.keys(COMPARED) as readonly Compared[];

/** Of values of one kind: the median, and the number below which 90 % lie, with their intervals. */
export interface Spread {
  readonly median: Estimate;
  readonly ninety: Estimate;
  readonly n: number;
}

/** Energies above the nearest minimum, kcal/mol: as drawn, and where the molecule was refined, after. */
export interface Strain {
  readonly before: number;
  readonly after?: number;
}

/** See {@link createJudgeSummary}. */
export interface JudgeSummary {
  /** Sound molecules ({@link isSound}) among all, and among those that are valid and of one fragment. */
  readonly sound: Rate;
  readonly soundOfConnected: Rate;
  /** Among the valid. */
  readonly faults: Readonly<Record<Fault, Rate>>;
  /** Molecules with a bond of the kind that is twisted by more than {@link TWISTED} degrees, among the valid that have one. */
  readonly twisted: Readonly<Record<Twist, Rate>>;
  /** The same of C=C of whatever kind. */
  readonly twistedAlkenes: Rate;
  /** Among the valid. */
  readonly strains: Readonly<Record<RingStrain, Rate>>;
  /** Molecules of which two rules find the same bonds, among all. */
  readonly bondsAgree: Rate;
  /** Distinct scaffolds, among the valid with rings. */
  readonly scaffolds: Rate;
  /** Training molecules, among the valid; absent where these are not known. */
  readonly known?: Rate;
  /** Molecules with a motif that no training molecule has, among the valid; and with such a scaffold, among the valid with rings. */
  readonly newMotif?: Rate;
  readonly newScaffold?: Rate;
  /** Molecules whose graph was searched for, as the likeliest classes and orders broke valence; absent where nobody said. */
  readonly repaired?: Rate;
  /** kcal/mol; absent where nobody measured it. `before` as drawn, of all that have an energy; with `after` of those that were refined, by what refined them. */
  readonly strain?: { readonly before: Spread; readonly after?: Spread };
  readonly descriptors: Readonly<Record<Compared, Histogram>>;
}

/** How far a set is from another, with intervals over the set's molecules. */
export interface JudgeDistances {
  /** Mean over the groups of the difference of shares, 0 to 1. */
  readonly groups: Estimate;
  /** What {@link groups} is on average for as many molecules of the other set itself. */
  readonly groupsByChance: number;
  /** 1-Wasserstein. */
  readonly descriptors: Readonly<Record<Compared, Estimate>>;
}

/** A molecule as the summary takes it. */
export interface JudgedMolecule {
  readonly validation: Pick<Validation, "valid" | "connected" | "edmSmiles" | "findings" | "bondsAgree">;
  readonly repaired?: boolean;
  /** Where somebody measured it. */
  readonly strain?: Strain;
}

/** What is known of the training molecules. */
export interface Trained {
  /** Their EDM SMILES. */
  readonly training?: Pick<ReadonlySet<string>, "has">;
  /** Their motifs, and scaffolds after `scaffold:`. */
  readonly motifs?: Pick<ReadonlySet<string>, "has">;
}

/** A scaffold as a key beside motifs. */
export const scaffoldKey = (scaffold: string): string => `scaffold:${scaffold}`;

/** Takes in molecules. */
export interface JudgeSummaryBuilder {
  /** Molecules must have been judged (`judge` of `ValidateOptions`). */
  add(molecule: JudgedMolecule): void;
  /** Of the valid molecules. */
  composition(): Composition;
  summary(): JudgeSummary;
  /** Null without a valid molecule on either side. */
  distances(from: { composition: Composition; descriptors: JudgeSummary["descriptors"] }): JudgeDistances | null;
}

/** Counts of cases and of those among them. */
function createTally<Name extends string>(names: readonly Name[]) {
  const cases = new Map<Name, number>(), hits = new Map<Name, number>();
  const grow = (map: Map<Name, number>, name: Name) => map.set(name, (map.get(name) ?? 0) + 1);
  const rate = (name: Name) => wilson(hits.get(name) ?? 0, cases.get(name) ?? 0);
  return {
    count(name: Name, hit: boolean) {
      grow(cases, name);
      if (hit) grow(hits, name);
    },
    rate,
    rates: () => Object.fromEntries(names.map((name) => [name, rate(name)])) as Record<Name, Rate>,
  };
}

const SHARES = [
  "sound",
  "soundOfConnected",
  "twistedAlkenes",
  "bondsAgree",
  "known",
  "newMotif",
  "newScaffold",
  "repaired",
] as const;
const ALKENES: readonly Twist[] = ["alkene", "alkeneInRing", "alkeneFused"];

/** A summary that has seen nothing. */
export function createJudgeSummary({ training, motifs }: Trained = {}): JudgeSummaryBuilder {
  const shares = createTally(SHARES), faults = createTally(faultNames), twisted = createTally(twistNames);
  const strains = createTally(ringStrainNames), scaffolds = new Set<string>();
  const groups: (readonly Group[])[] = [],
    values = { logP: [], tpsa: [], fractionCsp3: [] } as Record<Compared, number[]>;
  const before: number[] = [], after: number[] = [];
  let withRings = 0, told = false;
  return {
    add({ validation, repaired, strain }) {
      const { valid, connected, edmSmiles, findings, bondsAgree } = validation, sound = isSound(validation);
      shares.count("sound", sound);
      shares.count("bondsAgree", bondsAgree === true);
      if (repaired !== undefined) {
        told = true;
        shares.count("repaired", repaired);
      }
      if (strain) before.push(strain.before);
      if (strain?.after !== undefined) after.push(strain.after);
      if (connected) shares.count("soundOfConnected", sound);
      if (!valid || !findings) return;
      for (const fault of faultNames) faults.count(fault, findings.faults.includes(fault));
      for (const strain of ringStrainNames) strains.count(strain, findings.strains.includes(strain));
      for (const kind of twistNames) {
        const degrees = findings.twists[kind];
        if (degrees !== undefined) twisted.count(kind, degrees > TWISTED);
      }
      const alkenes = ALKENES.flatMap((kind) => findings.twists[kind] ?? []);
      if (alkenes.length > 0) shares.count("twistedAlkenes", Math.max(...alkenes) > TWISTED);
      groups.push(findings.groups);
      for (const name of comparedNames) values[name].push(findings[name]);
      if (training) shares.count("known", training.has(edmSmiles!));
      if (motifs) shares.count("newMotif", findings.motifs.some((motif) => !motifs.has(motif)));
      if (findings.scaffold !== null) {
        withRings++;
        scaffolds.add(findings.scaffold);
        if (motifs) shares.count("newScaffold", !motifs.has(scaffoldKey(findings.scaffold)));
      }
    },
    composition: () => compositionOf(groups),
    summary: () => ({
      sound: shares.rate("sound"),
      soundOfConnected: shares.rate("soundOfConnected"),
      faults: faults.rates(),
      twisted: twisted.rates(),
      twistedAlkenes: shares.rate("twistedAlkenes"),
      strains: strains.rates(),
      bondsAgree: shares.rate("bondsAgree"),
      scaffolds: wilson(scaffolds.size, withRings),
      ...(training && { known: shares.rate("known") }),
      ...(motifs && { newMotif: shares.rate("newMotif"), newScaffold: shares.rate("newScaffold") }),
      ...(told && { repaired: shares.rate("repaired") }),
      ...(before.length > 0 && {
        strain: { before: spreadOf(before), ...(after.length > 0 && { after: spreadOf(after) }) },
      }),
      descriptors: histogramsOf(values),
    }),
    distances(from) {
      if (groups.length === 0 || from.composition[groupNames[0]].n === 0) return null;
      const descriptors = comparedNames.map((name) => [name, wassersteinOf(values[name], from.descriptors[name])]);
      return {
        groups: groupDifference(groups, from.composition),
        groupsByChance: chanceDifference(groups.length, from.composition),
        descriptors: Object.fromEntries(descriptors) as Record<Compared, Estimate>,
      };
    },
  };
}

/** The share of each group. */
export type Shares = Readonly<Record<Group, { readonly value: number }>>;

/** The mean over the groups of the difference of shares, 0 to 1. */
export const meanDifference = (one: Shares, other: Shares): number =>
  groupNames.reduce((sum, name) => sum + Math.abs(one[name].value - other[name].value), 0) / groupNames.length;

/** The mean difference of n molecules' shares from those that they are drawn from: sqrt(2 p(1 - p) / (pi n)) each, by the normal distribution. */
export const chanceDifference = (n: number, from: Shares): number =>
  groupNames.reduce((sum, name) => sum + Math.sqrt(2 * from[name].value * (1 - from[name].value) / (Math.PI * n)), 0) /
  groupNames.length;

/** {@link meanDifference} with its interval. */
function groupDifference(groups: readonly (readonly Group[])[], from: Composition): Estimate {
  const own = groups.map((names) => names.map((name) => groupNames.indexOf(name)));
  return bootstrap(groups.length, (places) => {
    const counts = new Uint32Array(groupNames.length);
    for (const place of places) for (const group of own[place]) counts[group]++;
    return groupNames.reduce((sum, name, k) => sum + Math.abs(counts[k] / places.length - from[name].value), 0) /
      groupNames.length;
  });
}

/** A histogram's 1-Wasserstein distance from another, with its interval. */
export function wassersteinOf(values: readonly number[], from: Histogram): Estimate {
  return bootstrap(values.length, (places) => {
    const own = createHistogram(from.width);
    for (const place of places) own.add(values[place]);
    return wasserstein(own.histogram(), from) ?? 0;
  }, 100);
}

function histogramsOf(values: Readonly<Record<Compared, readonly number[]>>): Record<Compared, Histogram> {
  return Object.fromEntries(comparedNames.map((name) => {
    const histogram = createHistogram(COMPARED[name].width);
    for (const value of values[name]) histogram.add(value);
    return [name, histogram.histogram()];
  })) as Record<Compared, Histogram>;
}

/** Median and 90 % with their intervals. */
export function spreadOf(values: readonly number[]): Spread {
  const at = (fraction: number) =>
    bootstrap(
      values.length,
      (places) => quantile(Float64Array.from(places, (place) => values[place]).sort(), fraction),
    );
  return { median: at(0.5), ninety: at(0.9), n: values.length };
}

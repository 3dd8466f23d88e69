/** What is counted of a set of drug-like molecules: of their graphs, of descriptors beside held-out molecules, of their positions. */
import type { Estimate } from "../chem/judge/bootstrap.ts";
import type { Findings } from "../chem/judge/findings.ts";
import { isRingSystem } from "../chem/judge/motifs.ts";
import { createJudgeSummary, type Spread, spreadOf, wassersteinOf } from "../chem/judge/summary.ts";
import { createHistogram, type Histogram } from "../chem/histogram.ts";
import { summarise } from "../chem/metrics.ts";
import { type Rate, wilson } from "../chem/rate.ts";
import type { Validation } from "../chem/validator.ts";
import type { Judgement } from "../model/evaluation/evaluate.ts";
import type { Reference } from "../model/evaluation/evaluate_reference.ts";

/** Descriptors that are compared: what tables call them, and the width of their histograms' bins. */
export const DESCRIPTORS = {
  molecularWeight: { label: "molecular weight, Da", width: 0.1 },
  logP: { label: "logP", width: 0.01 },
  syntheticAccessibility: { label: "SA score", width: 0.01 },
  qed: { label: "QED", width: 0.001 },
  rings: { label: "rings", width: 1 },
  rotatableBonds: { label: "rotatable bonds", width: 1 },
} as const;

/** A descriptor's name. */
export type Descriptor = keyof typeof DESCRIPTORS;

/** Their names. */
export const descriptorNames = Object.keys(DESCRIPTORS) as readonly Descriptor[];

/** Of each descriptor something. */
export type Each<T> = Readonly<Record<Descriptor, T>>;

const each = <T>(of: (name: Descriptor) => T) =>
  Object.fromEntries(descriptorNames.map((name) => [name, of(name)])) as Each<T>;

/** What is counted of graphs: what tables call it. */
export const GRAPH = {
  valid: "valid %",
  unique: "unique, of the valid %",
  connected: "valid, one fragment %",
  all: "valid, one fragment, unique %",
  repaired: "repaired %",
  training: "training molecules %",
  newScaffold: "new scaffold %",
  scaffolds: "distinct scaffolds %",
  newRings: "new ring system %",
} as const;

/** Rates by name; absent where nobody could say. */
export type GraphRates = Readonly<Partial<Record<keyof typeof GRAPH, Rate>>>;

/** Distinct molecules of one fragment, among all. */
export const uniqueConnected = (validations: readonly Pick<Validation, "connected" | "edmSmiles">[]): Rate =>
  wilson(
    new Set(validations.flatMap(({ connected, edmSmiles }) => connected ? [edmSmiles] : [])).size,
    validations.length,
  );

/** Molecules with a ring system that no training molecule has, among the valid with rings. @param known motifs of the training molecules */
export function newRingSystems(
  validations: readonly { readonly findings?: Pick<Findings, "motifs"> }[],
  known: { has(motif: string): boolean },
) {
  const rings = validations.flatMap(({ findings }) => {
    const own = findings?.motifs.filter(isRingSystem) ?? [];
    return own.length > 0 ? [own] : [];
  });
  return wilson(rings.filter((own) => own.some((motif) => !known.has(motif))).length, rings.length);
}

/** Counts the graphs of molecules that were judged (`judge` of `ValidateOptions`). */
export function graphRates(
  molecules: readonly Pick<Judgement, "validation" | "repaired">[],
  { training, motifs }: Pick<Reference, "training" | "motifs">,
): GraphRates {
  const judged = createJudgeSummary({ training, motifs }), validations = molecules.map(({ validation }) => validation);
  for (const { validation, repaired } of molecules) judged.add({ validation, repaired });
  const { validity, uniqueness, connected } = summarise(validations), summary = judged.summary();
  return {
    valid: validity,
    unique: uniqueness,
    connected,
    all: uniqueConnected(validations),
    ...(summary.repaired && { repaired: summary.repaired }),
    ...(summary.known && { training: summary.known }),
    ...(summary.newScaffold && { newScaffold: summary.newScaffold }),
    scaffolds: summary.scaffolds,
    ...(motifs && { newRings: newRingSystems(validations, motifs) }),
  };
}

/** The histograms of held-out molecules' descriptors. */
export const histogramsOf = (molecules: readonly Each<number>[]): Each<Histogram> =>
  each((name) => {
    const histogram = createHistogram(DESCRIPTORS[name].width);
    for (const molecule of molecules) histogram.add(molecule[name]);
    return histogram.histogram();
  });

/** 1-Wasserstein distances, to the width of a bin, with intervals over the molecules; null without any. */
export const descriptorDistances = (molecules: readonly Each<number>[], from: Each<Histogram>): Each<Estimate> | null =>
  molecules.length === 0
    ? null
    : each((name) => wassersteinOf(molecules.map((molecule) => molecule[name]), from[name]));

/** What Python says of the positions of a valid molecule of one fragment. */
export interface GeometrySaid {
  readonly read: boolean;
  /** MMFF94s, with charges, kcal/mol; null where it has no types. */
  readonly mmff?: number | null;
  /** Tests of PoseBusters that it fails; null where these were not asked for. */
  readonly failed?: readonly string[] | null;
  /** GFN2-xTB; null where it was not asked for, or does not converge. */
  readonly xtb?: { readonly strain: number; readonly same: boolean } | null;
}

/** What positions alone give. */
export interface AloneSaid {
  /** A molecule of one fragment. */
  readonly valid: boolean;
  /** The bonded pairs of the molecule's own graph, orders aside. */
  readonly pairs: boolean;
  /** That graph. */
  readonly graph: boolean;
}

/** See {@link geometryFigures}. */
export interface GeometryFigures {
  /** Of all. */
  readonly sound: Rate;
  /** Of the valid of one fragment, as all that follows. */
  readonly posebusters: Rate | null;
  /** How many fail each test. */
  readonly failed: Readonly<Record<string, number>>;
  /** kcal/mol; null of none. */
  readonly mmff: Spread | null;
  readonly xtb: { readonly asked: number; readonly strain: Spread | null; readonly same: Rate } | null;
  /** `valid` of all; the others of the valid of one fragment. */
  readonly alone: { readonly valid: Rate; readonly pairs: Rate; readonly graph: Rate };
}

const rateOf = <T>(cases: readonly T[], hit: (one: T) => boolean): Rate =>
  wilson(cases.filter(hit).length, cases.length);

const spreadOrNull = (values: readonly number[]): Spread | null => values.length === 0 ? null : spreadOf(values);

/** What there is to say of a molecule's positions. */
export interface PositionsSaid {
  readonly sound: boolean;
  readonly connected: boolean;
  /** Absent where the molecule is not valid and of one fragment. */
  readonly geometry?: GeometrySaid;
  readonly alone: AloneSaid;
  /** GFN2-xTB was asked. */
  readonly relaxed: boolean;
}

/** Counts what was said of all molecules of a set. */
export function geometryFigures(said: readonly PositionsSaid[]): GeometryFigures {
  const geometries = said.flatMap(({ geometry }) => geometry?.read ? [geometry] : []);
  const busted = geometries.flatMap(({ failed }) => failed ? [failed] : []);
  const asked = said.filter(({ relaxed }) => relaxed).length,
    relaxed = geometries.flatMap(({ xtb }) => xtb ? [xtb] : []);
  const counts: Record<string, number> = {}, connected = said.filter((one) => one.connected);
  for (const name of busted.flat()) counts[name] = (counts[name] ?? 0) + 1;
  return {
    sound: rateOf(said, ({ sound }) => sound),
    posebusters: busted.length === 0 ? null : rateOf(busted, (failed) => failed.length === 0),
    failed: counts,
    mmff: spreadOrNull(geometries.flatMap(({ mmff }) => mmff ?? [])),
    xtb: asked === 0 ? null : {
      asked,
      strain: spreadOrNull(relaxed.map(({ strain }) => strain)),
      same: rateOf(relaxed, ({ same }) => same),
    },
    alone: {
      valid: rateOf(said, ({ alone }) => alone.valid),
      pairs: rateOf(connected, ({ alone }) => alone.pairs),
      graph: rateOf(connected, ({ alone }) => alone.graph),
    },
  };
}

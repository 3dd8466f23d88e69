/** What was found of drug-like molecules, as Markdown. */
import type { Estimate } from "../chem/judge/bootstrap.ts";
import type { Spread } from "../chem/judge/summary.ts";
import type { Rate } from "../chem/rate.ts";
import { percent } from "../model/evaluation/card_table.ts";
import { markdownTable } from "../model/evaluation/markdown_table.ts";
import {
  descriptorNames,
  DESCRIPTORS,
  type Each,
  type GeometryFigures,
  GRAPH,
  type GraphRates,
} from "./druglike_figures.ts";

/** What was found of a set. */
export interface SetFigures {
  readonly name: string;
  readonly count: number;
  /** How it was drawn; absent of data. */
  readonly drawn?: Readonly<Record<string, unknown>>;
  readonly graph: GraphRates;
  /** 1-Wasserstein distances from the held-out molecules; null where no molecule is valid. */
  readonly distances: Each<Estimate> | null;
  /** The Frechet distance of Morgan fingerprints' principal components; null of too few molecules. */
  readonly frechet: number | null;
  /** By what was done to positions: `raw`, `refined`. */
  readonly geometry: Readonly<Record<string, GeometryFigures>>;
}

const rate = (found: Rate | null | undefined): string => found && found.n > 0 ? percent(found) : "-";
const counted = (found: Rate | null | undefined): string =>
  found && found.n > 0 ? `${percent(found)}, n = ${found.n}` : "-";
const digits = ({ value }: Estimate, places: number) => value.toFixed(places);
const spread = (found: Spread | null | undefined): string =>
  found ? `${digits(found.median, 1)} / ${digits(found.ninety, 1)}, n = ${found.n}` : "-";

const graphNames = Object.keys(GRAPH) as (keyof typeof GRAPH)[];

/** Decimals that a distance is told with: three significant ones of what is small. */
const DECIMALS: Each<number> = {
  molecularWeight: 1,
  logP: 3,
  syntheticAccessibility: 3,
  qed: 4,
  rings: 3,
  rotatableBonds: 3,
};

/** Graphs: a row a set. */
export const graphTable = (sets: readonly SetFigures[]): string =>
  markdownTable(
    ["", "n", ...graphNames.map((name) => GRAPH[name])],
    sets.map(({ name, count, graph }) => [name, String(count), ...graphNames.map((key) => rate(graph[key]))]),
  );

/** Distances of descriptors from the held-out molecules: a row a set. */
export const distanceTable = (sets: readonly SetFigures[]): string =>
  markdownTable(
    ["", ...descriptorNames.map((name) => DESCRIPTORS[name].label), "Frechet, Morgan"],
    sets.map(({ name, distances, frechet }) => [
      name,
      ...descriptorNames.map((key) => {
        if (!distances) return "-";
        const { low, high } = distances[key], places = DECIMALS[key];
        return `${digits(distances[key], places)} (${low.toFixed(places)} to ${high.toFixed(places)})`;
      }),
      frechet?.toFixed(3) ?? "-",
    ]),
  );

/** Positions: a row a set and what was done to it. */
export const geometryTable = (sets: readonly SetFigures[]): string =>
  markdownTable(
    [
      "",
      "",
      "sound %",
      "PoseBusters %",
      "MMFF94s strain, median / 90 %, kcal/mol",
      "GFN2-xTB strain, median / 90 %, kcal/mol",
      "bonds survive GFN2-xTB %",
      "from positions alone: valid %",
      "same pairs bonded %",
      "same graph %",
    ],
    sets.flatMap(({ name, geometry }) =>
      Object.entries(geometry).map(([form, { sound, posebusters, mmff, xtb, alone }]) => [
        ...[name, form, rate(sound), counted(posebusters), spread(mmff), spread(xtb?.strain), counted(xtb?.same)],
        ...[rate(alone.valid), rate(alone.pairs), rate(alone.graph)],
      ])
    ),
  );

/** All of it, tables apart. */
export const druglikeTables = (sets: readonly SetFigures[]): string =>
  [graphTable, distanceTable, geometryTable].map((table) => table(sets)).join("\n\n");

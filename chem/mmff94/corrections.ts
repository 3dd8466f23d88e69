/**
 * Corrections of MMFF94's parameters: what is added to a bond's length, an angle at rest, the constant out of a plane, and a torsion's V1, V2 and V3. Each term has keys
 * from its types alone to what stands around it, and the corrections of all of them add up, so that a rare neighbourhood has what the commoner ones say.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Found, Rows } from "./terms.ts";

/** Kinds of terms that are corrected, with their keys' first letter, the places of what is corrected among a term's numbers, and the decimals that are kept. */
export const CORRECTED = {
  /** Angstrom. */
  bonds: { mark: "b", places: [2], digits: 4 },
  /** Radians. */
  bends: { mark: "a", places: [3], digits: 3 },
  /** Millidyne angstrom / radian^2. */
  planes: { mark: "p", places: [4], digits: 4 },
  /** kcal/mol. */
  torsions: { mark: "t", places: [4, 5, 6], digits: 2 },
} as const;

/** A kind of term that is corrected. */
export type CorrectedTerm = keyof typeof CORRECTED;

/** Their names. */
export const correctedTerms = Object.keys(CORRECTED) as CorrectedTerm[];

/** What is added, by key: as many numbers as its kind has places. */
export type Corrections = ReadonlyMap<string, readonly number[]>;

/** Corrections as a file holds them. */
export interface FittedFile {
  /** The data, how many of its training molecules were looked at, and how many must have a key. */
  readonly data: string;
  readonly molecules: number;
  readonly least: number;
  /** What 95 % of the data's own molecules are above the force field's minimum at most, kcal/mol. */
  readonly strain: number;
  readonly corrections: Readonly<Record<string, readonly number[]>>;
}

/** The kind of term that a key is of. */
export const kindOf = (key: string): CorrectedTerm => correctedTerms.find((kind) => CORRECTED[kind].mark === key[0])!;

/** As they are written; those that come to nothing are left out. */
export function roundCorrections(corrections: Corrections): Map<string, number[]> {
  const rounded = [...corrections].map(([key, values]): [string, number[]] => {
    const unit = 10 ** CORRECTED[kindOf(key)].digits;
    return [key, values.map((value) => Math.round(value * unit) / unit + 0)];
  });
  return new Map(rounded.filter(([, values]) => values.some((value) => value !== 0)));
}

/** Reads corrections fitted to QM9 (`bench/fit_mmff94.ts` makes them). */
export async function readFitted(): Promise<{ readonly strain: number; readonly corrections: Corrections }> {
  const file: FittedFile = JSON.parse(await readFile(fileURLToPath(new URL("qm9.json", import.meta.url)), "utf8"));
  return { strain: file.strain, corrections: new Map(Object.entries(file.corrections)) };
}

const SYMBOLS: Readonly<Record<number, string>> = { 1: "H", 6: "C", 7: "N", 8: "O", 9: "F" };

/** What an atom is called: by its type, with the rings that it is in, and with its neighbours. */
interface Names {
  readonly type: string;
  readonly ringed: string;
  readonly full: string;
}

function namesOf({ graph, types }: Found): Names[] {
  const { elements, neighbours } = graph;
  const short = elements.map((element, atom) =>
    element === 1 ? "H" : `${SYMBOLS[element] ?? element}${neighbours[atom].length}`
  );
  return types.map((number, atom) => {
    const type = String(number);
    if (elements[atom] === 1) return { type, ringed: type, full: type };
    const rings = [3, 4, 5, 6].filter((size) => graph.inRing(atom, size)).join("");
    const ringed = rings ? `${type}r${rings}` : type;
    return { type, ringed, full: `${ringed}(${neighbours[atom].map((next) => short[next]).sort().join("")})` };
  });
}

/** A key that is the same from both ends. */
function eitherWay(mark: string, ring: number, names: readonly string[]): string {
  const one = names.join("-"), other = names.toReversed().join("-");
  return `${mark}${ring}:${one < other ? one : other}`;
}

/** Keys of each term of a kind, the commonest first. */
export type Keys = Readonly<Record<CorrectedTerm, readonly (readonly string[])[]>>;

/** Finds the keys of a graph's terms. */
export function keysOf(found: Found): Keys {
  const { graph, rows } = found, names = namesOf(found), ringOf = graph.smallestRing;
  const type = (atom: number) => names[atom].type, ringed = (atom: number) => names[atom].ringed;
  const full = (atom: number) => names[atom].full;
  /** Bonds of other order between the same types are others. */
  const order = (i: number, j: number) => graph.aromaticBond(i, j) ? "~" : "-=#"[graph.order(i, j) - 1];
  return {
    bonds: rows.bonds.map(([i, j]) => {
      const ring = ringOf([i, j]), mark = `b${order(i, j)}`;
      return [
        eitherWay(`${mark}`, 0, [type(i), type(j)]),
        eitherWay(`${mark}r`, ring, [ringed(i), ringed(j)]),
        eitherWay(`${mark}f`, ring, [full(i), full(j)]),
      ];
    }),
    bends: rows.bends.map(([i, j, k]) => {
      const ring = ringOf([i, j, k]);
      return [
        eitherWay("a", Math.min(ring, 5) % 5, [type(i), type(j), type(k)]),
        eitherWay("ar", ring, [ringed(i), ringed(j), ringed(k)]),
        eitherWay("af", ring, [type(i), full(j), type(k)]),
      ];
    }),
    planes: rows.planes.map(([j, ...rest]) => {
      const around = rest.slice(0, 3), mark = `p:${type(j)}-`;
      return [
        `${mark}${around.map(type).sort().join(",")}`,
        `p:${ringed(j)}-${around.map(ringed).sort().join(",")}`,
      ];
    }),
    torsions: rows.torsions.map(([i, j, k, l]) => {
      const ring = ringOf([i, j, k, l]), mark = `t${order(j, k)}`, middle = ringOf([j, k]);
      return [
        eitherWay(mark, ring, [type(i), type(j), type(k), type(l)]),
        eitherWay(`${mark}r`, ring, [type(i), ringed(j), ringed(k), type(l)]) + `/${middle}`,
        eitherWay(`${mark}f`, ring, [type(i), full(j), full(k), type(l)]),
      ];
    }),
  };
}

/** The terms with what is to be added to them. Lengths in stretch-bends are their bonds'. */
export function corrected(found: Found, corrections: Corrections): Rows {
  const keys = keysOf(found), rows = { ...found.rows };
  for (const kind of correctedTerms) {
    const { places } = CORRECTED[kind];
    rows[kind] = rows[kind].map((row, term) => {
      const own = row.slice();
      for (const key of keys[kind][term]) {
        const values = corrections.get(key);
        if (values) places.forEach((place, k) => own[place] += values[k]);
      }
      return own;
    });
  }
  const lengths = new Map(rows.bonds.flatMap(([i, j, length]) => [[`${i},${j}`, length], [`${j},${i}`, length]]));
  for (const row of rows.bends) {
    row[5] = lengths.get(`${row[0]},${row[1]}`)!;
    row[6] = lengths.get(`${row[2]},${row[1]}`)!;
  }
  return rows;
}

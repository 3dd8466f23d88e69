/**
 * MMFF94's tables, read from the package openchemlib (BSD-3), which ships them as its authors took them from Halgren's files. A copy of our own would be a second
 * list of the same numbers, and the package is there for whoever refines without the engine.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Where the tables lie: a file that everything which makes force fields must be allowed to read. */
export function tablesFile(): string {
  return join(dirname(createRequire(import.meta.url).resolve("openchemlib")), "resources.json");
}

const FOLDER = "/resources/forcefield/mmff94/";

/** Rows by what they are looked up with. */
export interface Lookup {
  /** The values of a row; undefined where there is none. */
  get(...key: number[]): readonly number[] | undefined;
}

/** What a type is (MMFFPROP.PAR): neighbours, valence, whether it has a pi lone pair, multiple bonds, is aromatic, linear, or may bear a single bond between multiple ones. */
export interface Property {
  readonly neighbours: number;
  readonly valence: number;
  readonly lonePair: boolean;
  readonly multiple: number;
  readonly aromatic: boolean;
  readonly linear: boolean;
  readonly bridge: boolean;
}

/** Of van der Waals pairs (MMFFVDW.PAR). */
export interface Dispersion {
  readonly alpha: number;
  readonly electrons: number;
  /** Angstrom. */
  readonly radius: number;
  readonly scale: number;
  readonly bond: "donor" | "acceptor" | "neither";
}

/** Of partial charges (MMFFPBCI.PAR). */
export interface ChargeShare {
  /** The partial bond charge increment, elementary charges. */
  readonly increment: number;
  /** The share of its formal charge that each neighbour takes. */
  readonly share: number;
}

/** A variant of the force field: MMFF94, or MMFF94s, whose nitrogens beside double bonds are flat, as they are in the mean over time. */
export const VARIANTS = ["mmff94", "mmff94s"] as const;

/** One of {@link VARIANTS}. */
export type Variant = typeof VARIANTS[number];

/** The tables that a variant has of its own. */
export interface VariantTables {
  /** Types, the centre's second -> force constant. */
  readonly outOfPlane: Lookup;
  /** Torsion type, types -> V1, V2, V3. */
  readonly torsions: Lookup;
}

/** All of them. Keys as Halgren's files have them. */
export interface Tables {
  readonly properties: readonly (Property | undefined)[];
  readonly dispersion: readonly (Dispersion | undefined)[];
  /** Types that a type may be taken for: itself first, ever more general ones at levels 1 to 4. */
  readonly levels: readonly (readonly number[] | undefined)[];
  /** Bond type, types -> force constant, length. */
  readonly bonds: Lookup;
  /** Angle type, types -> force constant, degrees. */
  readonly angles: Lookup;
  /** Stretch-bend type, types -> both constants. */
  readonly stretchBends: Lookup;
  /** Rows of the periodic table -> both constants. */
  readonly stretchBendRows: Lookup;
  readonly variants: Readonly<Record<Variant, VariantTables>>;
  /** Bond type, types in order -> the charge that the second takes from the first. */
  readonly bondCharges: Lookup;
  readonly chargeShares: readonly (ChargeShare | undefined)[];
  /** Elements -> length, force constant. */
  readonly bondElements: Lookup;
  /** Rows of the periodic table -> length, and the steepness of its logarithm. */
  readonly bondRows: Lookup;
  /** Element -> covalent radius, Pauling electronegativity. */
  readonly radii: Lookup;
}

/** Rows of a table: the first line is their number, the second what columns are. @throws TypeError where they are not so many */
function rowsOf(text: unknown, name: string): string[][] {
  if (typeof text !== "string") throw new TypeError(`${name} must be in openchemlib's resources; it is not`);
  const [count, , ...lines] = text.trim().split("\n");
  if (lines.length !== Number(count)) {
    throw new TypeError(`${name} must have ${count} rows, as its first line says; got ${lines.length}`);
  }
  return lines.map((line) => line.split(","));
}

const key = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum * 128 + number, 0);

function lookup(rows: readonly string[][], keys: number): Lookup {
  const map = new Map<number, number[]>();
  for (const row of rows) {
    const numbers = row.map(Number), known = key(numbers.slice(0, keys));
    map.set(known, numbers.slice(keys));
  }
  return { get: (...numbers) => map.get(key(numbers)) };
}

/** A list with a value at the number that each row begins with. */
function byNumber<Value>(rows: readonly string[][], value: (row: string[]) => Value): (Value | undefined)[] {
  const list: (Value | undefined)[] = [];
  for (const row of rows) list[Number(row[0])] = value(row);
  return list;
}

const BONDS = { "'D'": "donor", "'A'": "acceptor" } as const;

/** A row out of plane of MMFF94s that openchemlib has cut short (-0.01); MMFF94's table, and RDKit's of both variants, have it so. */
const AS_PUBLISHED = [["37", "64", "63", "64", "-0.011"]];

/** Reads the tables out of openchemlib's resources. @throws TypeError naming a table that is missing or cut short */
export function parseTables(resources: Readonly<Record<string, unknown>>): Tables {
  const rows = (name: string) => rowsOf(resources[`${FOLDER}${name}.csv`], `${FOLDER}${name}.csv`);
  return {
    properties: byNumber(rows("atom"), (row) => {
      const [, , neighbours, valence, lonePair, multiple, aromatic, linear, bridge] = row.map(Number);
      return {
        ...{ neighbours, valence, lonePair: lonePair > 0, multiple },
        ...{ aromatic: aromatic > 0, linear: linear > 0, bridge: bridge > 0 },
      };
    }),
    dispersion: byNumber(rows("vanderwaals"), (row) => {
      const [, alpha, electrons, a, scale] = row.map(Number);
      return {
        alpha,
        electrons,
        radius: a * alpha ** 0.25,
        scale,
        bond: BONDS[row[5] as keyof typeof BONDS] ?? "neither",
      };
    }),
    levels: byNumber(rows("def"), (row) => row.map(Number)),
    bonds: lookup(rows("bond"), 3),
    angles: lookup(rows("angle"), 4),
    stretchBends: lookup(rows("stbn"), 4),
    stretchBendRows: lookup(rows("dfsb"), 3),
    variants: {
      mmff94: { outOfPlane: lookup(rows("outofplane"), 4), torsions: lookup(rows("torsion"), 5) },
      mmff94s: {
        outOfPlane: lookup([...rows("94s/outofplane"), ...AS_PUBLISHED], 4),
        torsions: lookup(rows("94s/torsion"), 5),
      },
    },
    bondCharges: lookup(rows("bci"), 3),
    chargeShares: byNumber(rows("pbci"), (row) => ({ increment: Number(row[1]), share: Number(row[2]) })),
    bondElements: lookup(rows("bndk"), 2),
    bondRows: lookup(rows("herschbachlaurie"), 2),
    radii: lookup(rows("covrad"), 1),
  };
}

/** Reads the tables from the package. @throws {Deno.errors.NotFound} where it is not installed */
export async function readTables(): Promise<Tables> {
  return parseTables(JSON.parse(await readFile(tablesFile(), "utf8")));
}

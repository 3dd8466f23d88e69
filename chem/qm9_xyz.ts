/** The text form of the official QM9 files `dsgdb9nsd_NNNNNN.xyz`; see the data's readme, Sci. Data 1, 140022 (2014). */
import { EDM } from "./chemistry.ts";
import { QM9_PROPERTIES } from "./qm9.ts";

/** What is kept of one official file. */
export interface Qm9Record {
  readonly index: number;
  readonly atomicNumbers: number[];
  /** Angstrom, three an atom. */
  readonly positions: number[];
  /** In the order of `QM9_PROPERTIES`. */
  readonly properties: number[];
  readonly smiles: string;
}

/** Atomic numbers of QM9's elements. */
const NUMBERS = Object.fromEntries(EDM.elements.map(({ symbol, atomicNumber }) => [symbol, atomicNumber]));

/** A number as the files write it, sometimes in Mathematica's way: `6.2*^-6`. */
const number = (text: string) => text.trim() === "" ? NaN : Number(text.replace("*^", "e"));

/**
 * Reads one file. Its lines: the number of atoms; `gdb`, the index and the properties; an atom a line (element, x, y,
 * z, Mulliken charge); frequencies; two SMILES; two InChI.
 *
 * @param name what errors call the file
 * @throws {TypeError} where a line is not as it must be
 */
export function parseQm9Xyz(text: string, name: string): Qm9Record {
  const lines = text.split(/\r?\n/), atoms = Number(lines[0]);
  const fail = (what: string) => new TypeError(`${name}: ${what}`);
  if (!Number.isInteger(atoms) || atoms < 1 || atoms > 255) {
    throw fail(`the number of atoms must be 1 to 255; got "${lines[0]}"`);
  }
  if (lines.length < atoms + 4) {
    throw fail(`a file of ${atoms} atoms must have at least ${atoms + 4} lines; got ${lines.length}`);
  }

  const [tag, index, ...values] = lines[1].trim().split(/\s+/), properties = values.map(number);
  if (tag !== "gdb" || !Number.isInteger(Number(index)) || Number(index) < 1) {
    throw fail(`line 2 must begin with "gdb" and an index; got "${tag} ${index}"`);
  }
  if (properties.length !== QM9_PROPERTIES.length || !properties.every(Number.isFinite)) {
    throw fail(`line 2 must hold ${QM9_PROPERTIES.length} numbers after the index: ${QM9_PROPERTIES.join(", ")}`);
  }

  const atomicNumbers: number[] = [], positions: number[] = [];
  for (let i = 0; i < atoms; i++) {
    const [symbol, ...rest] = lines[2 + i].trim().split(/\s+/), xyz = rest.slice(0, 3).map(number);
    if (!Object.hasOwn(NUMBERS, symbol)) throw fail(`element "${symbol}"; QM9 has ${Object.keys(NUMBERS).join(", ")}`);
    if (rest.length !== 4 || !xyz.every(Number.isFinite)) throw fail(`line ${3 + i} does not hold a position`);
    atomicNumbers.push(NUMBERS[symbol]);
    positions.push(...xyz);
  }
  const smiles = lines[atoms + 3].trim().split(/\s+/)[0];
  if (smiles === "") throw fail(`line ${atoms + 4} does not hold a SMILES`);
  return { index: Number(index), atomicNumbers, positions, properties, smiles };
}

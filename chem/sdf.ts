/**
 * MDL molblocks and SDF records, version V2000 (Biovia, "CTFile Formats"): writing in 3D, and reading back.
 *
 * Hydrogens are atoms like any other. Charges are written and read as `M  CHG` lines; isotopes, stereo marks and other properties are
 * neither written nor read.
 */
import { type Chemistry, EDM } from "./chemistry.ts";
import { atomicNumberOf, symbolOf } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";

/** Data fields of an SDF record, name to value, in order. */
export type SdfData = Readonly<Record<string, string | number | boolean>>;

export interface SdfRecord {
  readonly title: string;
  readonly molecule: Molecule;
  readonly bonds: Bond[];
  readonly data: Record<string, string>;
}

/** Most characters of a molblock's title. */
export const TITLE_MAX = 80;

/** Whether V2000 can hold it: at most 999 atoms and 999 bonds, all coordinates finite, within -9999 and 9999 angstrom. */
export function fitsMolblock({ atomicNumbers, positions }: Molecule, bonds: readonly Bond[]): boolean {
  return atomicNumbers.length <= 999 && bonds.length <= 999 && positions.every((value) => Math.abs(value) <= 9999);
}

/** The lines `M  CHG` of a molblock, at most eight atoms each; empty where no atom is charged. */
export function chargeLines(charges: Int8Array = new Int8Array()): string {
  const charged = Array.from(charges.keys()).filter((i) => charges[i] !== 0),
    four = (n: number) => String(n).padStart(4);
  let text = "";
  for (let from = 0; from < charged.length; from += 8) {
    const atoms = charged.slice(from, from + 8);
    text += `M  CHG${String(atoms.length).padStart(3)}${atoms.map((i) => four(i + 1) + four(charges[i])).join("")}\n`;
  }
  return text;
}

function oneLine(what: string, text: string): string {
  if (/[\r\n]/.test(text)) throw new RangeError(`the ${what} must be one line; got ${JSON.stringify(text)}`);
  return text;
}

/**
 * A molblock, 3D, coordinates in angstrom to four decimals. It carries no date, so equal molecules give equal text.
 *
 * @param bonds zero-based, as `perceiveBonds` returns them
 * @param title the first line, at most {@link TITLE_MAX} characters
 * @throws RangeError for what {@link fitsMolblock} denies, or a title of several lines or of more characters
 */
export function molblock(molecule: Molecule, bonds: readonly Bond[], title = ""): string {
  const { atomicNumbers, positions } = molecule, n = atomicNumbers.length;
  if (positions.length !== 3 * n) {
    throw new RangeError(`positions of ${n} atoms must be ${3 * n} numbers; got ${positions.length}`);
  }
  if (!fitsMolblock(molecule, bonds)) {
    const coordinate = positions.find((value) => !(Math.abs(value) <= 9999)) ?? "no other";
    throw new RangeError(
      "a V2000 molblock must have at most 999 atoms, 999 bonds and coordinates from -9999 to 9999 angstrom; " +
        `got ${n}, ${bonds.length} and ${coordinate}`,
    );
  }
  if (title.length > TITLE_MAX) {
    throw new RangeError(`the title must have at most ${TITLE_MAX} characters; got ${title.length}`);
  }
  const three = (value: number) => String(value).padStart(3);
  const lines = [
    oneLine("title", title),
    "  Molstep           3D",
    "",
    `${three(n)}${three(bonds.length)}  0  0  0  0  0  0  0  0999 V2000`,
  ];
  for (let i = 0; i < n; i++) {
    let line = "";
    for (let axis = 0; axis < 3; axis++) line += positions[3 * i + axis].toFixed(4).padStart(10);
    lines.push(`${line} ${symbolOf(atomicNumbers[i]).padEnd(3)} 0  0  0  0  0  0  0  0  0  0  0  0`);
  }
  for (const { i, j, order } of bonds) lines.push(`${three(i + 1)}${three(j + 1)}${three(order)}  0`);
  return `${lines.join("\n")}\n${chargeLines(molecule.charges)}M  END\n`;
}

/**
 * One SDF record: a molblock and its data fields, ended by `$$$$`.
 *
 * @throws RangeError for a field name with `<`, `>` or a line break, or a value with an empty or `$$$$` line
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { perceiveBonds } from "./bonds.ts";
 *
 * const water = { atomicNumbers: Uint8Array.of(8, 1, 1), positions: Float32Array.of(0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0) };
 * const text = sdfRecord(molblock(water, perceiveBonds(water), "water"), { seed: 1 });
 * const [{ title, bonds, data }] = readSdf(text);
 * assert.deepEqual({ title, bonds: bonds.length, data }, { title: "water", bonds: 2, data: { seed: "1" } });
 * ```
 */
export function sdfRecord(block: string, data: SdfData = {}): string {
  return `${block}${fieldsText(data)}${RECORD_END}`;
}

const RECORD_END = "$$$$\n";

/**
 * A record of {@link sdfRecord}'s with further data fields, behind those that it has.
 *
 * @throws RangeError as `sdfRecord` does, and for text that is no record's
 */
export function withFields(record: string, data: SdfData): string {
  if (!record.endsWith(RECORD_END)) throw new RangeError(`a record must end with $$$$; got ${record.slice(-20)}`);
  return `${record.slice(0, -RECORD_END.length)}${fieldsText(data)}${RECORD_END}`;
}

function fieldsText(data: SdfData): string {
  let text = "";
  for (const [name, value] of Object.entries(data)) {
    if (!/^[^<>\r\n]+$/.test(name)) {
      throw new RangeError(
        `the name of a data field must be without <, > and line breaks; got ${JSON.stringify(name)}`,
      );
    }
    const lines = String(value).split(/\r?\n/);
    if (lines.some((line) => line.startsWith("$$$$")) || (lines.length > 1 && lines.includes(""))) {
      throw new RangeError(
        `the value of data field ${name} must be without empty lines and $$$$; got ${JSON.stringify(String(value))}`,
      );
    }
    text += `>  <${name}>\n${lines.join("\n")}\n\n`;
  }
  return text;
}

/**
 * Reads a V2000 molblock of a chemistry's elements with bonds of order 1 to 3. The molecule has charges where an `M  CHG` gives some.
 *
 * @throws SyntaxError naming the line that does not follow the form
 */
export function readMolblock(text: string, chemistry: Chemistry = EDM): Omit<SdfRecord, "data"> {
  const lines = text.split(/\r?\n/);
  const fail = (line: number, wanted: string) => {
    return new SyntaxError(
      `molblock, line ${line + 1}: expected ${wanted}; got ${JSON.stringify(lines[line] ?? "the end")}`,
    );
  };
  const integer = (line: number, from: number): number => {
    const field = (lines[line] ?? "").slice(from, from + 3);
    if (!/^ *\d+$/.test(field)) throw fail(line, `a whole number in columns ${from + 1} to ${from + 3}`);
    return Number(field);
  };
  if (!/ V2000\s*$/.test(lines[3] ?? "")) throw fail(3, "a counts line ending in V2000");
  const n = integer(3, 0), m = integer(3, 3);
  const atomicNumbers = new Uint8Array(n), positions = new Float32Array(3 * n), bonds: Bond[] = [];
  for (let i = 0; i < n; i++) {
    const line = lines[4 + i] ?? "";
    for (let axis = 0; axis < 3; axis++) {
      const field = line.slice(10 * axis, 10 * axis + 10);
      if (!/^ *-?\d+\.\d+$/.test(field)) throw fail(4 + i, "three coordinates of ten columns and a symbol");
      positions[3 * i + axis] = Number(field);
    }
    try {
      atomicNumbers[i] = atomicNumberOf(line.slice(31, 34).trim(), chemistry);
    } catch (error) {
      throw new SyntaxError(`molblock, line ${5 + i}: ${(error as Error).message}`);
    }
  }
  for (let b = 0; b < m; b++) {
    const line = 4 + n + b, i = integer(line, 0) - 1, j = integer(line, 3) - 1, order = integer(line, 6);
    if (i === j || i < 0 || j < 0 || i >= n || j >= n) throw fail(line, `a bond between two of ${n} atoms`);
    if (order !== 1 && order !== 2 && order !== 3) throw fail(line, "a bond of order 1, 2 or 3");
    bonds.push({ i: Math.min(i, j), j: Math.max(i, j), order });
  }
  const end = lines.findIndex((line, k) => k >= 4 + n + m && line.trimEnd() === "M  END");
  if (end < 0) throw new SyntaxError("molblock: expected M  END; got the end");
  const charges = new Int8Array(n);
  for (let line = 4 + n + m; line < end; line++) {
    if (!lines[line].startsWith("M  CHG")) continue;
    const [count, ...fields] = lines[line].slice(6).trim().split(/\s+/).map(Number);
    if (fields.length !== 2 * count || !fields.every(Number.isInteger)) {
      throw fail(line, "pairs of an atom and its charge");
    }
    for (let k = 0; k < fields.length; k += 2) {
      if (!(fields[k] >= 1 && fields[k] <= n)) throw fail(line, `charges of atoms from 1 to ${n}`);
      charges[fields[k] - 1] = fields[k + 1];
    }
  }
  const charged = charges.some((charge) => charge !== 0);
  return { title: lines[0], molecule: { atomicNumbers, positions, ...(charged && { charges }) }, bonds };
}

/**
 * Reads all records of an SDF file.
 *
 * @throws SyntaxError naming the record, counted from 1, that does not follow the form
 */
export function readSdf(text: string, chemistry: Chemistry = EDM): SdfRecord[] {
  const parts = text.split(/^\$\$\$\$.*(?:\r?\n|$)/m);
  if (parts.at(-1)!.trim() !== "") throw new SyntaxError(`SDF: record ${parts.length} does not end with $$$$`);
  return parts.slice(0, -1).map((part, index) => {
    try {
      const data: Record<string, string> = {};
      const fields = part.slice(part.search(/^M {2}END/m)).matchAll(
        /^>.*<([^<>]+)>.*\r?\n([^]*?)(?:\r?\n\r?\n|$(?![^]))/gm,
      );
      for (const [, name, value] of fields) data[name] = value.replace(/\r\n/g, "\n");
      return { ...readMolblock(part, chemistry), data };
    } catch (error) {
      throw new SyntaxError(`SDF, record ${index + 1}: ${(error as Error).message}`);
    }
  });
}

/** Molblocks for RDKit.js alone: ASCII, written in one go, as short as its reader takes them. For people see `sdf.ts`. */
import { symbolOf } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";
import { chargeLines } from "./sdf.ts";

const HEAD = "\n  Molstep           3D\n\n", COUNTS = "  0  0  0  0  0  0  0  0999 V2000\n", END = "M  END\n";

/** Bytes of an atom's line but for its symbol, and of a bond's; RDKit takes zero fields for granted. */
const ATOM = 32, BOND = 10;

const BLANK = 32, MINUS = 45, POINT = 46, ZERO = 48, LINE_END = 10;

/**
 * What `molblock` writes of the same molecule, but for the fields that are always zero, which cost RDKit a conversion each.
 *
 * @param molecule one that `fitsMolblock` allows, positions in angstrom
 * @param bonds zero-based, as `perceiveBonds` returns them
 * @throws RangeError for an unknown element
 */
export function molblockBytes({ atomicNumbers, positions, charges }: Molecule, bonds: readonly Bond[]): Uint8Array {
  const n = atomicNumbers.length, symbols = Array.from(atomicNumbers, symbolOf), properties = chargeLines(charges);
  const letters = symbols.reduce((sum, { length }) => sum + length, 0), tail = properties.length + END.length;
  const bytes = new Uint8Array(
    HEAD.length + 6 + COUNTS.length + ATOM * n + letters + BOND * bonds.length + tail,
  ).fill(BLANK);
  let at = writeText(bytes, 0, HEAD);
  writeWhole(bytes, at + 3, n);
  writeWhole(bytes, at + 6, bonds.length);
  at = writeText(bytes, at + 6, COUNTS);
  for (let i = 0; i < n; i++) {
    for (let axis = 0; axis < 3; axis++) writeCoordinate(bytes, at + 10 * (axis + 1), positions[3 * i + axis]);
    at = writeText(bytes, at + 31, symbols[i]);
    bytes[at++] = LINE_END;
  }
  for (const { i, j, order } of bonds) {
    writeWhole(bytes, at + 3, i + 1);
    writeWhole(bytes, at + 6, j + 1);
    writeWhole(bytes, at + 9, order);
    bytes[at + 9] = LINE_END;
    at += BOND;
  }
  writeText(bytes, writeText(bytes, at, properties), END);
  return bytes;
}

/** ASCII from a place on; returns the place after it. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  for (let k = 0; k < text.length; k++) bytes[at + k] = text.charCodeAt(k);
  return at + text.length;
}

/** A whole number from 0 whose last digit stands before `end`; returns the place of its first. */
function writeWhole(bytes: Uint8Array, end: number, value: number): number {
  do {
    bytes[--end] = ZERO + value % 10;
    value = Math.floor(value / 10);
  } while (value > 0);
  return end;
}

/**
 * A coordinate to four decimals before `end`, as `toFixed(4)` has it: halves away from zero. A number of 24 bits times 10^4
 * (10 bits and a power of two) is exact in 53 bits, so nothing is rounded but here.
 */
function writeCoordinate(bytes: Uint8Array, end: number, value: number): void {
  let scaled = Math.floor(Math.abs(value) * 1e4 + 0.5);
  for (let decimal = 0; decimal < 4; decimal++) {
    bytes[--end] = ZERO + scaled % 10;
    scaled = Math.floor(scaled / 10);
  }
  bytes[--end] = POINT;
  end = writeWhole(bytes, end, scaled);
  if (value < 0) bytes[end - 1] = MINUS;
}

/** Molblocks for RDKit.js alone: ASCII, written in one go, as short as its reader takes them. For people see `sdf.ts`. */
import { symbolOf } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";

const HEAD = "\n  Molstep           3D\n\n", COUNTS = "  0  0  0  0  0  0  0  0999 V2000\n", END = "M  END\n";

/** Bytes of an atom's and a bond's line, whose zero fields RDKit takes for granted. */
const ATOM = 33, BOND = 10;

const BLANK = 32, MINUS = 45, POINT = 46, ZERO = 48, LINE_END = 10;

/**
 * What `molblock` writes of the same molecule, but for the fields that are always zero, which cost RDKit a conversion each.
 *
 * @param molecule one that `fitsMolblock` allows, positions in angstrom
 * @param bonds zero-based, as `perceiveBonds` returns them
 * @throws RangeError for an unknown element
 */
export function molblockBytes({ atomicNumbers, positions }: Molecule, bonds: readonly Bond[]): Uint8Array {
  const n = atomicNumbers.length;
  const bytes = new Uint8Array(
    HEAD.length + 6 + COUNTS.length + ATOM * n + BOND * bonds.length + END.length,
  ).fill(BLANK);
  let at = writeText(bytes, 0, HEAD);
  writeWhole(bytes, at + 3, n);
  writeWhole(bytes, at + 6, bonds.length);
  at = writeText(bytes, at + 6, COUNTS);
  for (let i = 0; i < n; i++, at += ATOM) {
    for (let axis = 0; axis < 3; axis++) writeCoordinate(bytes, at + 10 * (axis + 1), positions[3 * i + axis]);
    bytes[at + 31] = symbolOf(atomicNumbers[i]).charCodeAt(0);
    bytes[at + 32] = LINE_END;
  }
  for (const { i, j, order } of bonds) {
    writeWhole(bytes, at + 3, i + 1);
    writeWhole(bytes, at + 6, j + 1);
    writeWhole(bytes, at + 9, order);
    bytes[at + 9] = LINE_END;
    at += BOND;
  }
  writeText(bytes, at, END);
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

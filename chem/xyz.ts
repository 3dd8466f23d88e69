/** XYZ files: the number of atoms, a comment, then a symbol and a position in angstrom an atom. */
import { type Chemistry, EDM } from "./chemistry.ts";
import { atomicNumberOf, symbolOf } from "./elements.ts";
import type { Molecule } from "./molecule.ts";

export interface XyzFrame {
  readonly comment: string;
  readonly molecule: Molecule;
}

/**
 * One molecule as XYZ text, coordinates to six decimals. Frames may be strung together.
 *
 * @param comment the second line
 * @throws RangeError for a comment of several lines
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const water = { atomicNumbers: Uint8Array.of(8, 1, 1), positions: Float32Array.of(0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0) };
 * const [{ comment, molecule }] = readXyz(xyz(water, "seed 1"));
 * assert.equal(comment, "seed 1");
 * assert.deepEqual(molecule.atomicNumbers, water.atomicNumbers);
 * ```
 */
export function xyz({ atomicNumbers, positions }: Molecule, comment = ""): string {
  if (/[\r\n]/.test(comment)) {
    throw new RangeError(`the comment must be one line; got ${JSON.stringify(comment)}`);
  }
  const lines = [String(atomicNumbers.length), comment];
  atomicNumbers.forEach((atomicNumber, i) => {
    const place = Array.from(positions.subarray(3 * i, 3 * i + 3), (value) => value.toFixed(6).padStart(14));
    lines.push(symbolOf(atomicNumber).padEnd(2) + place.join(""));
  });
  return lines.join("\n") + "\n";
}

/**
 * Reads all frames of an XYZ file. Columns after the position are left aside.
 *
 * @throws SyntaxError naming the line that does not follow the form
 */
export function readXyz(text: string, chemistry: Chemistry = EDM): XyzFrame[] {
  const lines = text.split(/\r?\n/), frames: XyzFrame[] = [];
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  for (let at = 0; at < lines.length;) {
    if (!/^\s*\d+\s*$/.test(lines[at])) {
      throw new SyntaxError(`XYZ, line ${at + 1}: expected a number of atoms; got ${JSON.stringify(lines[at])}`);
    }
    const n = Number(lines[at]), comment = lines[at + 1] ?? "";
    const atomicNumbers = new Uint8Array(n), positions = new Float32Array(3 * n);
    for (let i = 0; i < n; i++) {
      const line = lines[at + 2 + i], [symbol, ...place] = (line ?? "").trim().split(/\s+/);
      const numbers = place.slice(0, 3).map(Number);
      if (numbers.length < 3 || !numbers.every(Number.isFinite)) {
        const found = JSON.stringify(line ?? "the end");
        throw new SyntaxError(`XYZ, line ${at + 3 + i}: expected a symbol and three numbers; got ${found}`);
      }
      try {
        atomicNumbers[i] = atomicNumberOf(symbol, chemistry);
      } catch (error) {
        throw new SyntaxError(`XYZ, line ${at + 3 + i}: ${(error as Error).message}`);
      }
      positions.set(numbers, 3 * i);
    }
    frames.push({ comment, molecule: { atomicNumbers, positions } });
    at += 2 + n;
  }
  return frames;
}

/** Pieces of WGSL text. */

/** A statement for each of 0..count-1, written out: indices that are constants are not checked at run time. */
export function unroll(count: number, statement: (k: number) => string): string {
  return Array.from({ length: count }, (_, k) => statement(k)).join("\n");
}

/** The components of a vector. */
export const COMPONENTS = ["x", "y", "z", "w"] as const;

/** A number as WGSL writes a float. */
export const float = (value: number): string => Number.isInteger(value) ? value.toFixed(1) : String(value);

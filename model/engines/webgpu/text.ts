/** Pieces of WGSL text. */

/** A statement for each of 0..count-1, written out: indices that are constants are not checked at run time. */
export function unroll(count: number, statement: (k: number) => string): string {
  return Array.from({ length: count }, (_, k) => statement(k)).join("\n");
}

/** The components of a vector. */
export const COMPONENTS = ["x", "y", "z", "w"] as const;

/** x sigmoid(x) and tanh(x) for a type, with exponentials that stay finite. */
export function activations(type: "f32" | "vec4<f32>"): string {
  const limit = type === "f32" ? "80.0" : "vec4<f32>(80.0)";
  return `
fn silu(x: ${type}) -> ${type} { return x / (1.0 + exp(min(-x, ${limit}))); }
fn tanh_(x: ${type}) -> ${type} { return 1.0 - 2.0 / (exp(min(2.0 * x, ${limit})) + 1.0); }`;
}

/** The next multiple of `unit`. */
export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** A number as WGSL writes a float. */
export const float = (value: number): string => Number.isInteger(value) ? value.toFixed(1) : String(value);

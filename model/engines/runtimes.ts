/** Where a network can run: the engines written for pair attention and EGNNs, and TensorFlow.js's backends. */
import { BACKENDS } from "./tensorflow/types.ts";

/**
 * `native` is the engine compiled by the machine's own C compiler; `wasm` is the same engine in WebAssembly (shipped);
 * `webgpu` is the engine in WGSL (`webgpu/`). For networks that an engine does not know, `wasm` and `webgpu` are TensorFlow.js's backends of these
 * names; the others are TensorFlow.js's.
 */
export const RUNTIMES = ["native", ...BACKENDS] as const;

/** One of {@link RUNTIMES}. */
export type RuntimeName = typeof RUNTIMES[number];

/** Number formats of matrix products on a GPU; sums and all else are of 32 bits. */
export const PRECISIONS = ["f32", "f16"] as const;

/** One of {@link PRECISIONS}. */
export type Precision = typeof PRECISIONS[number];

/** What a caller may ask for: a name, or the best that works. */
export const RUNTIME_CHOICES = ["auto", ...RUNTIMES] as const;

/** One of {@link RUNTIME_CHOICES}. */
export type RuntimeChoice = typeof RUNTIME_CHOICES[number];

/** The only backend that has a number format; a format that is not named here all have. */
const PRECISION_NEEDS: { readonly [precision in Precision]?: RuntimeName } = { f16: "webgpu" };

/** What is wrong with a number format: the backend that it needs, and `why` the one at hand is not that. */
export const precisionNeeds = (precision: Precision, why: string): string =>
  `precision ${precision} needs the backend ${PRECISION_NEEDS[precision]}; ${why}`;

/** Whether a backend has a number format. */
export const hasPrecision = (name: string, precision: Precision = "f32"): boolean =>
  (PRECISION_NEEDS[precision] ?? name) === name;

/** Why what is asked for contradicts itself; undefined where it does not. On `auto` only trying tells. */
export function lackingPrecision(choice: RuntimeChoice, precision: Precision = "f32"): string | undefined {
  if (choice !== "auto" && !hasPrecision(choice, precision)) {
    return precisionNeeds(precision, `${choice} computes in f32`);
  }
}

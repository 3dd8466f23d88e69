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

/** Number formats of the factors of matrix products; sums and all else are of 32 bits. */
export const PRECISIONS = ["f32", "f16", "bf16"] as const;

/** One of {@link PRECISIONS}. */
export type Precision = typeof PRECISIONS[number];

/** What a caller that trains may ask for: a number format, or the fastest of the processor. */
export const PRECISION_CHOICES = ["auto", ...PRECISIONS] as const;

/** One of {@link PRECISION_CHOICES}. */
export type PrecisionChoice = typeof PRECISION_CHOICES[number];

/** What a caller may ask for: a name, or the best that works. */
export const RUNTIME_CHOICES = ["auto", ...RUNTIMES] as const;

/** One of {@link RUNTIME_CHOICES}. */
export type RuntimeChoice = typeof RUNTIME_CHOICES[number];

/** The backends that have a number format, where adapter or processor grants it; a format that is not named here all have. */
const PRECISION_NEEDS: { readonly [precision in Precision]?: readonly RuntimeName[] } = {
  f16: ["webgpu", "native"],
  bf16: ["native"],
};

/** Number formats with the backends that they need, in words. */
export const precisionsInWords = (): string =>
  PRECISIONS.map((one) => `${one}${PRECISION_NEEDS[one] ? ` (${PRECISION_NEEDS[one].join(" or ")})` : ""}`).join(", ");

/** What is wrong with a number format: the backends that it needs, and `why` what is at hand is none of them. */
export const precisionNeeds = (precision: Precision, why: string): string =>
  `precision ${precision} needs the backend ${PRECISION_NEEDS[precision]?.join(" or ")}; ${why}`;

/** Whether a backend can have a number format. */
export const hasPrecision = (name: string, precision: Precision = "f32"): boolean =>
  PRECISION_NEEDS[precision]?.some((one) => one === name) ?? true;

/** Why what is asked for contradicts itself; undefined where it does not. On `auto` only trying tells. */
export function lackingPrecision(choice: RuntimeChoice, precision: Precision = "f32"): string | undefined {
  if (choice !== "auto" && !hasPrecision(choice, precision)) {
    return precisionNeeds(precision, `${choice} computes in ${formatsOf(choice).join(" and ")}`);
  }
}

/** The number formats that a backend can have. */
const formatsOf = (name: RuntimeName): Precision[] => PRECISIONS.filter((precision) => hasPrecision(name, precision));

/** What answers and results call a backend: its name, and what multiplies where factors have 16 bits, `native (avx512-f16)`. */
export const backendOf = (name: RuntimeName, precision: Precision, kernel: string = precision): string =>
  precision === "f32" ? name : `${name} (${kernel})`;

/** The backend's own name in what {@link backendOf} gives. */
export const runtimeOf = (backend: string): string => backend.replace(/ \(.*\)$/, "");

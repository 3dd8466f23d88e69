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

/** What a caller may ask for: a name, or the best that works. */
export const RUNTIME_CHOICES = ["auto", ...RUNTIMES] as const;

/** One of {@link RUNTIME_CHOICES}. */
export type RuntimeChoice = typeof RUNTIME_CHOICES[number];

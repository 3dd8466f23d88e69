/** Where what is measured can run. */
import { type BackendName, BACKENDS } from "../model/engines/tensorflow/types.ts";
import type { Precision } from "../model/engines/runtimes.ts";

/**
 * Where a denoiser can run: the engine, natively, in WebAssembly or on a GPU (there also with products of 16-bit floats), and
 * TensorFlow.js's backends.
 */
export const ENGINES = [
  "native engine",
  "wasm engine",
  "webgpu engine",
  "webgpu f16 engine",
  ...BACKENDS.map((name) => `tfjs ${name}` as const),
] as const;

/** One of {@link ENGINES}. */
export type EngineName = typeof ENGINES[number];

/** Of a place's name, TensorFlow.js's own. */
export const backendOf = (place: EngineName): BackendName | undefined =>
  BACKENDS.find((name) => place === `tfjs ${name}`);

/** The numbers that the engine on a GPU multiplies there; undefined elsewhere. */
export const precisionOf = (place: EngineName): Precision | undefined =>
  place === "webgpu engine" ? "f32" : place === "webgpu f16 engine" ? "f16" : undefined;

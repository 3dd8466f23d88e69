/** The pair-attention denoiser on the native engine: for machines with a C compiler. */
import type { StoredTensor } from "../safetensors.ts";
import type { BatchShape, Denoiser } from "../types.ts";
import { timeRows } from "./inputs.ts";
import { createNativeEngine } from "./native_engine.ts";
import { flatten } from "./parameters.ts";
import type { EngineOptions } from "./wasm_denoiser.ts";

/** Throws as `createNativeEngine`. */
export function createNativeDenoiser(
  { space, sizes, schedule, workers }: EngineOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Denoiser {
  const engine = createNativeEngine({ space, sizes, threads: workers });
  try {
    engine.array("parameters").set(flatten(engine.specs, tensors));
  } catch (error) {
    engine.dispose();
    throw error;
  }
  engine.refresh();
  const predict = async (
    z: Float32Array,
    shape: BatchShape,
    t: number | Float32Array | Float64Array,
    steps?: number | Float32Array,
  ): Promise<Float32Array> =>
    await engine.predict(z, shape, timeRows(t, shape.batch, schedule, { steps, levels: sizes.levels }));
  return { space, predict, predictEach: predict, dispose: () => engine.dispose() };
}

/** The pair-attention denoiser on the native engine: for machines with a C compiler. */
import type { StoredTensor } from "../../diffusion/safetensors.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { createCrew } from "./crew.ts";
import { coreThreads } from "./threads.ts";
import { createNativeEngine } from "./native_engine.ts";
import { flatten } from "./parameters.ts";
import type { EngineOptions } from "./wasm_denoiser.ts";

/** Throws as `createNativeEngine` and `createCrew`. */
export async function createNativeDenoiser(
  { space, sizes, schedule, workers: threads = coreThreads() }: EngineOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Promise<Denoiser> {
  const engine = createNativeEngine({ space, sizes, threads });
  try {
    engine.array("parameters").set(flatten(engine.specs, tensors));
  } catch (error) {
    engine.dispose();
    throw error;
  }
  engine.refresh();
  const members = Array.from({ length: threads }, (_, index) => engine.member(index));
  return await createCrew({ space, schedule, members, onClose: () => engine.dispose() });
}

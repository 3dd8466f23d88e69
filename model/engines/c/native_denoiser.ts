/** The pair-attention denoiser on the native engine: for machines with a C compiler. */
import type { StoredTensor } from "../../diffusion/safetensors.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import type { PrecisionChoice } from "../runtimes.ts";
import { createCrew } from "./crew.ts";
import { coreThreads } from "./threads.ts";
import { createNativeEngine, type NativeEngine } from "./native_engine.ts";
import { flatten } from "./parameters.ts";
import type { EngineOptions } from "./wasm_denoiser.ts";

/** What the engine takes, and in what it is to multiply. */
export interface NativeDenoiserOptions extends EngineOptions {
  /** Of the factors of large products. Default `f32`. */
  readonly precision?: PrecisionChoice;
  /** The kernel to take of those that compute so; see `chooseKernel`. */
  readonly isa?: string;
}

/** A denoiser, what computes its products, and what the library was built for. Throws as `createNativeEngine` and `createCrew`. */
export async function createNativeDenoiser(
  { space, sizes, schedule, workers: threads = coreThreads(), precision, isa }: NativeDenoiserOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Promise<Denoiser & Pick<NativeEngine, "kernel" | "built">> {
  const engine = createNativeEngine({ space, sizes, threads, precision, isa });
  try {
    engine.array("parameters").set(flatten(engine.specs, tensors));
  } catch (error) {
    engine.dispose();
    throw error;
  }
  engine.refresh();
  const members = Array.from({ length: threads }, (_, index) => engine.member(index));
  const crew = await createCrew({ space, schedule, members, onClose: () => engine.dispose() });
  return { ...crew, kernel: engine.kernel, built: engine.built };
}

/** Puts a pair-attention denoiser where it runs best: on the engine, or on TensorFlow.js. */
import { existsSync } from "node:fs";
import type { EngineOptions } from "../engine/wasm_denoiser.ts";
import type { PartOptions, Placed, Tensors } from "../parts.ts";
import type { RuntimeName } from "../runtimes.ts";
import type { Denoiser } from "../types.ts";

type Place = () => Promise<Placed<Denoiser>>;

const reason = (error: unknown) => error instanceof Error ? error.message : String(error);

/**
 * `auto` tries, in this order: TensorFlow on a GPU, where its addon is installed and there is a GPU; the native engine,
 * where it has been compiled before (nothing is compiled unasked); the engine in WebAssembly; TensorFlow.js's others.
 *
 * @throws Error where what was asked for does not work here
 */
export async function placePairAttention(
  engine: EngineOptions,
  tensors: Tensors,
  { choice, threads, openTensors }: PartOptions,
): Promise<Placed<Denoiser>> {
  const options = { ...engine, workers: threads };
  const native: Place = async () => {
    const { createNativeDenoiser } = await import("../engine/native_denoiser.ts");
    return {
      part: createNativeDenoiser(options, tensors),
      backend: { name: "native", why: "the engine, compiled here" },
    };
  };
  const wasm: Place = async () => {
    const { createWasmDenoiser } = await import("../engine/wasm_denoiser.ts");
    const part = await createWasmDenoiser(options, tensors);
    return { part, backend: { name: "wasm", why: "the engine in WebAssembly" } };
  };
  const onTensors: Place = async () => {
    const { createPairAttention } = await import("./denoiser.ts");
    const { name, why, tf } = await openTensors();
    return { part: createPairAttention(tf, engine, tensors), backend: { name, why } };
  };
  if (choice !== "auto") {
    const places: Record<RuntimeName, Place> = {
      native,
      wasm,
      tensorflow: onTensors,
      webgpu: onTensors,
      cpu: onTensors,
    };
    const { part, backend } = await places[choice]();
    return {
      part,
      backend: { ...backend, why: backend.why.includes("asked for") ? backend.why : `${backend.why}: asked for` },
    };
  }
  const passed: string[] = [];
  const candidates: [name: string, lacking: () => Promise<string | undefined>, place: Place][] = [
    ["tensorflow", lackingGpu, onTensors],
    ["native", lackingLibrary, native],
    ["wasm", () => Promise.resolve(undefined), wasm],
    ["TensorFlow.js", () => Promise.resolve(undefined), onTensors],
  ];
  for (const [name, lacking, place] of candidates) {
    const lack = await lacking();
    if (lack) {
      passed.push(`${name}: ${lack}`);
      continue;
    }
    try {
      const { part, backend } = await place();
      return { part, backend: { ...backend, why: [backend.why, ...passed].join("; not ") } };
    } catch (error) {
      passed.push(`${name}: ${reason(error)}`);
    }
  }
  throw new Error(`nothing can run this model here; ${passed.join("; ")}`);
}

/** Why TensorFlow is not worth opening. */
async function lackingGpu(): Promise<string | undefined> {
  const { addonPath, defaultTensorflowFolder } = await import("../backends/tensorflow.ts");
  if (!existsSync(addonPath(defaultTensorflowFolder()))) return "its addon is not installed";
  if (!existsSync("/dev/nvidiactl")) return "there is no GPU";
}

/** Why the native engine is passed over. */
async function lackingLibrary(): Promise<string | undefined> {
  const { findNativeLibrary } = await import("../engine/native_library.ts");
  if (findNativeLibrary() === undefined) return "it is not compiled; --backend native does so";
}

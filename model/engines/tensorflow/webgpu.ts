/** WebGPU as the runtime itself offers it (`navigator.gpu`). */
import { findAdapter } from "../webgpu/device.ts";
import type { Register } from "./types.ts";

/** Registers `webgpu`. Where `auto` asks, a software adapter is refused: wasm is several times faster than that. */
export const registerWebgpu: Register = async (_tf, { auto, softwareAdapter = false }) => {
  const { label, software } = await findAdapter();
  if (auto && software && !softwareAdapter) throw new Error(`only a software adapter (${label}), slower than wasm`);
  await import("@tensorflow/tfjs-backend-webgpu");
  return `WebGPU on ${label}${software ? ", a software adapter" : ""}`;
};

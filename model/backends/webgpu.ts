/** WebGPU as the runtime itself offers it (`navigator.gpu`). */
import type { Register } from "./types.ts";

/** Registers `webgpu`. Where `auto` asks, a software adapter is refused: wasm is several times faster than that. */
export const registerWebgpu: Register = async (_tf, { auto, softwareAdapter = false }) => {
  const gpu = (navigator as { gpu?: GPU }).gpu;
  if (!gpu) throw new Error("this runtime has no navigator.gpu");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter (a driver for Vulkan, Metal or Direct3D 12 is needed)");
  const { description, vendor, isFallbackAdapter } = adapter.info;
  const label = description || vendor || "unnamed adapter";
  const software = isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|software|warp/i.test(label);
  if (auto && software && !softwareAdapter) throw new Error(`only a software adapter (${label}), slower than wasm`);
  await import("@tensorflow/tfjs-backend-webgpu");
  return `WebGPU on ${label}${software ? ", a software adapter" : ""}`;
};

/** TensorFlow.js's WebAssembly kernels (SIMD, one thread), read from the npm package on disk. */
import type { Register } from "./types.ts";

/** Registers `wasm`. The package finds its three .wasm files beside itself. */
export const registerWasm: Register = async () => {
  await import("@tensorflow/tfjs-backend-wasm");
  return "WebAssembly kernels with SIMD, one thread";
};

/** The shipped WebAssembly builds of the engine. */
import { fileURLToPath } from "node:url";

/** Uses one relaxed-SIMD instruction; validates only where the runtime has them. */
const RELAXED_PROBE = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0],
  ...[65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
]);

/** Whether this runtime has relaxed SIMD. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

/** Compiles the build that fits this runtime. */
export async function compileWasmEngine(relaxed = hasRelaxedSimd()): Promise<WebAssembly.Module> {
  const file = relaxed ? "engine.wasm" : "engine_simd.wasm";
  return await WebAssembly.compile(await Deno.readFile(fileURLToPath(new URL(file, import.meta.url))));
}

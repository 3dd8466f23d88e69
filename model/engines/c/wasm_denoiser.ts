/** The embedded default: the engine in WebAssembly, one worker a core. */
import { pairAttentionParameters, type PairAttentionSizes } from "../../networks/pair_attention/parameters.ts";
import type { StoredTensor } from "../../diffusion/safetensors.ts";
import type { LatentSpace, Schedule } from "../../diffusion/types.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { createCrew } from "./crew.ts";
import { coreThreads } from "./threads.ts";
import type { Member } from "./member.ts";
import { flatten } from "./parameters.ts";
import { compileWasmEngine } from "./wasm_module.ts";

/** What an engine is made of. */
export interface EngineOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly schedule: Schedule;
  /** Workers; the machine's cores where absent. */
  readonly workers?: number;
}

/** The pair-attention denoiser on the WebAssembly engine. Throws as `createCrew`, and where parameters do not fit the sizes. */
export async function createWasmDenoiser(
  { space, sizes, schedule, workers = coreThreads() }: EngineOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Promise<Denoiser> {
  const flat = flatten(pairAttentionParameters(space, sizes), tensors);
  // Workers copy them from here, all from one place.
  const parameters = new Float32Array(new SharedArrayBuffer(flat.byteLength));
  parameters.set(flat);
  const member: Member = { type: "wasm", module: await compileWasmEngine(), space, sizes, parameters };
  return await createCrew({ space, schedule, members: Array.from({ length: Math.max(1, workers) }, () => member) });
}

/** What a worker of a crew runs: an instance of the WebAssembly engine, or its share of the native one. */
import type { PairAttentionSizes } from "../pair_attention/parameters.ts";
import type { BatchShape, LatentSpace } from "../types.ts";
import type { TimeRows } from "./inputs.ts";

/** A network for one worker, as it can be sent there. */
export type Member =
  & { readonly space: LatentSpace; readonly sizes: PairAttentionSizes }
  & (
    | { readonly type: "wasm"; readonly module: WebAssembly.Module; readonly parameters: Float32Array }
    /** The engine at this address of the process, by its worker `index`. */
    | { readonly type: "native"; readonly library: string; readonly engine: bigint; readonly index: number }
  );

/** Estimates x0 `[B, L]`, on the calling thread. */
export type Predict = (z: Float32Array, shape: BatchShape, rows: TimeRows) => Float32Array;

/** Opens what the worker runs. @throws as `createWasmInstance`; where the library cannot be opened */
export async function openMember(member: Member): Promise<Predict> {
  if (member.type === "wasm") {
    const { createWasmInstance } = await import("./wasm_instance.ts");
    return createWasmInstance(member.module, member.space, member.sizes, member.parameters).predict;
  }
  const { openNativeLibrary } = await import("./native_library.ts"), { index } = member;
  const engine = Deno.UnsafePointer.create(member.engine), { symbols } = openNativeLibrary(member.library);
  return (z, { batch, nodes }, { times, alpha, sigma }) => {
    const out = new Float32Array(z.length);
    if (!symbols.molstep_predict_on(engine, index, nodes, batch, z, times, alpha, sigma, out)) {
      throw new Error("the native engine ran out of memory");
    }
    return out;
  };
}

/** What a worker of a crew runs: an instance of the WebAssembly engine, or its share of the native one. */
import { type Here, unaligned } from "./here.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { PairAttentionSizes } from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";

/** A network for one worker, as it can be sent there. */
export type Member =
  & { readonly space: LatentSpace; readonly sizes: PairAttentionSizes }
  & (
    | { readonly type: "wasm"; readonly module: WebAssembly.Module; readonly parameters: Float32Array }
    /** The engine at this address of the process, by its worker `index`. */
    | { readonly type: "native"; readonly library: string; readonly engine: bigint; readonly index: number }
  );

/** Opens what the worker runs. @throws as `createWasmInstance`; where the library cannot be opened */
export async function openMember(member: Member): Promise<Here> {
  if (member.type === "wasm") {
    const { createWasmInstance } = await import("./wasm_instance.ts");
    return createWasmInstance(member.module, member.space, member.sizes, member.parameters);
  }
  const { openNativeLibrary } = await import("./native_library.ts"), { index, space } = member;
  const engine = Deno.UnsafePointer.create(member.engine), { symbols } = openNativeLibrary(member.library);
  return {
    predict(z, { batch, nodes }, { features, alpha, sigma, without = -1 }, weak) {
      const out = new Float32Array(z.length), told = [features, alpha, sigma] as const;
      if (!symbols.molstep_predict_on(engine, index, nodes, batch, z, ...told, without, out, weak ?? null)) {
        throw new Error("the native engine ran out of memory");
      }
      return out;
    },
    realign(z, x0, { batch, nodes }, alpha) {
      const width = 3 * space.vectors + space.scalars;
      if (!symbols.molstep_align(nodes, batch, width, latentLength(space, nodes), alpha, z, x0)) throw unaligned(nodes);
    },
  };
}

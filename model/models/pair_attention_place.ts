/** Puts a pair-attention denoiser where it runs best: on a GPU, on the engine, or on TensorFlow.js. */
import { place } from "../engines/place.ts";
import type { EngineOptions } from "../engines/c/wasm_denoiser.ts";
import type { PartOptions, Placed, Tensors } from "../engines/placing.ts";
import { pairAttentionParameters } from "../networks/pair_attention/parameters.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

/**
 * See `place`.
 *
 * @throws RangeError where there are tensors that a network of these sizes has not: a card that says fewer blocks than
 * its file has would load another network; Error where what was asked for does not work here
 */
// deno-lint-ignore require-await -- errors are to come as rejections
export async function placePairAttention(
  engine: EngineOptions,
  tensors: Tensors,
  options: PartOptions,
): Promise<Placed<Denoiser>> {
  const named = new Set(pairAttentionParameters(engine.space, engine.sizes).map(({ name }) => name));
  const surplus = [...tensors.keys()].filter((name) => !named.has(name));
  if (surplus.length > 0) {
    throw new RangeError(
      `a pair-attention network of ${engine.sizes.blocks} blocks has no ${surplus.slice(0, 3).join(", ")}${
        surplus.length > 3 ? ` and ${surplus.length - 3} more` : ""
      } of the file's parameters; the card's denoiser must have the sizes of its file`,
    );
  }
  const onEngine = { ...engine, workers: options.threads };
  return place<Denoiser>({
    narrow: true,
    async native() {
      const { createNativeDenoiser } = await import("../engines/c/native_denoiser.ts");
      const part = await createNativeDenoiser({ ...onEngine, precision: options.precision }, tensors);
      return { part, kernel: part.kernel.name };
    },
    async wasm() {
      const { createWasmDenoiser } = await import("../engines/c/wasm_denoiser.ts");
      return await createWasmDenoiser(onEngine, tensors);
    },
    async gpu() {
      const { createGpuDenoiser } = await import("../engines/webgpu/denoiser.ts");
      const { choice, precision, openGpu } = options, software = choice === "webgpu", gpu = await openGpu?.();
      const part = await createGpuDenoiser({ ...engine, gpu, closes: true, software, precision }, tensors);
      return { part, why: part.why };
    },
    async tensors({ tf }) {
      const { createPairAttention } = await import("../networks/pair_attention/denoiser.ts");
      return createPairAttention(tf, engine, tensors);
    },
  }, options);
}

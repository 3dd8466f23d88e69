/** A tiny model that is told a property. */
import type { CardChanges } from "./tiny_model.ts";

const gap = { name: "gap" as const, unit: "eV", mean: 7, deviation: 1, range: [4, 10] as [number, number] };

/** See `writeTinyModel`. */
export const TOLD = {
  name: "told",
  denoiser: { type: "pair-attention", width: 16, blocks: 1, conditions: [gap], file: "denoiser.safetensors" },
} as const satisfies CardChanges;

/** Which supply of clean latents a round takes: the model's data set where it is there, else what the undistilled model draws itself. */
import { join } from "node:path";
import type { Model } from "../../models/load.ts";
import type { RoundOptions } from "../round.ts";
import type { RoundSettings } from "../settings.ts";
import type { LatentSource } from "../source.ts";
import { generatedSource } from "./generated.ts";

/** Latents of the pool that is learned from, and of the one that the held-out loss is taken on. */
export const POOL = 5000, HELD_OUT_POOL = 500;

/** Molecules to learn from and, others, to measure on. */
export interface Supplies {
  readonly source: LatentSource;
  readonly heldOut: LatentSource;
}

/** How large the pools are, and where in the round's folder they lie: of a short round only as large as it can see. */
export function poolsOf(
  { batch, to, keep }: RoundSettings,
  { folder, updates }: Pick<RoundOptions, "folder" | "updates">,
) {
  const count = updates === undefined ? POOL : Math.min(POOL, Math.max(to, ...keep, 2 * updates * batch));
  return {
    source: { path: join(folder, "pool.safetensors"), count },
    heldOut: { path: join(folder, "held_out.safetensors"), count: Math.min(HELD_OUT_POOL, count) },
  };
}

/** Latents that the undistilled model draws, kept in the round's folder. */
export async function generatedSupplies(
  model: Pick<Model, "card" | "schedule" | "autoencoder" | "batch" | "denoiser">,
  settings: RoundSettings,
  options: RoundOptions,
  { oneSize = false } = {},
): Promise<Supplies> {
  const { seed } = settings, { signal } = options, pools = poolsOf(settings, options);
  const key = `${model.card.name} ${model.card.version}`;
  await Deno.mkdir(options.folder, { recursive: true });
  const supply = ({ path, count }: { path: string; count: number }, seed: number, oneSize: boolean) =>
    generatedSource(path, key, { model, seed, count, oneSize, ...(signal && { signal }) });
  return { source: await supply(pools.source, seed, oneSize), heldOut: await supply(pools.heldOut, seed + 1, false) };
}

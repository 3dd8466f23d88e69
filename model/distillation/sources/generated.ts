/** Clean latents that the teacher draws itself: a round without data, for any model. */
import type { Card } from "../../models/card.ts";
import { makeGrid } from "../../diffusion/grids.ts";
import { drawNoise } from "../../diffusion/latent.ts";
import type { Model } from "../../models/load.ts";
import { PURPOSE, random } from "../../diffusion/random.ts";
import { realigner } from "../../diffusion/coupling/align.ts";
import { type Denoise, firstLatents, planSampling, runPlan } from "../../diffusion/samplers/mod.ts";
import { chooseSettings, type Settings, startsOf } from "../../models/settings.ts";
import { drawSize, groupBySize, sizeDistribution } from "../../diffusion/sizes.ts";
import type { LatentSource } from "../source.ts";
import {
  addToPool,
  joinPool,
  keptPool,
  type LatentPool,
  poolCount,
  pooledSource,
  type PooledSourceOptions,
} from "./pool.ts";

/** What to draw. */
export interface GeneratedOptions {
  readonly model: Pick<Model, "card" | "schedule" | "autoencoder" | "batch" | "denoiser">;
  /** Latents in the pool. Default 2000. */
  readonly count?: number;
  readonly seed: number;
  /** How the undistilled model draws. Default {@link teacherSettings}. */
  readonly settings?: Settings;
  /** See {@link PooledSourceOptions}. */
  readonly oneSize?: PooledSourceOptions["oneSize"];
  readonly signal?: AbortSignal;
  /** Called after each call of the denoiser with the fraction done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** The setting of most steps that a card recommends, else ancestral sampling in 100 steps. */
export function teacherSettings(card: Pick<Card, "name" | "distilled" | "recommended" | "autoencoder">): Settings {
  const most = card.recommended.reduce((steps, entry) => Math.max(steps, entry.steps), 0);
  const best = card.recommended.find(({ steps }) => steps === most);
  return chooseSettings({ ...card, recommended: best ? [best] : [] }, most || 100, best?.sampler ?? "ddpm");
}

/**
 * Draws latents from the undistilled model, sizes by the card's distribution: a function of the seed alone.
 *
 * @throws RangeError for settings of distilled weights; the signal's reason when it aborts
 */
export async function generatePool(options: GeneratedOptions): Promise<LatentPool> {
  const { model, count = 2000, seed, signal, onProgress } = options;
  const settings = options.settings ?? teacherSettings(model.card);
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer; got ${count}`);
  if (settings.sampler === "distilled") throw new RangeError("the undistilled model draws the pool; not a student");
  const distribution = sizeDistribution(model.card), denoiser = await model.denoiser(), { space } = denoiser;
  const grid = makeGrid(settings.grid, settings.steps, model.schedule), { card } = model;
  const plan = planSampling(settings.algorithm, model.schedule, grid, settings.options);
  const startOf = startsOf(card, settings.grid, model.schedule(grid[0]));
  const sizes = Array.from({ length: count }, (_, index) => drawSize(distribution, seed, index));
  const parts = new Map<number, Float32Array[]>();
  let done = 0;
  for (const { nodes, indices } of groupBySize(sizes, model.batch)) {
    const shape = { batch: indices.length, nodes };
    const streams = indices.map((index) => random(seed, index, PURPOSE.generated));
    const noise = () => drawNoise(space, shape, streams);
    const denoise: Denoise = async (z, t) => {
      const x0 = await denoiser.predict(z, shape, { time: t });
      if (t <= settings.clamp) await model.autoencoder.clamp?.(x0, shape, { signal });
      done += indices.length;
      onProgress?.(Math.min(1, done / (count * settings.steps)));
      return x0;
    };
    const realign = realigner(card.coupling, space, shape);
    const first = await firstLatents(noise, startOf(nodes), realign);
    addToPool(parts, nodes, await runPlan(plan, denoise, first, noise, signal, realign));
  }
  return joinPool(parts);
}

/**
 * A source of the teacher's own latents, its pool kept in the file `path`: one that is there already is taken whatever its
 * count, so that a run which goes on for longer sees the same.
 *
 * @param key tells apart the models for which a pool may have been made
 */
export async function generatedSource(path: string, key: string, options: GeneratedOptions): Promise<LatentSource> {
  const { model, seed, settings = teacherSettings(model.card), oneSize } = options, { space } = model.autoencoder;
  const told = JSON.stringify({ key, seed, settings });
  const pool = await keptPool(path, space, told, () => generatePool({ ...options, settings }));
  const drawn = `${poolCount(pool, space)} latents drawn by the teacher`;
  return pooledSource({ space, pool, description: `${drawn} (${settings.sampler}, ${settings.steps} steps)`, oneSize });
}

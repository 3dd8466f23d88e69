/** What learning curves of minutes have in common: the rates of an update, and the molecules that a network draws at the end. */
import { fileURLToPath } from "node:url";
import type { DataSet } from "../chem/data_set.ts";
import { createDistributions, type Distributions } from "../chem/distributions.ts";
import { makeGrid } from "../model/diffusion/grids.ts";
import { averagesOf, type Learner, type Rates } from "../model/diffusion/learner.ts";
import { type LatentMoments, planSampling, startOf } from "../model/diffusion/samplers/mod.ts";
import { createNativeDenoiser } from "../model/engines/c/native_denoiser.ts";
import { readCard } from "../model/models/card.ts";

import { emaDecay, rateFactor } from "../model/training/schedule.ts";
import { runSchedule, type RunSettings, runSizes, runSpace } from "../model/training/settings.ts";
import { createJudge, drawBy, type DrawOptions, type JudgeOptions, NODES } from "./drawn.ts";
import type { Row } from "./table.ts";

/** Steps of the molecules drawn. */
export const DRAWN_STEPS = [4, 8, 16];

/** Seed of the molecules drawn: none that settings are chosen or published with. */
export const DRAWN_SEED = 9;

/** Molecules of the test split, of {@link NODES} heavy atoms, whose angles stand for the data's. */
const REFERENCE = 3000;

/** Angles and lengths of molecules of the test split of as many heavy atoms as those drawn. */
function referenceOf(data: DataSet): Distributions {
  const seen = createDistributions();
  let count = 0;
  for (const row of data.split.test) {
    const molecule = data.molecule(row);
    if (molecule.atomicNumbers.filter((atomicNumber) => atomicNumber > 1).length !== NODES) continue;
    seen.add(molecule);
    if (++count === REFERENCE) break;
  }
  return seen.distributions();
}

/** How a network's latents are drawn and read. */
export interface Reading {
  /** Of latents of {@link NODES} atoms, for starts. */
  readonly moments: LatentMoments;
  readonly autoencoder: NonNullable<JudgeOptions["autoencoder"]>;
  /** What becomes of the network's estimates, where they are not of the latents themselves. */
  readonly estimating?: (denoiser: DrawOptions["denoiser"]) => DrawOptions["denoiser"];
}

/** The rates of an update: rising over the first tenth at most, falling to a hundredth over all of them. */
export function ratesOf({ muon, adamw, clip, warmup, emaLimit }: RunSettings, update: number, updates: number): Rates {
  const rate = rateFactor(update, update / updates, { warmup: Math.min(warmup, updates / 10) });
  return { muon: muon * rate, adamw: adamw * rate, clip, emaDecay: emaDecay(update, Math.min(emaLimit, 0.98)) };
}

/** A function that draws with a learner's averages, by the samplers that the shipped card recommends, and judges what comes. */
export async function createDraws(data: DataSet, { draw, threads }: { draw: number; threads: number }) {
  const judged = await createJudge(draw, DRAWN_SEED), reference = referenceOf(data), schedule = runSchedule();
  const { recommended } = await readCard(fileURLToPath(new URL("../weights/qm9", import.meta.url)));
  return async (
    learner: Learner,
    settings: RunSettings,
    { moments, autoencoder, estimating = (denoiser) => denoiser }: Reading,
  ): Promise<Row[]> => {
    const space = runSpace(settings), sizes = runSizes(settings), rows: Row[] = [];
    const denoiser = await createNativeDenoiser(
      { space, sizes, schedule, workers: threads },
      averagesOf(await learner.state()),
    );
    try {
      for (const steps of DRAWN_STEPS) {
        const { sampler, grid: spec, options } = recommended.find((one) => one.steps === steps)!;
        const grid = makeGrid(spec, steps, schedule), plan = planSampling(sampler, schedule, grid, options);
        const start = spec.type === "logSnr" && spec.start
          ? startOf(moments, space, NODES, schedule(grid[0]), spec.start.spread)
          : undefined;
        const draw = drawBy({
          denoiser: estimating(denoiser),
          plan,
          start,
          seed: DRAWN_SEED,
          coupling: settings.coupling,
        });
        rows.push({ steps, ...await judged(draw, { reference, repaired: true, autoencoder }) });
      }
      return rows;
    } finally {
      denoiser.dispose();
    }
  };
}

/** Log-likelihoods of a data set's molecules under a model: those that were held out beside those that were trained on. */
import type { DataSet, Part } from "../../chem/data_set.ts";
import { bootstrap, type Estimate } from "../../chem/judge/bootstrap.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { chooseRows } from "../distillation/sources/encoded.ts";
import { moleculeNoise } from "../diffusion/noise.ts";
import { random } from "../diffusion/random.ts";
import { timeAtLogSnr } from "../diffusion/schedules.ts";
import type { Model } from "../models/load.ts";
import { latentMeasure, logLikelihoods } from "./likelihood.ts";

/** Nats a dimension of the latent, in the mean over molecules. */
export interface Likelihood {
  readonly test: Estimate;
  readonly train: Estimate;
  /** Molecules of each. */
  readonly n: number;
  /** The log-SNR at which latents are measured: with the noise of this. */
  readonly logSnr: number;
  /** Steps of the integration. */
  readonly steps: number;
}

/** What is measured. */
export interface MeasureLikelihoodOptions {
  /** Molecules of each of the two splits. */
  readonly count: number;
  readonly seed: number;
  /** Default 7: sigma / alpha is 0.03, where recommended grids end. */
  readonly logSnr?: number;
  /** Default 32. */
  readonly steps?: number;
  readonly signal?: AbortSignal;
}

const heavy = ({ atomicNumbers }: Molecule) => atomicNumbers.filter((z) => z !== 1).length;

/** Measures by the undistilled denoiser. */
export async function measureLikelihood(
  { autoencoder, schedule, denoiser, batch }: Model,
  data: DataSet,
  { count, seed, logSnr = 7, steps = 32, signal }: MeasureLikelihoodOptions,
): Promise<Likelihood> {
  const network = await denoiser(), { space, counts } = autoencoder, time = timeAtLogSnr(schedule, logSnr);
  const { alpha, sigma } = schedule(time);

  /** Nats a dimension of each molecule, all of one size. */
  const ofBatch = async (rows: readonly number[], molecules: readonly Molecule[], nodes: number) => {
    const shape = { batch: molecules.length, nodes }, measure = latentMeasure(space, nodes);
    const clean = await autoencoder.encode(molecules, rows.map((row) => random(seed, row)));
    const noise = moleculeNoise(space, nodes, seed, rows), first = noise();
    const found = await logLikelihoods(clean.map((x, k) => alpha * x + sigma * first[k]), shape.batch, time, {
      ...{ schedule, measure, steps, signal, probe: noise },
      estimate: (z, time) => network.predict(z, shape, { time }),
    });
    return Array.from(found, (nats) => nats / measure.dimensions);
  };

  const ofPart = async (part: Part): Promise<number[]> => {
    const chosen = chooseRows(data.split[part], count, seed).map((row) => ({ row, molecule: data.molecule(row) }));
    const sizes = Map.groupBy(
      chosen,
      ({ molecule }) => counts === "atoms" ? molecule.atomicNumbers.length : heavy(molecule),
    );
    const all: number[] = [];
    for (const [nodes, members] of sizes) {
      for (let from = 0; from < members.length; from += batch) {
        const some = members.slice(from, from + batch);
        all.push(...await ofBatch(some.map(({ row }) => row), some.map(({ molecule }) => molecule), nodes));
      }
    }
    return all;
  };
  const mean = (values: readonly number[]) =>
    bootstrap(values.length, (places) => places.reduce((sum, place) => sum + values[place], 0) / places.length);
  const test = await ofPart("test"), train = await ofPart("train");
  return { test: mean(test), train: mean(train), n: test.length, logSnr, steps };
}

/**
 * `deno task bench:curves --vary NAME --values JSON`: learning curves of minutes, one setting at a time. Trains the same network from the same
 * weights with the same batches and noise once for each value, and compares held-out losses in pairs: the same molecules, times and noise, so that
 * differences far below the loss' own spread are seen. Held-out times are uniform, as training's own held-out loss, and those of few-step samplers.
 * Losses of different latents are not to be compared, so each also draws molecules, of the same seed, and these are judged.
 */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { DataSet } from "../chem/data_set.ts";
import { openDataSet } from "../chem/data_sets.ts";
import { createDistributions, type Distributions } from "../chem/distributions.ts";
import { makeGrid } from "../model/diffusion/grids.ts";
import { averagesOf, type Group, type Learner, type Rates } from "../model/diffusion/learner.ts";
import { type LatentMoments, planSampling, startOf } from "../model/diffusion/samplers/mod.ts";
import { createNativeDenoiser } from "../model/engines/c/native_denoiser.ts";
import { openLearner } from "../model/engines/open_learner.ts";
import { PRECISION_CHOICES } from "../model/engines/runtimes.ts";
import { writeAtomically } from "../model/diffusion/files.ts";
import { writeSafetensors } from "../model/diffusion/safetensors.ts";
import { readCard } from "../model/models/card.ts";
import { createHeavyAtomAutoencoder } from "../model/networks/heavy_atom/autoencoder.ts";
import { formOf, QM9_CLASSES } from "../model/networks/heavy_atom/space.ts";
import type { ExampleSet } from "../model/networks/heavy_atom/examples.ts";
import { grow } from "../model/networks/pair_attention/grow.ts";
import { pairAttentionParameters, sizesOf } from "../model/networks/pair_attention/parameters.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import { readFirstValues } from "../model/training/first_values.ts";
import { exampleMoments } from "../model/training/moments.ts";
import { emaDecay, rateFactor } from "../model/training/schedule.ts";
import { CHOSEN, runSchedule, type RunSettings, runSettings, runSpace } from "../model/training/settings.ts";
import { json, object, option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { createJudge, drawBy, type DrawOptions, type JudgeOptions, NODES } from "./drawn.ts";
import { HELD_OUT_TIMES, heldOutBatches } from "./held_out.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { meanError } from "./statistics.ts";
import { formatResult, type Result, type Row } from "./table.ts";

/** Settings of a run that can be compared. */
const VARIED = CHOSEN.filter((name) => name !== "seed");

/** Steps of the molecules drawn. */
export const DRAWN_STEPS = [4, 8, 16];

/** Seed of the molecules drawn: none that settings are chosen or published with. */
export const DRAWN_SEED = 9;

/** Molecules of the test split, of {@link NODES} heavy atoms, whose angles stand for the data's. */
const REFERENCE = 3000;

const OPTIONS = {
  from: option("FILE", "weights to begin with (default: random ones)", z.string().optional()),
  vary: option("NAME", `what differs: ${VARIED.join(", ")}`, z.enum(VARIED)),
  values: option(
    "JSON",
    "its values, [0.005, 0.01]; a null is the default. The first is what others are compared with",
    json().pipe(z.array(z.unknown()).min(2)),
  ),
  with: option("JSON", "other settings of all the runs", object().default({})),
  updates: option("N", "updates of each (default 400); rates fall to a hundredth over them", whole(1).default(400)),
  molecules: option("N", "held-out molecules of each kind (default 2048)", whole(128).default(2048)),
  threads: option("N", "(default 2)", whole(1).default(2)),
  precision: option(
    "NAME",
    `${PRECISION_CHOICES.join(", ")} (default auto)`,
    z.enum(PRECISION_CHOICES).default("auto"),
  ),
  draw: option(
    "N",
    `molecules of ${NODES} heavy atoms that each draws with its averaged weights at ${
      DRAWN_STEPS.join(", ")
    } steps, not clamped (default 500; 0 for none)`,
    whole().default(500),
  ),
  weights: option("FOLDER", "keeps each run's averaged weights there, to draw from", z.string().optional()),
  out: option("FILE", "where results go", z.string().optional()),
};

/** Losses of each batch of 128 by the averages, in all and of the positions. */
async function lossesOf(learner: Learner, batches: readonly Group[][]) {
  const total: number[] = [], positions: number[] = [];
  for (const groups of batches) {
    const losses = await learner.loss(groups, "ema");
    total.push(losses.total), positions.push(losses.parts.positions);
  }
  return { total, positions };
}

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
    const space = runSpace(settings), sizes = sizesOf(settings), rows: Row[] = [];
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

async function main(args: string[]): Promise<void> {
  const { from, vary, values, with: others, updates, molecules, draw, threads, precision, weights, out } = readOptions(
    args,
    OPTIONS,
  );
  const settled = values.map((value) =>
    runSettings.parse({ coupling: "aligned", ...others, ...(value === null ? {} : { [vary]: value }) })
  );
  const first = from === undefined ? undefined : await readFirstValues(from), data = await openDataSet();
  const schedule = runSchedule();
  /** Examples to learn from and to be judged by, as each latent has them. */
  const loaded = new Map<string, { examples: ExampleSet; judgedBy: (readonly [string, Group[][]])[] }>();
  const load = (settings: RunSettings) => {
    const form = formOf(settings), key = JSON.stringify(form), had = loaded.get(key);
    if (had) return had;
    const { examples } = loadExamples(data, data.split.train, QM9_CLASSES, form);
    const heldOut = loadExamples(data, data.split.valid.subarray(0, 8000), QM9_CLASSES, form).examples;
    const how = { examples: heldOut, molecules, coupling: settled[0].coupling, ...form };
    const judgedBy = HELD_OUT_TIMES.map((times) => [times, heldOutBatches(times, how)] as const);
    loaded.set(key, { examples, judgedBy });
    return loaded.get(key)!;
  };
  const under = {
    command: `deno task bench:curves --vary ${vary} --values '${JSON.stringify(values)}' --with '${
      JSON.stringify(others)
    }' --updates ${updates}`,
    ...await conditions(),
  };
  console.log(machineLine(under));
  const draws = draw > 0 ? await createDraws(data, { draw, threads }) : undefined, rows: Row[] = [], drawn: Row[] = [];
  let reference: Record<string, number[]> | undefined, backend = "";
  for (const [k, settings] of settled.entries()) {
    const { batch, seed } = settings;
    const space = runSpace(settings), sizes = sizesOf(settings), { examples, judgedBy } = load(settings);
    const { learner } = await openLearner("native", {
      space,
      sizes,
      seed,
      threads,
      precision,
      values: first && grow(pairAttentionParameters(space, sizes), first.values, seed),
    });
    try {
      backend = learner.backend;
      const start = performance.now();
      for (let update = 0; update < updates; update++) {
        const groups = makeGroups({ ...settings, examples, update, schedule });
        const { total } = await learner.update(groups, ratesOf(settings, update, updates));
        if (!Number.isFinite(total)) {
          throw new Error(`the loss of ${vary} ${values[k]} is ${total} at update ${update}`);
        }
      }
      const seconds = (performance.now() - start) / 1000;
      const found: Record<string, number[]> = {};
      for (const [kind, batches] of judgedBy) {
        const { total, positions } = await lossesOf(learner, batches);
        found[kind] = total, found[`${kind}, positions`] = positions;
      }
      reference ??= found;
      const row: Record<string, string | number> = {
        [vary]: JSON.stringify(values[k]),
        molecules: updates * batch,
        "molecules/s": updates * batch / seconds,
      };
      for (const [name, losses] of Object.entries(found)) {
        const { mean, error } = meanError(losses.map((value, i) => value - reference![name][i]));
        row[name] = meanError(losses).mean, row[`${name}: difference`] = mean, row[`${name}: error`] = error;
      }
      rows.push(row);
      console.log(JSON.stringify(row));
      const reading = () => ({
        moments: exampleMoments(examples, space.scalars, settings)[NODES],
        autoencoder: createHeavyAtomAutoencoder({ form: settings }),
      });
      for (const found of await draws?.(learner, settings, reading()) ?? []) {
        drawn.push({ [vary]: JSON.stringify(values[k]), ...found });
        console.log(JSON.stringify(drawn.at(-1)));
      }
      if (weights) {
        const file = `${weights}/${vary}-${k}.safetensors`;
        await Deno.mkdir(weights, { recursive: true });
        await writeAtomically(file, writeSafetensors(averagesOf(await learner.state()), { dtype: "F16" }));
      }
    } finally {
      learner.dispose();
    }
  }
  const of = {
    from: first?.told.sha256.slice(0, 12) ?? "random",
    updates,
    molecules,
    backend,
    with: JSON.stringify(others),
  };
  const results: Result[] = [{ bench: "curves", settings: of, rows }];
  if (draws) results.push({ bench: "curves, drawn", settings: { ...of, draw, seed: DRAWN_SEED }, rows: drawn });
  for (const result of results) console.log(formatResult(result));
  const path = out ?? resultsPath(under, "curves", vary);
  if (path !== "-") await keep(path, under, results);
}

if (import.meta.main) await runProgram(main);

/**
 * `deno task bench:couplings --from FILE --updates N`: which pairing of noise and molecules is best. Trains the same network on from the same
 * weights, once for each pairing, with the same seeds and batches, and judges what each draws at 8 steps.
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import type { AlignOptions, Coupling } from "../model/diffusion/coupling/align.ts";
import { createNativeDenoiser } from "../model/engines/c/native_denoiser.ts";
import { makeGrid } from "../model/diffusion/grids.ts";
import { planSampling, startOf } from "../model/diffusion/samplers/mod.ts";
import { makeGroups } from "../model/training/batches.ts";
import { heldOutGroups, loadExamples } from "../model/training/data.ts";
import { readFirstValues } from "../model/training/first_values.ts";
import { averagesOf, type Learner } from "../model/diffusion/learner.ts";
import { exampleMoments } from "../model/training/moments.ts";
import { openLearner } from "../model/engines/open_learner.ts";
import { emaDecay, rateFactor } from "../model/training/schedule.ts";
import { runSchedule, runSettings, runSpace } from "../model/training/settings.ts";
import { option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { createJudge, drawBy, NODES } from "./drawn.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/** The pairings compared. */
const PAIRINGS: Readonly<Record<string, { readonly coupling: Coupling; readonly align?: AlignOptions }>> = {
  "independent": { coupling: "independent" },
  "turned": { coupling: "aligned", align: { permute: false } },
  "turned and permuted, 1 round": { coupling: "aligned", align: { rounds: 1 } },
  "turned and permuted": { coupling: "aligned" },
  "turned and permuted, 8 rounds": { coupling: "aligned", align: { rounds: 8 } },
  "with the hydrogen vectors": { coupling: "aligned", align: { vectors: 3 } },
};

/** The sampler's steps, and where these begin and end. */
const STEPS = 8, GRID = { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 6 } as const;

/** Names of {@link PAIRINGS}, which have commas. */
const NAMES = Object.keys(PAIRINGS);

const OPTIONS = {
  from: option("FILE", "weights to begin with", z.string()),
  updates: option("N", "(default 300)", whole(1).default(300)),
  count: option("N", "molecules that are drawn (default 500)", whole(1).default(500)),
  threads: option("N", "(default 2)", whole(1).default(2)),
  only: option(
    "NAMES",
    `set apart by semicolons, of: ${NAMES.join("; ")} (default all)`,
    z.string().transform((text) => text.split(/;\s*/)).pipe(z.array(z.enum(NAMES))).default(NAMES),
  ),
  out: option("FILE", "where results go", z.string().optional()),
};

async function main(args: string[]): Promise<void> {
  const { from, updates, count, threads, only, out } = readOptions(args, OPTIONS);
  const space = runSpace(), schedule = runSchedule(), settings = runSettings.parse({});
  const first = await readFirstValues(from), data = await openDataSet();
  const { examples } = loadExamples(data, data.split.train.subarray(0, 2 * updates * settings.batch));
  const heldOut = loadExamples(data, data.split.valid.subarray(0, 4000)).examples;
  const moments = exampleMoments(examples, space.scalars)[NODES];
  const judged = await createJudge(count, settings.seed);
  const sizes = { width: settings.width, blocks: settings.blocks };

  /** Draws with the averaged weights, by fresh noise paired as in training. */
  const judge = async (learner: Learner, align: AlignOptions | undefined, coupling: Coupling) => {
    const denoiser = await createNativeDenoiser(
      { space, sizes, schedule, workers: threads },
      averagesOf(await learner.state()),
    );
    try {
      const grid = makeGrid(GRID, STEPS, schedule), plan = planSampling("consistency", schedule, grid, {});
      const start = startOf(moments, space, NODES, schedule(grid[0]), 1);
      return await judged(drawBy({ denoiser, plan, start, seed: settings.seed, coupling, align }));
    } finally {
      denoiser.dispose();
    }
  };

  const under = { command: toldCommand("bench:couplings", args), ...await conditions() };
  const rows: Row[] = [];
  console.log(machineLine(under));
  for (const pairing of only) {
    const { coupling, align } = PAIRINGS[pairing], how = { schedule, coupling, align };
    const { learner } = await openLearner("native", {
      space,
      sizes,
      seed: settings.seed,
      values: first.values,
      threads,
    });
    try {
      const validation = heldOutGroups(heldOut, how);
      for (let update = 0; update < updates; update++) {
        const rate = rateFactor(update, update / updates, { warmup: 20 });
        const groups = makeGroups({ ...how, examples, batch: settings.batch, seed: settings.seed, update });
        const rates = { muon: settings.muon / 2 * rate, adamw: settings.adamw / 2 * rate, clip: settings.clip };
        await learner.update(groups, { ...rates, emaDecay: emaDecay(update, 0.98) });
      }
      const { total } = await learner.loss(validation, "ema"), drawn = await judge(learner, align, coupling);
      rows.push({ pairing, "held out": total, ...drawn });
      console.log(JSON.stringify(rows.at(-1)));
    } finally {
      learner.dispose();
    }
  }
  const of = { from: first.told.sha256.slice(0, 12), updates, batch: settings.batch, steps: STEPS, count };
  const result = { bench: "couplings", settings: of, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "couplings");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);

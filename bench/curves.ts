/**
 * `deno task bench:curves --vary NAME --values JSON`: learning curves of minutes, one setting at a time. Trains the same network from the same
 * weights with the same batches and noise once for each value, and compares held-out losses in pairs: the same molecules, times and noise, so that
 * differences far below the loss' own spread are seen. Held-out times are uniform, as training's own held-out loss, and those of few-step samplers.
 * Losses of different latents are not to be compared, so each also draws molecules, of the same seed, and these are judged.
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { averagesOf, type Group, type Learner } from "../model/diffusion/learner.ts";
import { openLearner } from "../model/engines/open_learner.ts";
import { PRECISION_CHOICES } from "../model/engines/runtimes.ts";
import { writeAtomically } from "../model/diffusion/files.ts";
import { writeSafetensors } from "../model/diffusion/safetensors.ts";
import { createHeavyAtomAutoencoder } from "../model/networks/heavy_atom/autoencoder.ts";
import { formOf, QM9_CLASSES } from "../model/networks/heavy_atom/space.ts";
import type { ExampleSet } from "../model/networks/heavy_atom/examples.ts";
import { grow } from "../model/networks/pair_attention/grow.ts";
import { pairAttentionParameters } from "../model/networks/pair_attention/parameters.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import { readFirstValues } from "../model/training/first_values.ts";
import { exampleMoments } from "../model/training/moments.ts";
import { CHOSEN, runSchedule, type RunSettings, runSettings, runSizes, runSpace } from "../model/training/settings.ts";
import { json, object, option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { NODES } from "./drawn.ts";
import { HELD_OUT_TIMES, heldOutBatches } from "./held_out.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { createDraws, DRAWN_SEED, DRAWN_STEPS, ratesOf } from "./short_runs.ts";
import { meanError } from "./statistics.ts";
import { formatResult, type Result, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/** Settings of a run that can be compared. */
const VARIED = CHOSEN.filter((name) => name !== "seed");

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
  const under = { command: toldCommand("bench:curves", args), ...await conditions() };
  console.log(machineLine(under));
  const draws = draw > 0 ? await createDraws(data, { draw, threads }) : undefined, rows: Row[] = [], drawn: Row[] = [];
  let reference: Record<string, number[]> | undefined, backend = "";
  for (const [k, settings] of settled.entries()) {
    const { batch, seed } = settings;
    const space = runSpace(settings), sizes = runSizes(settings), { examples, judgedBy } = load(settings);
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

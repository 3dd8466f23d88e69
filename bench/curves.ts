/**
 * `deno task bench:curves --vary NAME --values JSON`: learning curves of minutes, one setting at a time. Trains the same network from the same
 * weights with the same batches and noise once for each value, and compares held-out losses in pairs: the same molecules, times and noise, so that
 * differences far below the loss' own spread are seen. Held-out times are uniform, as training's own held-out loss, and those of few-step samplers.
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { averagesOf, type Group, type Learner } from "../model/diffusion/learner.ts";
import { openLearner } from "../model/engines/open_learner.ts";
import { PRECISION_CHOICES } from "../model/engines/runtimes.ts";
import { writeAtomically } from "../model/diffusion/files.ts";
import { writeSafetensors } from "../model/diffusion/safetensors.ts";
import { grow } from "../model/networks/pair_attention/grow.ts";
import { pairAttentionParameters, sizesOf } from "../model/networks/pair_attention/parameters.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import { readFirstValues } from "../model/training/first_values.ts";
import { emaDecay, rateFactor } from "../model/training/schedule.ts";
import { CHOSEN, runSchedule, runSettings, runSpace } from "../model/training/settings.ts";
import { object, option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { HELD_OUT_TIMES, heldOutBatches } from "./held_out.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { meanError } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";

/** Settings of a run that can be compared. */
const VARIED = CHOSEN.filter((name) => name !== "seed");

const OPTIONS = {
  from: option("FILE", "weights to begin with (default: random ones)", z.string().optional()),
  vary: option("NAME", `what differs: ${VARIED.join(", ")}`, z.enum(VARIED)),
  values: option(
    "JSON",
    "its values, [0.005, 0.01]; a null is the default. The first is what others are compared with",
    z.string().transform((text, context) => {
      try {
        return JSON.parse(text);
      } catch (error) {
        context.addIssue({ code: "custom", message: `not JSON: ${(error as Error).message}` });
        return z.NEVER;
      }
    }).pipe(z.array(z.unknown()).min(2)),
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
  const { from, vary, values, with: others, updates, molecules, threads, precision, weights, out } = readOptions(
    args,
    OPTIONS,
  );
  const settled = values.map((value) =>
    runSettings.parse({ coupling: "aligned", ...others, ...(value === null ? {} : { [vary]: value }) })
  );
  const first = from === undefined ? undefined : await readFirstValues(from), data = await openDataSet();
  const space = runSpace(), schedule = runSchedule();
  const { examples } = loadExamples(data, data.split.train);
  const heldOut = loadExamples(data, data.split.valid.subarray(0, 8000)).examples;
  const judgedBy = HELD_OUT_TIMES.map((times) =>
    [times, heldOutBatches(times, { examples: heldOut, molecules, coupling: settled[0].coupling })] as const
  );
  const under = {
    command: `deno task bench:curves --vary ${vary} --values '${JSON.stringify(values)}' --with '${
      JSON.stringify(others)
    }' --updates ${updates}`,
    ...await conditions(),
  };
  console.log(machineLine(under));
  const rows: Row[] = [];
  let reference: Record<string, number[]> | undefined, backend = "";
  for (const [k, settings] of settled.entries()) {
    const { batch, seed, muon, adamw, clip, warmup, emaLimit, coupling, focus, loss } = settings,
      sizes = sizesOf(settings);
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
        const rate = rateFactor(update, update / updates, { warmup: Math.min(warmup, updates / 10) });
        const groups = makeGroups({ examples, batch, seed, update, schedule, coupling, focus, loss });
        const rates = {
          muon: muon * rate,
          adamw: adamw * rate,
          clip,
          emaDecay: emaDecay(update, Math.min(emaLimit, 0.98)),
        };
        const { total } = await learner.update(groups, rates);
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
  const result = { bench: "curves", settings: of, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "curves", vary);
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);

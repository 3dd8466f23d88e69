/** molstep reproduce */
import { join } from "node:path";
import { z } from "zod";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { SAMPLERS } from "../model/diffusion/samplers/mod.ts";
import { PAPER_SAMPLERS, PAPER_STEPS } from "../model/evaluation/reproduce/plan.ts";
import { reproduce } from "../model/evaluation/reproduce/run.ts";
import { command } from "./command.ts";
import { dataFolder, findModel } from "./models.ts";
import { list, option, whole } from "./options.ts";
import { clock, createProgress } from "./progress.ts";
import { samplingOptions } from "./sampling_options.ts";

/** The papers' tables for a model. */
export const reproduceCommand = command({
  summary: "Measures a model as the papers' tables do, and sets its rows beside the published ones. Resumable.",
  options: {
    model: samplingOptions.model,
    count: option("N", "molecules a row (default 10000)", whole(1).default(10_000)),
    "max-work": option(
      "N",
      "most molecules x steps of a row: dearer rows draw fewer molecules, and say so (default: no limit)",
      whole(1).optional(),
    ),
    steps: option("N,N", `numbers of steps (default ${PAPER_STEPS.join(",")})`, list(whole(1, 1000)).optional()),
    samplers: option(
      "NAMES",
      `the teacher's, of ${SAMPLERS.join(", ")} (default ${PAPER_SAMPLERS.join(",")})`,
      list(z.enum(SAMPLERS)).optional(),
    ),
    clamp: option(
      "T",
      "the teacher's: the time below which estimates are clamped to valence (default 0: the network alone)",
      z.string().transform(Number).pipe(z.number().min(0).max(1)).default(0),
    ),
    decoding: option(
      "NAME",
      `${DECODINGS.join(" or ")} (default argmax: the network alone)`,
      z.enum(DECODINGS).default("argmax"),
    ),
    rounds: option(
      "FOLDERS",
      "folders of finished rounds of distillation whose students get rows too, shipped or not",
      list(z.string().min(1)).optional(),
    ),
    seed: option("N", "(default 1)", whole(0, 0xffffffff).default(1)),
    out: option(
      "FOLDER",
      "rows, table.md, table.json, speed_stability.svg (default runs/reproduce/MODEL)",
      z.string().min(1).optional(),
    ),
    backend: samplingOptions.backend,
    threads: samplingOptions.threads,
    precision: samplingOptions.precision,
    batch: samplingOptions.batch,
  },
  async run(values, terminal) {
    const place = await findModel(values.model, undefined, dataFolder(terminal.environment)), { name } = place.card;
    const out = values.out ?? join("runs", "reproduce", name), progress = createProgress(terminal);
    const rows = await reproduce(place, {
      ...values,
      ...{ out, maxWork: values["max-work"], signal: terminal.signal },
      onPlan: ({ backend, rows, missing }) =>
        terminal.out(`${name} on ${backend}: ${rows} rows, ${missing} of them to measure\n`),
      onCost: (totalMs, { stepMs, moleculeMs }) =>
        terminal.out(
          `about ${clock(totalMs / 1000)} (minutes:seconds) at ${brief(1000 / stepMs)} molecule-steps/s ` +
            `and ${moleculeMs.toFixed(2)} ms a molecule besides\n`,
        ),
      onProgress: (fraction, { key, line }) => progress.update(fraction, `${key.steps} steps, ${line}`),
      onRow: ({ key, line, evaluation: { metrics, moleculesPerSecond } }) =>
        terminal.out(
          `${key.steps} steps, ${line}: n = ${key.count}, ${(100 * metrics.moleculeStability.value).toFixed(1)} % ` +
            `stable, ${brief(moleculesPerSecond)} molecules/s\n`,
        ),
    });
    progress.end();
    terminal.out(`${rows} rows in ${join(out, "table.md")}, table.json and speed_stability.svg\n`);
    return 0;
  },
});

const brief = (value: number) => Number(value.toPrecision(3));

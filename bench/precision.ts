/**
 * `deno task bench:precision`: what 16-bit products cost and bring. Every product kernel of the native engine that this processor grants, on the
 * same trained weights, batches and noise: gradients, updates and estimates a second, in turns, and how far losses, gradients and estimates
 * are from single precision.
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { chooseKernel, kernelsOf } from "../model/engines/c/kernels.ts";
import { createNativeEngine, type NativeEngine } from "../model/engines/c/native_engine.ts";
import { openNativeLibrary } from "../model/engines/c/native_library.ts";
import { flatten } from "../model/engines/c/parameters.ts";
import type { Group } from "../model/diffusion/learner.ts";
import { rowsOf } from "../model/networks/pair_attention/conditions.ts";
import { readCard } from "../model/models/card.ts";
import { readWeightsFile } from "../model/models/weights.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import { runSchedule, runSettings, runSpace } from "../model/training/settings.ts";
import { option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { angle, median, nmse, pairedRatio } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand, toldModel } from "./told.ts";

const OPTIONS = {
  model: option("FOLDER", "weights to compute with (default weights/qm9)", z.string().default("weights/qm9")),
  batch: option("N", "molecules an update (default 128)", whole(1).default(128)),
  rounds: option("N", "each kernel's turns (default 9)", whole(3).default(9)),
  threads: option("N", "(default 1)", whole(1).default(1)),
  kernels: option(
    "NAMES",
    "those compared, set apart by commas; the first is what others are compared with (default: all)",
    z.string().transform((names) => names.split(/,\s*/)).optional(),
  ),
  out: option("FILE", "where results go", z.string().optional()),
};

/** What a kernel takes turns with, ms each, and what it said. */
interface Subject {
  readonly engine: NativeEngine;
  readonly times: { readonly gradient: number[]; readonly update: number[]; readonly predict: number[] };
  loss: number;
  gradient: Float32Array;
  estimate: Float32Array;
}

async function timed<T>(times: number[], call: () => Promise<T>): Promise<T> {
  const start = performance.now(), result = await call();
  times.push(performance.now() - start);
  return result;
}

/** One turn: a gradient, an update that hardly moves, and estimates of the same molecules. */
async function turn(subject: Subject, groups: readonly Group[], batch: number): Promise<void> {
  const { engine, times } = subject;
  const losses = await timed(times.gradient, () => engine.gradient(groups));
  subject.loss = losses.positions + losses.scalars + losses.bonds;
  subject.gradient = engine.array("gradient").slice();
  await timed(times.update, () => engine.update(1, { muon: 1e-9, adamw: 1e-9, emaDecay: 1, clip: 10 }));
  const { z, shape, ...at } = groups.find(({ shape }) => shape.batch === batch) ?? groups[0];
  subject.estimate = await timed(times.predict, () => engine.predict(z, shape, rowsOf(at, undefined)));
}

async function main(args: string[]): Promise<void> {
  const { model: folder, batch, rounds, threads, kernels: names, out } = readOptions(args, OPTIONS);
  const card = await readCard(folder), { denoiser } = card;
  if (denoiser.type !== "pair-attention") {
    throw new RangeError(`the network of --model must be pair-attention; got ${denoiser.type}`);
  }
  const { bytes, tensors } = await readWeightsFile(`${folder}/${denoiser.file}`, denoiser.sha256);
  const space = runSpace(), model = toldModel(folder, card, bytes);
  const data = await openDataSet(), { examples } = loadExamples(data, data.split.train.subarray(0, 20 * batch));
  const groups = makeGroups({
    ...runSettings.parse({ coupling: "aligned", batch }),
    examples,
    update: 0,
    schedule: runSchedule(),
    classes: space.scalars,
  });
  const most = Math.max(...groups.map(({ shape }) => shape.batch));
  const all = kernelsOf(openNativeLibrary());
  const kernels = (names ?? all.map(({ name }) => name)).map((name) => chooseKernel(all, "auto", name));
  const subjects = kernels.map(({ precision, name }): Subject => {
    const engine = createNativeEngine({ space, sizes: denoiser, threads, train: true, precision, isa: name });
    for (const array of ["parameters", "ema"] as const) engine.array(array).set(flatten(engine.specs, tensors));
    engine.refresh();
    const none = new Float32Array();
    return { engine, times: { gradient: [], update: [], predict: [] }, loss: NaN, gradient: none, estimate: none };
  });
  const under = { command: toldCommand("bench:precision", args), ...await conditions() };
  console.log(machineLine(under));
  for (let round = 0; round <= rounds; round++) {
    for (const subject of subjects) {
      await turn(subject, groups, most);
      if (round === 0) { for (const times of Object.values(subject.times)) times.length = 0; // warm-up
       }
    }
  }
  const first = subjects[0], whole = ({ times }: Subject) => times.gradient.map((ms, k) => ms + times.update[k]);
  const rows = subjects.map((subject, k): Row => ({
    kernel: kernels[k].name,
    "gradient ms": median(subject.times.gradient),
    "update ms": median(subject.times.update),
    "estimate ms": median(subject.times.predict),
    "molecules/s in training": batch * 1000 / median(whole(subject)),
    "training, ratio": pairedRatio(whole(first), whole(subject)),
    "estimates, ratio": pairedRatio(first.times.predict, subject.times.predict),
    "loss, relative": subject.loss / first.loss - 1,
    "gradient, degrees": angle(subject.gradient, first.gradient),
    "estimates, NMSE": nmse(subject.estimate, first.estimate),
  }));
  const { width, blocks } = denoiser;
  const result = { bench: "precision", settings: { model, width, blocks, batch, threads, rounds }, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "precision");
  if (path !== "-") await keep(path, under, [result]);
  for (const { engine } of subjects) engine.dispose();
}

if (import.meta.main) await runProgram(main);

/**
 * `deno task bench:starts`: what a start that knows more of the data than mean and spread could gain. Draws with the shipped network from three starts:
 * of mean and spread, as it ships; with the covariances inside a node and inside a pair; and from latents of held-out molecules
 * themselves, which no fitted distribution can surpass. Not clamped, fresh noise, aligned.
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { realigner } from "../model/diffusion/coupling/align.ts";
import { makeGrid } from "../model/diffusion/grids.ts";
import { randomRotation, writeLatent } from "../model/networks/heavy_atom/encode.ts";
import type { ExampleSet } from "../model/networks/heavy_atom/examples.ts";
import { latentLength } from "../model/diffusion/latent.ts";
import { findModel } from "../main/models.ts";
import { loadModel } from "../model/models/load.ts";
import { moleculeNoise } from "../model/diffusion/noise.ts";
import { random } from "../model/diffusion/random.ts";
import { planSampling, runPlan, startOf } from "../model/diffusion/samplers/mod.ts";
import { loadExamples } from "../model/training/data.ts";
import type { LatentSpace } from "../model/diffusion/types.ts";
import { option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { createJudge, NODES } from "./drawn.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  model: option("NAME", "(default qm9)", z.string().default("qm9")),
  count: option("N", "molecules that are drawn (default 1000)", whole(1).default(1000)),
  seed: option("N", "(default 8)", whole().default(8)),
  out: option("FILE", "where results go", z.string().optional()),
};

/** Steps, and the start's and the last log-SNR at these. */
const GRIDS = { 4: [1, 5], 8: [0.5, 6] } as const;

/** Lower triangular L with L L^T = a, a bit added to the diagonal where features depend on each other. */
function cholesky(a: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-6)) : sum / l[j * n + j];
    }
  }
  return l;
}

/** Mean and factor of the covariance of rows of n features. */
function fit(rows: Iterable<ArrayLike<number>>, n: number, centred = false) {
  const mean = new Float64Array(n), squares = new Float64Array(n * n);
  let count = 0;
  for (const row of rows) {
    count++;
    for (let i = 0; i < n; i++) {
      mean[i] += row[i];
      for (let j = 0; j < n; j++) squares[i * n + j] += row[i] * row[j];
    }
  }
  for (let i = 0; i < n; i++) mean[i] = centred ? 0 : mean[i] / count;
  const covariance = squares.map((value, k) => value / count - mean[Math.floor(k / n)] * mean[k % n]);
  return { mean, factor: cholesky(covariance, n) };
}

/** Latents of `count` molecules of {@link NODES} atoms, drawn with replacement, `[count, L]`. */
function cleanLatents(examples: ExampleSet, space: LatentSpace, count: number, seed: number): Float32Array {
  const stream = random(seed), length = latentLength(space, NODES), x = new Float32Array(count * length);
  const rows = Array.from({ length: examples.count }, (_, k) => k).filter((k) => examples.example(k).nodes === NODES);
  for (let b = 0; b < count; b++) {
    const example = examples.example(rows[stream.integer(rows.length)]);
    writeLatent(example, space.scalars, randomRotation(stream), stream, x, b * length);
  }
  return x;
}

/** A function that makes a draw of the data's covariances inside nodes and pairs of a draw of noise `[B, L]`. */
function covarianceDraw(latents: Float32Array, space: LatentSpace) {
  const { vectors: V, scalars: S, pairs: P } = space, width = 3 * V + S, length = latentLength(space, NODES);
  const axes: number[][] = [], scalars: Float32Array[] = [], pairs: Float32Array[] = [];
  for (let at = 0; at < latents.length; at += length) {
    for (let i = 0; i < NODES; i++) {
      const node = at + i * width;
      for (let axis = 0; axis < 3; axis++) {
        axes.push(Array.from({ length: V }, (_, v) => latents[node + 3 * v + axis]));
      }
      scalars.push(latents.subarray(node + 3 * V, node + width));
      for (let j = 0; j < i; j++) pairs.push(latents.subarray(at + NODES * width + (i * NODES + j) * P).subarray(0, P));
    }
  }
  const ofAxes = fit(axes, V, true), ofScalars = fit(scalars, S), ofPairs = fit(pairs, P);
  return (e: Float32Array): Float32Array => {
    const x = new Float32Array(e.length);
    const put = ({ mean, factor }: typeof ofAxes, n: number, at: number, step = 1) => {
      for (let i = 0; i < n; i++) {
        let sum = mean[i];
        for (let k = 0; k <= i; k++) sum += factor[i * n + k] * e[at + step * k];
        x[at + step * i] = sum;
      }
    };
    for (let at = 0; at < e.length; at += length) {
      for (let i = 0; i < NODES; i++) {
        const node = at + i * width;
        for (let axis = 0; axis < 3; axis++) put(ofAxes, V, node + axis, 3);
        put(ofScalars, S, node + 3 * V);
        for (let j = 0; j < NODES; j++) if (i !== j) put(ofPairs, P, at + NODES * width + (i * NODES + j) * P);
      }
    }
    return x;
  };
}

async function main(args: string[]): Promise<void> {
  const { model: name, count, seed, out } = readOptions(args, OPTIONS);
  const model = await loadModel(await findModel(name), { backend: "native" }), { card, schedule } = model;
  const denoiser = await model.denoiser(), { space } = denoiser, data = await openDataSet();
  const { examples } = loadExamples(data, data.split.train.subarray(0, 20_000));
  const heldOut = loadExamples(data, data.split.valid).examples, judged = await createJudge(count, seed);
  const ofData = covarianceDraw(cleanLatents(examples, space, 10_000, seed), space);
  const real = cleanLatents(heldOut, space, count, seed), length = latentLength(space, NODES);
  const under = { command: toldCommand("bench:starts", args), ...await conditions() };
  console.log(machineLine(under));
  const rows: Row[] = [];
  try {
    for (const [steps, [logSnr, last]] of Object.entries(GRIDS)) {
      const grid = makeGrid({ type: "logSnr", start: { logSnr, spread: 1 }, last }, Number(steps), schedule);
      const first = schedule(grid[0]), { mean, spread } = startOf(card.latents![NODES], space, NODES, first, 1);
      const starts: Record<string, (noise: () => Float32Array, indices: readonly number[]) => Float32Array> = {
        "mean and spread": (noise) => noise().map((value, k) => mean[k % length] + spread[k % length] * value),
        "covariances": (noise) => ofData(noise()),
        "held-out molecules": (_, indices) => real.slice(indices[0] * length, (indices.at(-1)! + 1) * length),
      };
      const plan = planSampling("consistency", schedule, grid, {});
      for (const [start, clean] of Object.entries(starts)) {
        const drawn = await judged(async (indices) => {
          const shape = { batch: indices.length, nodes: NODES }, aligned = realigner(card.coupling, space, shape);
          const noise = moleculeNoise(space, NODES, seed, indices), x = clean(noise, indices), e = noise();
          const z = x.map((value, k) => first.alpha * value + first.sigma * e[k]);
          await aligned?.(z, x, first.alpha);
          return await runPlan(plan, (z, t) => denoiser.predict(z, shape, { time: t }), z, noise, undefined, aligned);
        });
        rows.push({ steps: Number(steps), start, ...drawn });
        console.log(JSON.stringify(rows.at(-1)));
      }
    }
  } finally {
    model.dispose();
  }
  const result = { bench: "starts", settings: { model: name, version: card.version, nodes: NODES, count, seed }, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "starts");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);

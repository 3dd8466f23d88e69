/**
 * `deno task bench:graphs`: how often the search for a graph that obeys valence finds one, and what it takes (docs/design.md). Of drafts of a model, whatever they are
 * clamped to or not; or, with `--data`, of graphs of a data set whose classes and orders were made uncertain, each by itself, which needs no model.
 */
import { z } from "zod";
import { CHEMISTRIES, type Chemistry } from "../chem/chemistry.ts";
import { openDataSet } from "../chem/data_sets.ts";
import { findModel } from "../main/models.ts";
import { flag, list, option, positive, readOptions, type Values, whole } from "../main/options.ts";
import { random } from "../model/diffusion/random.ts";
import { samplerName } from "../model/diffusion/samplers/mod.ts";
import { latentLength } from "../model/diffusion/latent.ts";
import { draw } from "../model/generation/generate.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder } from "../model/generation/order.ts";
import type { Example, ExampleSet } from "../model/networks/heavy_atom/examples.ts";
import { MOST_CHANGES, needsSearch, valenceGraph } from "../model/networks/heavy_atom/graph.ts";
import { bondSumsOf, heavyAtomSpace, type LatentForm, ONE_HOT, ordersOf } from "../model/networks/heavy_atom/space.ts";
import type { HeavyAtomClass } from "../model/diffusion/types.ts";
import { loadExamples } from "../model/training/data.ts";
import { conditions } from "./conditions.ts";
import { keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  model: option("NAME", "(default qm9)", z.string().default("qm9")),
  steps: option("N,N", "(default 1,2,4,8)", list(whole(1)).default([1, 2, 4, 8])),
  samplers: option("NAMES", "beside the card's own (default ddpm,heun)", list(samplerName).default(["ddpm", "heun"])),
  data: option("NAME", "a data set's name or folder, in place of a model", z.string().optional()),
  sizes: option("N,N", "heavy atoms, with --data (default 9)", list(whole(2)).default([9])),
  sigmas: option(
    "X,X",
    "spread of the noise on each feature, with --data (default 0.3,0.35,0.4)",
    list(positive()).default([0.3, 0.35, 0.4]),
  ),
  most: option("N", `changes that a search may look at (default ${MOST_CHANGES})`, whole(1).default(MOST_CHANGES)),
  count: option("N", "molecules a row (default 500)", whole(1).default(500)),
  seed: option("N", "(default 7)", whole().default(7)),
  aromatic: flag("aromatic bonds are an order of their own, with --data"),
  out: resultsOption("graphs"),
};

/** How latents are read. */
interface Codec {
  readonly classes: readonly HeavyAtomClass[];
  readonly chemistry: Chemistry;
  readonly form: LatentForm;
}

/** What is counted of searches. */
function createCounts({ classes, chemistry, form }: Codec, most: number) {
  const sums = bondSumsOf(classes, chemistry), features = ordersOf(form);
  let molecules = 0, searched = 0, found = 0;
  const times: number[] = [];
  return {
    add(z: Float32Array, nodes: number, at = 0) {
      molecules++;
      if (!needsSearch(z, nodes, sums, at, features)) return;
      searched++;
      const timed = () => {
        const began = performance.now(), graph = valenceGraph(z, nodes, sums, at, { features, most });
        return { graph, ms: performance.now() - began };
      };
      // The best of three: the others have the machine's other work in them.
      const runs = [timed(), timed(), timed()];
      if (runs[0].graph) found++;
      times.push(Math.min(...runs.map(({ ms }) => ms)));
    },
    row: (): Row => ({
      molecules,
      searched,
      "without a graph": searched - found,
      "ms, mean": searched > 0 ? times.reduce((a, b) => a + b) / searched : null,
      "ms, worst": searched > 0 ? Math.max(...times) : null,
    }),
  };
}

/** How often each value occurs. */
function shares(values: Iterable<number>, count: number): Float64Array {
  const counts = new Float64Array(count);
  let total = 0;
  for (const value of values) counts[value]++, total++;
  return counts.map((n) => n / total);
}

/** What makes graphs uncertain: of each class and order the probabilities that it has where its one-hot features are seen through noise of spread `sigma`. */
function uncertain(examples: ExampleSet, { classes, form }: Codec) {
  const space = heavyAtomSpace(classes, form), K = classes.length, P = space.pairs, width = 9 + K;
  const all = Array.from(
    { length: Math.min(examples.count, 5000) },
    (_, k) => examples.example(Math.floor(k * examples.count / Math.min(examples.count, 5000))),
  );
  const off = ({ nodes, orders }: Example) => orders.filter((_, k) => k % (nodes + 1) !== 0);
  const ofClasses = shares(all.flatMap((one) => [...one.classes]), K);
  const ofOrders = shares(all.flatMap((one) => [...off(one)]), P);
  return ({ nodes: N, classes: kinds, orders }: Example, sigma: number, normal: () => number): Float32Array => {
    const z = new Float32Array(latentLength(space, N));
    const write = (at: number, truth: number, prior: Float64Array) => {
      const logs = prior.map((p, k) => Math.log(p) + ((k === truth ? 1 : 0) + sigma * normal()) / sigma ** 2);
      const top = Math.max(...logs), weights = logs.map((value) => Math.exp(value - top));
      const sum = weights.reduce((a, b) => a + b);
      weights.forEach((weight, k) => z[at + k] = ONE_HOT * weight / sum);
    };
    for (let i = 0; i < N; i++) {
      write(i * width + 9, kinds[i], ofClasses);
      for (let j = 0; j < i; j++) {
        const at = N * width + (i * N + j) * P;
        write(at, orders[i * N + j], ofOrders);
        z.copyWithin(N * width + (j * N + i) * P, at, at + P);
      }
    }
    return z;
  };
}

async function dataRows({ data, sizes, sigmas, aromatic, count, seed, most }: Settings): Promise<Row[]> {
  const set = await openDataSet(data), chemistry = CHEMISTRIES[set.chemistry], form = { aromatic };
  const codec = { classes: set.classes, chemistry, form }, rows: Row[] = [];
  const { examples } = loadExamples(set, set.split.valid, set.classes, form), blur = uncertain(examples, codec);
  const places = Array.from({ length: examples.count }, (_, k) => k);
  for (const sigma of sigmas) {
    for (const nodes of sizes) {
      const counts = createCounts(codec, most), stream = random(seed, nodes);
      for (const place of places.filter((k) => examples.example(k).nodes === nodes).slice(0, count)) {
        counts.add(blur(examples.example(place), sigma, () => stream.normal()), nodes);
      }
      rows.push({ sigma, "heavy atoms": nodes, ...counts.row() });
    }
  }
  return rows;
}

async function modelRows({ model: name, steps, samplers, count, seed, most }: Settings): Promise<Row[]> {
  const entry = await findModel(name), { model, close } = await openModel(entry, { count: 64 });
  const { autoencoder } = entry.card, rows: Row[] = [];
  if (autoencoder.type !== "heavy-atom") throw new TypeError(`${name} has no bond orders to search among`);
  const codec = { classes: autoencoder.classes, chemistry: CHEMISTRIES[entry.card.chemistry], form: autoencoder };
  try {
    for (const step of steps) {
      for (const sampler of [undefined, ...samplers]) {
        for (const clamp of sampler ? [0] : [undefined, 0]) {
          const counts = createCounts(codec, most);
          const order = acceptOrder(entry.card, { count, seed, steps: step, sampler, clamp, decoding: "argmax" });
          const decode: typeof model.autoencoder.decode = (x0, shape, ...rest) => {
            const length = x0.length / shape.batch;
            for (let b = 0; b < shape.batch; b++) counts.add(x0, shape.nodes, b * length);
            return model.autoencoder.decode(x0, shape, ...rest);
          };
          const watched = { ...model, lease: model.lease, autoencoder: { ...model.autoencoder, decode } };
          for await (const _ of draw(watched, order));
          rows.push({ steps: step, sampler: sampler ?? "default", clamp: order.settings.clamp, ...counts.row() });
        }
      }
    }
  } finally {
    close();
  }
  return rows;
}

type Settings = Omit<Values<typeof OPTIONS>, "out">;

async function main(args: string[]): Promise<void> {
  const { out, ...settings } = readOptions(args, OPTIONS);
  const under = { command: toldCommand("bench:graphs", args), ...await conditions() };
  console.log(machineLine(under));
  const rows = await (settings.data ? dataRows(settings) : modelRows(settings));
  const { most, count, seed } = settings, result = { bench: "graphs", settings: { most, count, seed }, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "graphs");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);

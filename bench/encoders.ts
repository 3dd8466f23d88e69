/**
 * `deno task bench:encoders`: the hand-made codec of heavy-atom latents against learned ones of the same shape (`graph_codec.ts`). A denoiser
 * is trained from nothing on each, with the same molecules, times and noise, and draws molecules of the same seed, which are judged. All are
 * molecules of nine heavy atoms.
 *
 * A denoiser says a latent in one of two ways. `softmax`: classes and bond orders by cross-entropy, which are encoded where the sampler asks for
 * x0. `linear`: the latent's own numbers by squared errors (`linear_heads.ts`).
 */
import { z } from "zod";
import { openDataSet } from "../chem/data_sets.ts";
import { conditioned, eachCondition } from "../model/diffusion/condition.ts";
import { random } from "../model/diffusion/random.ts";
import { abilityOf, type Group, type Learner } from "../model/diffusion/learner.ts";
import type { BatchShape, LatentSpace } from "../model/diffusion/types.ts";
import { openLearner } from "../model/engines/open_learner.ts";
import { PRECISION_CHOICES } from "../model/engines/runtimes.ts";
import { openBackend } from "../model/engines/tensorflow/open.ts";
import { createHeavyAtomAutoencoder } from "../model/networks/heavy_atom/autoencoder.ts";
import { type ExampleSet, packExamples } from "../model/networks/heavy_atom/examples.ts";
import { argmaxGraph } from "../model/networks/heavy_atom/graph.ts";
import { ONE_HOT } from "../model/networks/heavy_atom/space.ts";
import { sizesOf } from "../model/networks/pair_attention/parameters.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import { momentsOf } from "../model/training/moments.ts";
import { runSchedule, type RunSettings, runSettings, runSpace } from "../model/training/settings.ts";
import { json, object, option, readOptions, whole } from "../main/options.ts";
import { conditions } from "./conditions.ts";
import { NODES } from "./drawn.ts";
import { type GraphCodec, learnCodec } from "./graph_codec.ts";
import { heldOutBatches } from "./held_out.ts";
import { eachRow, linearEstimate, linearLoss, linearUpdate } from "./linear_heads.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { createDraws, DRAWN_SEED, ratesOf, type Reading } from "./short_runs.ts";
import { meanError } from "./statistics.ts";
import { formatResult, type Result, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/**
 * What is compared: a latent, learned with this weight of the divergence or hand-made where absent, its scalars and pairs multiplied by `spread`, and
 * how a denoiser says it.
 */
const arm = z.strictObject({
  kl: z.number().positive().optional(),
  spread: z.number().positive().default(1),
  heads: z.enum(["softmax", "linear"]),
});

type Arm = z.infer<typeof arm>;

const ARMS: z.input<typeof arm>[] = [
  { heads: "softmax" },
  { heads: "linear" },
  { kl: 0.03, heads: "linear" },
  { kl: 0.03, heads: "softmax" },
  { kl: 0.3, heads: "linear" },
  { kl: 0.3, heads: "softmax" },
];

/** Deviations of the noise that latents are read back from. */
const READ_BACK = [0, 0.1, 0.15];

/** Molecules of an update of a codec, and how far its seed is from the denoiser's. */
const CODEC_BATCH = 32, CODEC_SEED = 3;

const OPTIONS = {
  arms: option(
    "JSON",
    `what is compared (default ${JSON.stringify(ARMS)})`,
    json().pipe(z.array(arm).min(1)).prefault(JSON.stringify(ARMS)),
  ),
  with: option("JSON", "settings of the runs", object().default({})),
  updates: option("N", "updates of each denoiser (default 800)", whole(1).default(800)),
  "codec-updates": option(
    "N",
    `updates of each codec, ${CODEC_BATCH} molecules each (default 1000)`,
    whole(1).default(1000),
  ),
  molecules: option("N", "held-out molecules (default 1024)", whole(128).default(1024)),
  threads: option("N", "(default 2)", whole(1).default(2)),
  precision: option(
    "NAME",
    `${PRECISION_CHOICES.join(", ")} (default auto)`,
    z.enum(PRECISION_CHOICES).default("auto"),
  ),
  draw: option("N", "molecules that each draws (default 500)", whole(1).default(500)),
  out: option("FILE", "where results go", z.string().optional()),
};

/** Only those of {@link NODES} atoms. */
function ofNodes(examples: ExampleSet): ExampleSet {
  return packExamples(
    (function* () {
      for (let k = 0; k < examples.count; k++) if (examples.example(k).nodes === NODES) yield examples.example(k);
    })(),
  );
}

/** The codec that leaves latents as they are. */
const HAND_MADE: GraphCodec = { encode: (z) => Promise.resolve(z), decode: (z) => Promise.resolve(z) };

/** A codec whose scalars and pairs are multiplied by `spread`. */
function spreadOut(codec: GraphCodec, spread: number, space: LatentSpace): GraphCodec {
  if (spread === 1) return codec;
  const times = (z: Float32Array, shape: BatchShape, factor: number) => {
    const out = z.slice();
    eachRow(space, shape, (at, n) => {
      for (let k = at; k < at + n; k++) out[k] *= factor;
    });
    return out;
  };
  return {
    ...codec,
    encode: async (z, shape) => times(await codec.encode(z, shape), shape, spread),
    decode: (z, shape) => codec.decode(times(z, shape, 1 / spread), shape),
  };
}

/** Groups whose noisy latents are of a codec; the noise stays. Targets become its own where the denoiser is to say these. */
async function encoded(codec: GraphCodec, groups: readonly Group[], own: boolean): Promise<Group[]> {
  const out: Group[] = [];
  for (const group of groups) {
    const { target, shape, alpha } = group,
      latents = await codec.encode(target, shape),
      each = latents.length / shape.batch;
    const z = group.z.map((value, k) => value + alpha[Math.floor(k / each)] * (latents[k] - target[k]));
    out.push({ ...group, z, target: own ? latents : target });
  }
  return out;
}

/** The share in percent of molecules whose graph is read back from latents with normal noise of this deviation. */
async function readBack(
  codec: GraphCodec,
  groups: readonly Group[],
  space: LatentSpace,
  deviation: number,
  seed: number,
): Promise<number> {
  const stream = random(seed), classes = { length: space.scalars };
  let right = 0, all = 0;
  for (const { target, shape } of groups) {
    const z = (await codec.encode(target, shape)).slice(), each = z.length / shape.batch;
    eachRow(space, shape, (at, n) => {
      for (let k = at; k < at + n; k++) z[k] += deviation * stream.normal();
    });
    // Graphs are read from one triangle alone, but a codec reads both.
    mirror(z, space, shape);
    const read = await codec.decode(z, shape);
    for (let at = 0; at < z.length; at += each, all++) {
      const [got, want] = [read, target].map((latents) => argmaxGraph(latents, shape.nodes, classes, at));
      right += Number(got.kinds.join() === want.kinds.join() && got.orders.join() === want.orders.join());
    }
  }
  return 100 * right / all;
}

/** Gives each pair (i, j), i < j, what (j, i) has, in place. */
function mirror(z: Float32Array, { vectors, scalars, pairs: P }: LatentSpace, { nodes: N }: BatchShape): void {
  const own = N * (3 * vectors + scalars), each = own + N * N * P;
  for (let from = own; from < z.length; from += each) {
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < i; j++) {
        const pair = from + (i * N + j) * P;
        z.copyWithin(from + (j * N + i) * P, pair, pair + P);
      }
    }
  }
}

/** How molecules of an arm are drawn and read. */
async function readingOf(
  { heads, kl }: Arm,
  codec: GraphCodec,
  space: LatentSpace,
  shown: readonly Group[],
): Promise<Reading> {
  const moments = momentsOf(space, NODES), schedule = runSchedule(), handMade = createHeavyAtomAutoencoder();
  for (const { target, shape } of shown) moments.add(await codec.encode(target, shape));
  return {
    moments: moments.moments(),
    autoencoder: {
      async decode(z, shape, streams, options) {
        const read = (await codec.decode(z, shape)).slice();
        // What a linear head says of one-hot latents has the sum 0 and any sign; the search asks for probabilities.
        if (heads === "linear" && kl === undefined) {
          eachRow(space, shape, (at, n) => {
            for (let k = at; k < at + n; k++) read[k] = Math.max(1e-4, read[k] + ONE_HOT / n);
          });
        }
        return await handMade.decode(read, shape, streams, options);
      },
    },
    estimating: (denoiser) => ({
      space,
      async predict(z, shape, conditions) {
        const said = await denoiser.predict(z, shape, conditions);
        if (heads === "softmax") return await codec.encode(said, shape);
        return linearEstimate(
          said,
          { z, shape, ...conditioned(eachCondition(conditions, shape.batch), schedule) },
          space,
        );
      },
    }),
  };
}

/** Trains a denoiser on an arm's latents. @throws Error where the loss is not finite */
async function train(
  learner: Learner,
  settings: RunSettings,
  updates: number,
  { heads }: Arm,
  codec: GraphCodec,
  examples: ExampleSet,
): Promise<void> {
  const schedule = runSchedule(), space = runSpace();
  for (let update = 0; update < updates; update++) {
    const groups = await encoded(codec, makeGroups({ ...settings, examples, update, schedule }), heads === "linear");
    const rates = ratesOf(settings, update, updates);
    const loss = heads === "linear"
      ? await linearUpdate(learner, groups, space, rates)
      : (await learner.update(groups, rates)).total;
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss} at update ${update}`);
  }
}

async function main(args: string[]): Promise<void> {
  const options = readOptions(args, OPTIONS), { arms, updates, molecules, threads, precision, draw, out } = options;
  const settings = runSettings.parse({ coupling: "aligned", ...options.with }), schedule = runSchedule();
  const space = runSpace(), sizes = sizesOf(settings), data = await openDataSet(), { tf } = await openBackend("wasm");
  const examples = ofNodes(loadExamples(data, data.split.train).examples);
  const heldOut = ofNodes(loadExamples(data, data.split.valid.subarray(0, 8000)).examples);
  const judgedBy = heldOutBatches("focused", { examples: heldOut, molecules, coupling: settings.coupling }).flat();
  const codecSeed = settings.seed + CODEC_SEED;
  const batches = (update: number) => makeGroups({ examples, batch: CODEC_BATCH, seed: codecSeed, update, schedule });
  const shown = Array.from({ length: 64 }, (_, update) => batches(update)).flat();
  const under = { command: toldCommand("bench:encoders", args), ...await conditions() };
  console.log(machineLine(under));
  const draws = await createDraws(data, { draw, threads }), codecs = new Map<number | undefined, GraphCodec>();
  const rows: Row[] = [], codecRows: Row[] = [], drawn: Row[] = [];
  let first: number[] | undefined, backend = "";
  /** The codec of a weight, learned and told of when it is first asked for. */
  const codecOf = async (kl: number | undefined, latent: string) => {
    const had = codecs.get(kl);
    if (had) return had;
    const codec = kl === undefined ? HAND_MADE : await learnCodec(tf, {
      space,
      kl,
      updates: options["codec-updates"],
      seed: codecSeed,
      groups: batches,
    });
    const row: Record<string, string | number> = { latent };
    for (const deviation of READ_BACK) {
      row[`read back at ${deviation} %`] = await readBack(codec, judgedBy, space, deviation, codecSeed);
    }
    const losses = codec.losses ?? { classes: null, orders: null, divergence: null };
    codecRows.push({ ...row, ...losses });
    console.log(JSON.stringify(codecRows.at(-1)));
    codecs.set(kl, codec);
    return codec;
  };
  for (const one of arms) {
    const { kl, heads, spread } = one, latent = kl === undefined ? "hand-made" : `learned, KL ${kl}`;
    const codec = spreadOut(await codecOf(kl, latent), spread, space), name = { latent, spread, heads };
    const { learner } = await openLearner("native", { space, sizes, seed: settings.seed, threads, precision });
    try {
      backend = learner.backend;
      const start = performance.now();
      await train(learner, settings, updates, one, codec, examples);
      const seconds = (performance.now() - start) / 1000, positions: number[] = [];
      for (const group of await encoded(codec, judgedBy, heads === "linear")) {
        positions.push(...linearLoss(await abilityOf(learner, "predict")(group, "ema"), group, space).losses.positions);
      }
      first ??= positions;
      const { mean, error } = meanError(positions.map((loss, k) => loss - first![k]));
      rows.push({
        ...name,
        molecules: updates * settings.batch,
        seconds,
        "focused, positions": meanError(positions).mean,
        difference: mean,
        error,
      });
      console.log(JSON.stringify(rows.at(-1)));
      for (const found of await draws(learner, settings, await readingOf(one, codec, space, shown))) {
        drawn.push({ ...name, ...found });
        console.log(JSON.stringify(drawn.at(-1)));
      }
    } finally {
      learner.dispose();
    }
  }
  const of = { updates, backend, with: JSON.stringify(options.with) };
  const results: Result[] = [
    { bench: "encoders, codecs", settings: { updates: options["codec-updates"], batch: CODEC_BATCH }, rows: codecRows },
    { bench: "encoders", settings: { ...of, molecules }, rows },
    { bench: "encoders, drawn", settings: { ...of, draw, seed: DRAWN_SEED }, rows: drawn },
  ];
  for (const result of results) console.log(formatResult(result));
  const path = out ?? resultsPath(under, "encoders");
  if (path !== "-") await keep(path, under, results);
}

if (import.meta.main) await runProgram(main);

/** `deno task bench`: measures, prints a table and a JSON line each, and keeps the results with their conditions. */
import { dirname } from "node:path";
import { findModel } from "../main/models.ts";
import type { ModelEntry } from "../model/models/load.ts";
import { decodings } from "../model/models/settings.ts";
import { UnknownModelError } from "../model/models/store.ts";
import { type Conditions, conditions } from "./conditions.ts";
import { benchDenoiser } from "./denoiser.ts";
import { benchDistill, DISTILL_PLACES } from "./distill.ts";
import { benchEgnn, benchPairAttention } from "./engine.ts";
import { benchKernel } from "./kernel.ts";
import { benchMemory } from "./memory.ts";
import { benchMmff94 } from "./mmff94.ts";
import { benchMixture } from "./mixture.ts";
import { benchMolecules, MOLECULE_PLACES } from "./molecules.ts";
import { type BenchOptions, DEFAULT_PARTS, type Part, readBenchOptions, usage } from "./options.ts";
import { writeRandomModel } from "./random_model.ts";
import { asksForHelp, keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { benchService } from "./service.ts";
import { benchSharing } from "./sharing.ts";
import { benchSizes, type Network, NETWORKS, SIZE_PLACES } from "./sizes.ts";
import { benchStart } from "./start.ts";
import { type EngineName, ENGINES } from "./subject.ts";
import { formatResult, type Result } from "./table.ts";
import { toldCommand } from "./told.ts";
import { benchTraining, TRAINING_PLACES } from "./train.ts";

/** The model asked for; undefined where there is none. */
async function modelOf(name: string): Promise<ModelEntry | undefined> {
  try {
    return await findModel(name);
  } catch (error) {
    if (error instanceof UnknownModelError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Most rounds of a large request, which is no short one. */
const LARGE_ROUNDS = 3;

/** Most rounds of distillation beside the service. */
const SHARING_ROUNDS = 2;

/** The places that runtimes name; `wasm` names the engine and TensorFlow.js's. */
function placesOf(backends: BenchOptions["backends"]): readonly EngineName[] {
  return ENGINES.filter((place) => !backends || backends.some((name) => place.split(" ").includes(name)));
}

/** Where the service may run: the embedded default, and the engine as the machine's compiler makes it. */
const SERVICE_BACKENDS = ["wasm", "native"] as const;

/** Molecules an update, of `distill`. */
const UPDATE_BATCHES = [128, 64] as const;

/** The results of a part, one after the other; a part that lacks its model says so. */
async function* run(part: Part, options: BenchOptions): AsyncGenerator<Result, void, void> {
  const { seconds, rounds, limit, backends = SERVICE_BACKENDS } = options, places = placesOf(options.backends);
  const software = options.backends?.includes("webgpu"); // who asks for it gets what there is
  if (part === "engine") {
    yield await benchPairAttention({ seconds, rounds, limit }, places, software);
    return yield await benchEgnn({ seconds, rounds, limit }, places, software);
  }
  if (part === "kernel") return yield await benchKernel({ seconds, rounds });
  if (part === "mmff94") {
    try {
      return yield await benchMmff94({ rounds });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return console.error(`mmff94: ${error.message}; left out`);
    }
  }
  if (part === "sizes") {
    const named = options.backends ? places : SIZE_PLACES;
    for (const network of Object.keys(NETWORKS) as Network[]) {
      yield await benchSizes(network, { seconds, rounds, limit }, named);
    }
    return;
  }
  if (part === "train") {
    if (!TRAINING_PLACES.some((place) => places.includes(place))) {
      return console.error("train: no such trainer; left out");
    }
    return yield await benchTraining({ seconds, rounds, limit }, places, software);
  }
  const entry = await modelOf(options.model);
  if (entry) {
    const { folder, name: model, card: { version: weights } } = entry,
      served = { root: dirname(folder), model, weights, backends };
    if (part === "start") return yield await benchStart({ ...served, rounds });
    if (part === "memory") {
      const { molecules: count, memorySteps: steps } = options;
      return yield await benchMemory({ ...served, count, steps, rounds: Math.min(rounds, LARGE_ROUNDS) });
    }
    if (part === "service") {
      const backend = options.backends?.[0] ?? "auto";
      yield await benchService({ ...options, ...served, backend });
      const { window } = options;
      yield await benchMixture({ ...served, backend, window });
      return yield await benchSharing({ ...served, backend, rounds: Math.min(rounds, SHARING_ROUNDS), window });
    }
    if (part === "molecules") {
      return yield await benchMolecules({
        ...{ seconds, limit, rounds: Math.min(rounds, LARGE_ROUNDS), folder, model, weights },
        places: options.backends ? places : MOLECULE_PLACES,
        steps: options.ladder,
        decodings: decodings(entry.card),
      });
    }
    if (part === "distill") {
      const named = options.backends ? places.filter((place) => place !== "wasm engine") : DISTILL_PLACES;
      return yield await benchDistill({
        seconds,
        rounds,
        limit,
        folder,
        model,
        weights,
        places: named,
        batches: UPDATE_BATCHES,
      });
    }
    const all = ["native", "tensorflow", "webgpu", "wasm"] as const;
    return yield await benchDenoiser({ ...options, folder, model, weights, backends: options.backends ?? all });
  }
  if (part !== "start") return console.error(`${part}: there is no model ${options.model} here; left out`);
  const root = await Deno.makeTempDir({ prefix: "molstep-bench-" });
  try {
    await writeRandomModel(root);
    yield await benchStart({ root, model: "qm9", weights: "random", backends, rounds });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Where results go unless told otherwise: of some parts beside those of all, not in their place. */
function defaultPath(under: Conditions, { only }: BenchOptions): string {
  return resultsPath(under, ...only.join() === DEFAULT_PARTS.join() ? [] : only);
}

async function main(args: string[]): Promise<void> {
  if (asksForHelp(args)) return console.log(usage());
  const options = readBenchOptions(args);
  const under = { command: toldCommand("bench", args), ...await conditions() };
  const results: Result[] = [],
    took: Record<string, number> = {},
    path = options.out === null ? null : options.out ?? defaultPath(under, options);
  console.log(machineLine(under));
  for (const part of options.only) {
    const from = performance.now();
    for await (const result of run(part, options)) {
      results.push(result);
      console.log(formatResult(result));
      // After each, so that an interrupted run keeps what it has.
      if (path) await keep(path, { ...under, took }, results);
    }
    took[part] = Math.round((performance.now() - from) / 1000);
    console.log(`\n${part} took ${took[part]} s`);
  }
  if (!path || results.length === 0) return;
  await keep(path, { ...under, took }, results);
  console.log(`\nkept in ${path}`);
}

if (import.meta.main) await runProgram(main);

/** What a process of its own measures: one network on one backend, or what trains one. */
import { heavyAtomSpace } from "../model/networks/heavy_atom/space.ts";
import { drawNoise } from "../model/diffusion/latent.ts";
import { random } from "../model/diffusion/random.ts";
import { type RuntimeName, RUNTIMES } from "../model/engines/runtimes.ts";
import { openLearner, type Trainer } from "../model/engines/open_learner.ts";
import type { BatchShape, LatentSpace } from "../model/diffusion/types.ts";
import type { Denoiser } from "../model/diffusion/denoiser.ts";
import { backendOf, type EngineName, ENGINES } from "./engine_names.ts";
import { openRandomDenoiser } from "./random_denoisers.ts";
import { trainingBatch } from "./training_batch.ts";

export { type EngineName, ENGINES } from "./engine_names.ts";

/** A network of these sizes with random weights: its estimates, or a trainer's updates of it. */
interface RandomNetwork {
  readonly type: "pair-attention" | "egnn" | "training";
  /** Nodes of each molecule. */
  readonly nodes: number;
  readonly width: number;
  readonly blocks: number;
  /** Whether a GPU engine may run on an adapter that computes on the CPU. */
  readonly software?: boolean;
}

/** The estimates of a model's own denoiser. */
interface ModelNetwork {
  readonly type: "model";
  readonly folder: string;
  readonly nodes: number;
}

/** Updates of rounds that distil a model, and their parts; see `distillation.ts`. */
export interface Distillation {
  readonly type: "distillation";
  readonly folder: string;
}

/** Molecules of a model, from their seeds to their verdicts; see `generation.ts`. */
export interface Generation {
  readonly type: "generation";
  readonly folder: string;
}

/** Estimates and whole samplings with all their numbers, of a model or of a random EGNN; see `parity_subject.ts`. */
export interface Parity {
  readonly type: "parity";
  readonly network: { readonly folder: string } | { readonly width: number; readonly blocks: number };
}

/** What to open, wherever. */
export type Kind = RandomNetwork | ModelNetwork | Distillation | Generation | Parity;

/** What to open. */
export type Subject = Kind & { readonly place: EngineName };

/** An open subject. */
export interface OpenSubject {
  /** What it runs on. */
  readonly why: string;
  /**
   * Makes a batch's inputs; what is returned runs once on them and resolves to some of its results.
   *
   * @param what of a subject that can do several things, which; of a network's estimates, nodes other than the subject's (`18`,
   * or `9,18,25`: a mixture's, which the batch takes at even distances)
   */
  prepare(batch: number, what?: string): () => Promise<number[]>;
  /** Frees what it holds. */
  close(): void;
}

/** Results of a call that are compared between backends. */
const SAMPLE = 64;

/** What is said of an adapter that computes on the CPU. */
const SOFTWARE = "a software adapter";

/** The trainer there: on WebGPU the engine. Throws Error where there is none. */
export function trainerOf(place: EngineName): Trainer {
  const engine = (["native", "webgpu"] as const).find((name) => place === `${name} engine`);
  const name = engine ?? (place === "tfjs webgpu" ? undefined : backendOf(place));
  if (!name) throw new Error(`the ${place === "wasm engine" ? "engine in WebAssembly" : place} does not train`);
  return name;
}

/** Molecules of one size, and what a denoiser is called on. */
interface Group {
  readonly shape: BatchShape;
  readonly z: Float32Array;
}

/** Noise for a batch of molecules of one size, or of a mixture's sizes at even distances; a group each size. */
export function inputsOf(space: LatentSpace, mixture: readonly number[], batch: number): Group[] {
  const groups = new Map<number, number[]>();
  for (let i = 0; i < batch; i++) {
    const size = mixture[Math.floor((i + 0.5) * mixture.length / batch)];
    groups.set(size, [...groups.get(size) ?? [], i]);
  }
  return [...groups].map(([nodes, indices]) => {
    const shape = { batch: indices.length, nodes };
    return { shape, z: drawNoise(space, shape, indices.map((i) => random(3, i))) };
  });
}

/** Calls of a denoiser at half time. */
function predictions(denoiser: Denoiser, usual: number, why: string): OpenSubject {
  return {
    why,
    prepare(batch, what) {
      const groups = inputsOf(denoiser.space, what === undefined ? [usual] : what.split(",").map(Number), batch);
      return async () => {
        const sample: number[] = [];
        for (const { z, shape } of groups) {
          const estimates = await denoiser.predict(z, shape, { time: 0.5 });
          if (sample.length < SAMPLE) sample.push(...estimates.subarray(0, SAMPLE - sample.length));
        }
        return sample;
      };
    },
    close: () => denoiser.dispose(),
  };
}

/** A random network, and where. */
type Placed = RandomNetwork & { readonly place: EngineName };

/** Estimates of a network of random weights. */
async function openEstimates(type: "pair-attention" | "egnn", { nodes, ...asked }: Placed): Promise<OpenSubject> {
  const { denoiser, why } = await openRandomDenoiser({ ...asked, type });
  return predictions(denoiser, nodes, why);
}

/** Updates on one batch, at rates so low that the weights hardly move; the sample is the total loss. */
async function openTraining({ place, nodes, width, blocks, software }: Placed): Promise<OpenSubject> {
  const { learner, why } = await openLearner(trainerOf(place), {
    space: heavyAtomSpace(),
    sizes: { width, blocks },
    seed: 1,
  });
  if (why.includes(SOFTWARE) && !software) {
    learner.dispose();
    throw new Error(`only ${why.split(": ")[0]}`);
  }
  return {
    why,
    prepare(batch) {
      const group = trainingBatch({ batch, nodes });
      return async () => {
        const { total } = await learner.update([group], { muon: 1e-5, adamw: 1e-5, emaDecay: 0.999, clip: 10 });
        if (!Number.isFinite(total)) throw new Error(`an update's loss is ${total}`);
        return [total];
      };
    },
    close: () => learner.dispose(),
  };
}

/** The runtime of a place, by which the service would load a model there: on the engine, where a runtime has one. */
export function runtimeOf(place: EngineName): RuntimeName {
  const engine = (name: RuntimeName) => (ENGINES as readonly string[]).includes(`${name} engine`);
  const runtime = RUNTIMES.find((name) => place === (engine(name) ? `${name} engine` : `tfjs ${name}`));
  if (!runtime) throw new Error(`models are not loaded onto the ${place}`);
  return runtime;
}

/** A model's denoiser as the service would load it; `wasm` is the engine where that knows the network. */
async function openModel(
  { place, folder, nodes }: ModelNetwork & { readonly place: EngineName },
): Promise<OpenSubject> {
  const { loadModel } = await import("../model/models/load.ts");
  const model = await loadModel(folder, { backend: runtimeOf(place) });
  return predictions(await model.denoiser(), nodes, model.backend.why);
}

/** Opens a subject. Throws where its backend does not work here, or does not know its network. */
export async function openSubject(subject: Subject): Promise<OpenSubject> {
  const { place } = subject;
  if (!ENGINES.includes(place)) throw new RangeError(`a place is one of ${ENGINES.join(", ")}; got ${place}`);
  if (subject.type === "distillation") {
    const { openDistillation } = await import("./distillation.ts");
    return await openDistillation(subject);
  }
  if (subject.type === "generation") {
    const { openGeneration } = await import("./generation.ts");
    return await openGeneration(subject);
  }
  if (subject.type === "parity") {
    const { openParity } = await import("./parity_subject.ts");
    return await openParity(subject);
  }
  const { nodes } = subject;
  if (!(Number.isInteger(nodes) && nodes > 0)) throw new RangeError(`nodes must be at least 1; got ${nodes}`);
  if (subject.type === "model") return await openModel(subject);
  if (subject.type === "training") return await openTraining(subject);
  return await openEstimates(subject.type, subject);
}

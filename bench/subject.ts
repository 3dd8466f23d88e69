/** What a process of its own measures: one network on one backend, or one trainer. */
import { RELEASED_EGNN } from "../model/egnn_parameters.ts";
import { openBackend } from "../model/backends/open.ts";
import { BACKENDS } from "../model/backends/types.ts";
import {
  createEgnnDenoiser,
  createEngineEgnnDenoiser,
  egnnDenoiserNetwork,
  egnnDenoiserParameters,
  type EgnnDenoiserSizes,
} from "../model/egnn_denoiser.ts";
import { createNativeEgnn } from "../model/engine/egnn_native.ts";
import { createWasmEgnn } from "../model/engine/egnn_wasm.ts";
import { createNativeDenoiser } from "../model/engine/native_denoiser.ts";
import { createWasmDenoiser } from "../model/engine/wasm_denoiser.ts";
import { heavyAtomSpace } from "../model/heavy_atom/space.ts";
import { drawNoise } from "../model/latent.ts";
import { createPairAttention } from "../model/pair_attention/denoiser.ts";
import { initialValues, type Values } from "../model/pair_attention/initialise.ts";
import { pairAttentionParameters, type ParameterSpec } from "../model/pair_attention/parameters.ts";
import { random } from "../model/random.ts";
import { makeSchedule } from "../model/schedules.ts";
import { openLearner } from "../model/training/open_learner.ts";
import type { BatchShape, Denoiser, LatentSpace } from "../model/types.ts";
import { trainingBatch } from "./training_batch.ts";

/** Where a denoiser can run: the engine, natively or in WebAssembly, and TensorFlow.js's backends. */
export const PLACES = ["native engine", "wasm engine", ...BACKENDS.map((name) => `tfjs ${name}` as const)] as const;

/** One of {@link PLACES}. */
export type Place = typeof PLACES[number];

/** What to open. */
export interface Subject {
  /** A denoiser's estimates, or a trainer's updates of a pair-attention denoiser. */
  readonly type: "pair-attention" | "egnn" | "training";
  readonly place: Place;
  /** Nodes of each molecule. */
  readonly nodes: number;
  readonly width: number;
  readonly blocks: number;
}

/** An open subject. */
export interface OpenSubject {
  /** What it runs on. */
  readonly why: string;
  /** Makes a batch's inputs; what is returned runs once on them and resolves to some of its results. */
  prepare(batch: number): () => Promise<number[]>;
  /** Frees what it holds. */
  close(): void;
}

/** Results of a call that are compared between backends. */
const SAMPLE = 64;

/** Of a place's name, TensorFlow.js's own. */
const backendOf = (place: Place) => BACKENDS.find((name) => place === `tfjs ${name}`);

/**
 * Random weights. What begins at zero is drawn too, as parts of a network that give nothing could not be seen to
 * differ between backends.
 */
function weights(specs: readonly ParameterSpec[]): Map<string, Values> {
  const values = initialValues(specs, 1);
  specs.forEach(({ name, init }, k) => {
    if (init.kind !== "zeros") return;
    const { data } = values.get(name)!;
    random(2, k).fillNormal(data);
    for (let i = 0; i < data.length; i++) data[i] *= 0.05;
  });
  return values;
}

const noise = (space: LatentSpace, shape: BatchShape) =>
  drawNoise(space, shape, Array.from({ length: shape.batch }, (_, i) => random(3, i)));

/** Calls of a denoiser at half time. */
function predictions(denoiser: Denoiser, nodes: number, why: string): OpenSubject {
  return {
    why,
    prepare(batch) {
      const shape = { batch, nodes }, z = noise(denoiser.space, shape);
      return async () => [...(await denoiser.predict(z, shape, 0.5)).subarray(0, SAMPLE)];
    },
    close: () => denoiser.dispose(),
  };
}

async function openPairAttention({ place, nodes, width, blocks }: Subject): Promise<OpenSubject> {
  const space = heavyAtomSpace(),
    schedule = makeSchedule({ type: "cosine", factor: 0.9995 }),
    sizes = { width, blocks };
  const options = { space, sizes, schedule }, values = weights(pairAttentionParameters(space, sizes));
  if (place === "native engine") {
    return predictions(createNativeDenoiser(options, values), nodes, "C by the system's compiler");
  }
  if (place === "wasm engine") {
    return predictions(await createWasmDenoiser(options, values), nodes, "one worker a core");
  }
  const { tf, why } = await openBackend(backendOf(place)!);
  return predictions(createPairAttention(tf, options, values), nodes, why);
}

/** GeoLDM's released QM9 model is of this kind (width 256, 9 blocks, latents of one scalar). */
async function openEgnn({ place, nodes, width, blocks }: Subject): Promise<OpenSubject> {
  const space = { vectors: 1, scalars: 1, pairs: 0 };
  const schedule = makeSchedule({ type: "polynomial", power: 2, precision: 1e-5, timesteps: 1000 });
  const sizes: EgnnDenoiserSizes = {
    width,
    blocks,
    ...RELEASED_EGNN,
    conditionTime: true,
    parametrisation: "eps",
  };
  const options = { space, sizes, schedule }, values = weights(egnnDenoiserParameters(space, sizes));
  const network = egnnDenoiserNetwork(options);
  if (place === "native engine") {
    const denoiser = createEngineEgnnDenoiser(options, createNativeEgnn(network, values));
    return predictions(denoiser, nodes, "C by the system's compiler");
  }
  if (place === "wasm engine") {
    const denoiser = createEngineEgnnDenoiser(options, await createWasmEgnn(network, values));
    return predictions(denoiser, nodes, "one worker a core");
  }
  const { tf, why } = await openBackend(backendOf(place)!);
  return predictions(createEgnnDenoiser(tf, options, values), nodes, why);
}

/** Updates on one batch, at rates so low that the weights hardly move; the sample is the total loss. */
async function openTraining({ place, nodes, width, blocks }: Subject): Promise<OpenSubject> {
  const name = place === "native engine" ? "native" : backendOf(place);
  if (!name) throw new Error("the engine in WebAssembly does not train");
  const { learner, why } = await openLearner(name, { space: heavyAtomSpace(), sizes: { width, blocks }, seed: 1 });
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

/** Opens a subject. Throws where its backend does not work here, or does not know its network. */
export async function openSubject(subject: Subject): Promise<OpenSubject> {
  const { place, nodes } = subject;
  if (!PLACES.includes(place)) throw new RangeError(`a place is one of ${PLACES.join(", ")}; got ${place}`);
  if (!(Number.isInteger(nodes) && nodes > 0)) throw new RangeError(`nodes must be at least 1, ${nodes} given`);
  const open = { "pair-attention": openPairAttention, egnn: openEgnn, training: openTraining }[subject.type];
  return await open(subject);
}

/** Denoisers of random weights, of the shipped kind and of GeoLDM's, on any place. */
import { makeSchedule } from "../model/diffusion/schedules.ts";
import { random } from "../model/diffusion/random.ts";
import type { Denoiser } from "../model/diffusion/denoiser.ts";
import type { Schedule } from "../model/diffusion/types.ts";
import { createNativeEgnn } from "../model/engines/c/egnn_native.ts";
import { createWasmEgnn } from "../model/engines/c/egnn_wasm.ts";
import { createNativeDenoiser } from "../model/engines/c/native_denoiser.ts";
import { createWasmDenoiser } from "../model/engines/c/wasm_denoiser.ts";
import { openBackend } from "../model/engines/tensorflow/open.ts";
import {
  createEgnnDenoiser,
  createEngineEgnnDenoiser,
  egnnDenoiserNetwork,
  egnnDenoiserParameters,
  type EgnnDenoiserSizes,
} from "../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../model/networks/egnn_parameters.ts";
import { heavyAtomSpace } from "../model/networks/heavy_atom/space.ts";
import { createPairAttention } from "../model/networks/pair_attention/denoiser.ts";
import { initialValues, type Values } from "../model/networks/pair_attention/initialise.ts";
import { pairAttentionParameters, type ParameterSpec } from "../model/networks/pair_attention/parameters.ts";
import { backendOf, type EngineName, precisionOf } from "./engine_names.ts";

/** A kind of network, its sizes, and where. */
export interface RandomDenoiser {
  readonly type: "pair-attention" | "egnn";
  readonly width: number;
  readonly blocks: number;
  readonly place: EngineName;
  /** Whether a GPU engine may run on an adapter that computes on the CPU. */
  readonly software?: boolean;
  /** What the weights that move an EGNN's positions are multiplied by: at first they hardly do. Default 1. */
  readonly moving?: number;
}

/** A denoiser, its schedule and what it runs on. */
export interface OpenDenoiser {
  readonly denoiser: Denoiser;
  readonly schedule: Schedule;
  readonly why: string;
}

/**
 * Random weights. What begins at zero is drawn too, as parts of a network that give nothing could not be seen to
 * differ between backends.
 */
function weights(specs: readonly ParameterSpec[], moving = 1): Map<string, Values> {
  const values = initialValues(specs, 1);
  specs.forEach(({ name, init }, k) => {
    const { data } = values.get(name)!;
    if (init.kind === "zeros") {
      random(2, k).fillNormal(data);
      for (let i = 0; i < data.length; i++) data[i] *= 0.05;
    } else if (name.endsWith("coordinates.out")) {
      for (let i = 0; i < data.length; i++) data[i] *= moving;
    }
  });
  return values;
}

const NATIVE = "C by the system's compiler", WASM = "one worker a core";

async function openPairAttention({ place, width, blocks, software }: RandomDenoiser): Promise<OpenDenoiser> {
  const space = heavyAtomSpace(), schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
  const options = { space, sizes: { width, blocks }, schedule };
  const values = weights(pairAttentionParameters(space, options.sizes));
  const on = (denoiser: Denoiser, why: string) => ({ denoiser, schedule, why });
  if (place === "native engine") return on(await createNativeDenoiser(options, values), NATIVE);
  if (place === "wasm engine") return on(await createWasmDenoiser(options, values), WASM);
  const precision = precisionOf(place);
  if (precision) {
    const { createGpuDenoiser } = await import("../model/engines/webgpu/denoiser.ts");
    const denoiser = await createGpuDenoiser({ ...options, software, precision }, values);
    return on(denoiser, denoiser.why);
  }
  const { tf, why } = await openBackend(backendOf(place)!);
  return on(createPairAttention(tf, options, values), why);
}

/** GeoLDM's released QM9 model is of this kind (width 256, 9 blocks, latents of one scalar). */
async function openEgnn({ place, width, blocks, software, moving }: RandomDenoiser): Promise<OpenDenoiser> {
  const space = { vectors: 1, scalars: 1, pairs: 0 };
  const schedule = makeSchedule({ type: "polynomial", power: 2, precision: 1e-5, timesteps: 1000 });
  const own = { ...RELEASED_EGNN, conditionTime: true, parametrisation: "eps" } as const;
  const sizes: EgnnDenoiserSizes = { width, blocks, ...own }, options = { space, sizes, schedule };
  const values = weights(egnnDenoiserParameters(space, sizes), moving), network = egnnDenoiserNetwork(options);
  const on = (denoiser: Denoiser, why: string) => ({ denoiser, schedule, why });
  if (place === "native engine") {
    return on(createEngineEgnnDenoiser(options, createNativeEgnn(network, values)), NATIVE);
  }
  if (place === "wasm engine") {
    return on(createEngineEgnnDenoiser(options, await createWasmEgnn(network, values)), WASM);
  }
  const precision = precisionOf(place);
  if (precision) {
    const { createGpuEgnnDenoiser } = await import("../model/engines/webgpu/egnn/denoiser.ts");
    const denoiser = await createGpuEgnnDenoiser({ ...options, software, precision }, values);
    return on(denoiser, denoiser.why);
  }
  const { tf, why } = await openBackend(backendOf(place)!);
  return on(createEgnnDenoiser(tf, options, values), why);
}

/** Opens one. Throws where its place does not work here, or does not know the network. */
export const openRandomDenoiser = (asked: RandomDenoiser): Promise<OpenDenoiser> =>
  asked.type === "egnn" ? openEgnn(asked) : openPairAttention(asked);

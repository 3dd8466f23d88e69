/** What two engines must agree on, as a subject: estimates and whole samplings, all their numbers. */
import { realigner } from "../model/diffusion/coupling/align.ts";
import type { Denoiser, Sampling } from "../model/diffusion/denoiser.ts";
import { powerGrid } from "../model/diffusion/grids.ts";
import { drawNoise } from "../model/diffusion/latent.ts";
import { moleculeNoise } from "../model/diffusion/noise.ts";
import { random } from "../model/diffusion/random.ts";
import { firstLatents, planSampling, runPlan } from "../model/diffusion/samplers/mod.ts";
import { acceptOrder } from "../model/generation/order.ts";
import { loadModel } from "../model/models/load.ts";
import { startsOf } from "../model/models/settings.ts";
import { clampToValence } from "../model/networks/heavy_atom/clamp.ts";
import type { EngineName } from "./engine_names.ts";
import { openRandomDenoiser } from "./random_denoisers.ts";
import { type OpenSubject, type Parity, runtimeOf } from "./subject.ts";

/** What to compute: estimates of molecules of so many nodes at times from 0 to 1, or a sampling of them from seed 1. */
export type Computed = { readonly nodes: number } | { readonly nodes: number; readonly steps: number };

/** As a question's `what`. */
export const whatOf = (what: Computed): string =>
  "steps" in what ? `sampling ${what.nodes} ${what.steps}` : `estimates ${what.nodes}`;

/** @throws RangeError where it is none of {@link whatOf} */
function computedOf(what = ""): Computed {
  const [kind, nodes, steps] = what.split(" ");
  if (kind === "estimates" && Number(nodes) > 0) return { nodes: Number(nodes) };
  if (kind === "sampling" && Number(nodes) > 0 && Number(steps) > 0) {
    return { nodes: Number(nodes), steps: Number(steps) };
  }
  throw new RangeError(`what to compute is "estimates NODES" or "sampling NODES STEPS"; got ${JSON.stringify(what)}`);
}

/** A network, and how it samples. */
interface Open {
  readonly denoiser: Denoiser;
  readonly why: string;
  samplingOf(nodes: number, steps: number): Omit<Sampling, "shape" | "seed" | "indices">;
  close(): void;
}

/** A model by its own settings for the steps, as the service would draw. */
async function openModel(folder: string, place: EngineName): Promise<Open> {
  const model = await loadModel(folder, { backend: runtimeOf(place) }), { card, schedule, backend } = model;
  const { bondSums, charges } = model.autoencoder;
  return {
    denoiser: await model.denoiser(),
    why: backend.why,
    samplingOf(nodes, steps) {
      const { settings, plan } = acceptOrder(card, { count: 1, steps, seed: 1 });
      const clamp = bondSums && settings.clamp > 0 ? { below: settings.clamp, bondSums, charges } : undefined;
      const start = startsOf(card, settings.grid, schedule(plan![0].t))(nodes);
      return { plan: plan!, start, coupling: card.coupling, clamp };
    },
    close: () => model.dispose(),
  };
}

/** Moves positions as a trained network does, so that its way of moving them is compared too. */
const MOVING = 100;

/** An EGNN of GeoLDM's kind with random weights, by the ancestral sampler. */
async function openEgnn(sizes: { width: number; blocks: number }, place: EngineName): Promise<Open> {
  const asked = { ...sizes, type: "egnn", place, software: true, moving: MOVING } as const;
  const { denoiser, schedule, why } = await openRandomDenoiser(asked);
  return {
    denoiser,
    why,
    samplingOf: (_, steps) => ({ plan: planSampling("ancestral", schedule, powerGrid(steps, 2), { gamma: 0.5 }) }),
    close: () => denoiser.dispose(),
  };
}

/** The denoiser's own sampling, or the loop here where it has none. */
async function sampled(denoiser: Denoiser, sampling: Sampling): Promise<Float32Array> {
  if (denoiser.can.sample) return (await denoiser.can.sample(sampling)).x0;
  const { shape, plan, start, coupling = "independent", seed, indices, clamp } = sampling, { space } = denoiser;
  const noise = moleculeNoise(space, shape.nodes, seed, indices), aligned = realigner(coupling, space, shape);
  const denoise = async (z: Float32Array, t: number) => {
    const x0 = await denoiser.predict(z, shape, { time: t });
    if (clamp && t <= clamp.below) clampToValence(x0, shape, clamp.bondSums);
    return x0;
  };
  return await runPlan(plan, denoise, await firstLatents(noise, start, aligned), noise, undefined, aligned);
}

/** Opens it; a sample has all numbers `[B, L]` of {@link Computed}. */
export async function openParity({ network, place }: Parity & { readonly place: EngineName }): Promise<OpenSubject> {
  const { denoiser, why, samplingOf, close } = "folder" in network
    ? await openModel(network.folder, place)
    : await openEgnn(network, place);
  return {
    why,
    prepare(batch, what) {
      const asked = computedOf(what), shape = { batch, nodes: asked.nodes };
      const indices = Array.from({ length: batch }, (_, k) => k);
      if ("steps" in asked) {
        const sampling = { shape, seed: 1, indices, ...samplingOf(asked.nodes, asked.steps) };
        return async () => [...await sampled(denoiser, sampling)];
      }
      const z = drawNoise(denoiser.space, shape, indices.map((k) => random(3, k)));
      const conditions = indices.map((k) => ({ time: (k + 0.5) / batch }));
      return async () => [...await denoiser.predict(z, shape, conditions)];
    },
    close,
  };
}

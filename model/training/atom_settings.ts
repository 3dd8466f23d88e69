/** What a run of GeoLDM or EDM is told: the all-atom models, trained on TensorFlow.js. */
import { QM9_ELEMENTS } from "../../chem/qm9.ts";
import { COUPLINGS } from "../diffusion/coupling/align.ts";
import { RELEASED_EGNN } from "../networks/egnn_parameters.ts";
import { z } from "zod";
import { strict } from "../diffusion/strict.ts";
import type { EgnnDenoiserSizes } from "../networks/egnn_denoiser.ts";
import type { GeoldmSizes } from "../networks/geoldm/networks.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import type { LatentSpace, Schedule } from "../diffusion/types.ts";

/** Settings that decide the numbers of a run. Defaults are GeoLDM's on QM9, but for the batch's one size. */
export const atomSettings = strict({
  /** `geoldm`: an autoencoder, then diffusion of its latents. `edm`: diffusion of positions, types and charges. */
  kind: z.enum(["geoldm", "edm"]),
  model: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/),
  width: z.int().min(1).default(256),
  /** Of the denoiser and of the decoder. */
  blocks: z.int().min(1).max(64).default(9),
  encoderBlocks: z.int().min(1).max(64).default(1),
  /** Invariant latent features an atom. */
  latentScalars: z.int().min(1).default(1),
  klWeight: z.number().min(0).default(0.01),
  batch: z.int().min(1).default(64),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  adamw: z.number().positive().default(2e-4),
  clip: z.number().positive().default(10),
  warmup: z.int().min(0).default(200),
  cooldown: z.number().min(0).max(1).default(0.3),
  emaLimit: z.number().min(0).lt(1).default(0.9995),
  /** How molecules and the diffusion's noise are paired. Independent where absent. */
  coupling: z.enum(COUPLINGS).optional(),
});

/** Checked settings. */
export type AtomSettings = z.infer<typeof atomSettings>;

/** EDM's divisors of positions, one-hot types and charges on QM9. */
export const NORMALISERS: [number, number, number] = [1, 4, 10];

/** The noise schedule, as a card names it. */
export const ATOM_SCHEDULE = { type: "polynomial", power: 2, precision: 1e-5, timesteps: 1000 } as const;

/** {@link ATOM_SCHEDULE} as a function. */
export function atomSchedule(): Schedule {
  return makeSchedule(ATOM_SCHEDULE);
}

/** Sizes of the autoencoder. */
export function autoencoderSizes(settings: AtomSettings): GeoldmSizes {
  const { width, encoderBlocks, blocks: decoderBlocks, latentScalars } = settings;
  return {
    ...RELEASED_EGNN,
    width,
    encoderBlocks,
    decoderBlocks,
    latentScalars,
    elements: QM9_ELEMENTS,
    includeCharges: true,
  };
}

/** Sizes of the denoiser. */
export function denoiserSizes({ width, blocks }: AtomSettings): EgnnDenoiserSizes {
  return { ...RELEASED_EGNN, width, blocks, conditionTime: true, parametrisation: "eps" };
}

/** The latent that is diffused. */
export function atomSpace({ kind, latentScalars }: AtomSettings): LatentSpace {
  return { vectors: 1, scalars: kind === "geoldm" ? latentScalars : QM9_ELEMENTS.length + 1, pairs: 0 };
}

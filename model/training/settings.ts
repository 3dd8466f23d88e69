/** What a training run is told, checked once. Kept in its checkpoints, so that a resume goes on with the same. */
import { z } from "zod";
import { strict } from "../diffusion/strict.ts";
import { COUPLINGS } from "../diffusion/coupling/align.ts";
import { chemistryNames } from "../../chem/chemistry.ts";
import { dataSetName } from "../../chem/data_sets.ts";
import { QM9_WORDS } from "../../chem/qm9.ts";
import { heavyAtomSpace, HYDROGEN_CHOICES } from "../networks/heavy_atom/space.ts";
import { conditionsSpec, frequencySpec } from "../models/card_parts.ts";
import { type PairAttentionEntry, type PairAttentionSizes, sizesOf } from "../networks/pair_attention/parameters.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import type { LatentSpace, Schedule } from "../diffusion/types.ts";

/**
 * Where more of the training's times are drawn: `share` of them with a log-SNR that is uniform between `first` and `last`, as the steps of
 * few-step samplers from a matched start are; the rest are uniform times.
 */
export const focusSpec = strict({
  first: z.number().min(-10).max(10),
  last: z.number().min(-10).max(15),
  share: z.number().gt(0).lt(1),
}).refine(({ first, last }) => first < last, { error: "focus: first must lie below last" });

/** See there. */
export type Focus = z.infer<typeof focusSpec>;

/** Other weights of the loss' parts than those of `weights.ts`: the cap of 1 / sigma^2 for positions, the share of classes and bonds. */
export const lossSpec = strict({
  positionCap: z.number().positive().optional(),
  classShare: z.number().positive().optional(),
});

/** A data set: its name, what cards say of it, and what its heavy atoms can be. */
const trainedOn = strict({
  dataSet: dataSetName,
  chemistry: z.enum(chemistryNames),
  description: z.string(),
  split: z.string(),
  classes: z.array(z.tuple([z.int(), z.int(), z.int().optional()])),
});

/** Settings that decide a run's numbers. Time limits are not among them: a resume may train longer. */
export const runSettings = strict({
  /** Name of the model that is trained. */
  model: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/).default("qm9"),
  /** Channels of a node. */
  width: z.int().min(16).multipleOf(16).default(192),
  blocks: z.int().min(1).max(64).default(6),
  /** Whether pairs are told the distances of the network's own estimate on the way (docs/denoiser.md). */
  estimates: z.literal(true).optional(),
  /** The highest frequency of the time's features; 192 where absent. */
  frequency: frequencySpec.optional(),
  /** Molecules an update. */
  batch: z.int().min(1).default(128),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  /** Learning rate of Muon (the blocks' matrices) and of AdamW (all else). */
  muon: z.number().positive().default(0.02),
  adamw: z.number().positive().default(2e-3),
  /** Largest global norm of a gradient. */
  clip: z.number().positive().default(10),
  /** Updates of warm-up, and the last share of the run over which the rates fall to a hundredth. */
  warmup: z.int().min(0).default(200),
  cooldown: z.number().min(0).max(1).default(1),
  emaLimit: z.number().min(0).lt(1).default(0.9995),
  /** How molecules and noise are paired. Settings that do not say are older than the choice: independent. */
  coupling: z.enum(COUPLINGS).default("independent"),
  /** Where more of the times are drawn; without it they are uniform. */
  focus: focusSpec.optional(),
  /** See there. */
  loss: lossSpec.optional(),
  /** Whether aromatic bonds are an order of their own in the latent. */
  aromatic: z.literal(true).optional(),
  /** Whether molecules are neutral on the whole: those of the data that are not are left out, and those that are drawn are sought so. */
  neutral: z.literal(true).optional(),
  /** How the hydrogen that u points to is chosen of an atom's several; drawn where absent. */
  hydrogen: z.enum(HYDROGEN_CHOICES).optional(),
  /** Share of the molecules whose u is noise alone and does not count in the loss, so that all else learns to do without. */
  uDropout: z.number().min(0).max(0.5).optional(),
  /** The log-SNR from which that is done; absent: whatever the time. */
  uDropoutFrom: z.number().min(-20).max(20).optional(),
  /** Spread of the noise that the inputs' vectors get beside their own, in units of sigma; none where absent. */
  perturb: z.number().min(0).max(1).optional(),
  /** Share of the molecules whose graph is given clean and does not count in the loss, so that the network also draws positions for a known graph; none where absent. */
  graphGiven: z.number().gt(0).max(0.9).optional(),
  /** Properties that the network is told, as they are over the generator's half of the training split, which is all that it then learns from. */
  conditions: conditionsSpec.optional(),
  /** The weights that the run began with, in place of random ones: the file's name and the SHA-256 of its bytes. */
  from: strict({ file: z.string(), sha256: z.string() }).optional(),
  /** What is trained on, as it was when the run began. Absent for QM9. */
  trainedOn: trainedOn.optional(),
});

/** Checked settings. */
export type RunSettings = z.infer<typeof runSettings>;

/** The settings that a caller chooses by their own names; the others follow from what else it gives. */
export const CHOSEN = (Object.keys(runSettings.shape) as (keyof RunSettings)[])
  .filter((name) => name !== "model" && name !== "from" && name !== "trainedOn" && name !== "conditions");

/** Fewest heavy atoms of a training molecule: QM9 has only eight smaller ones. */
export const MIN_NODES = 3;

/** What a run is trained on. */
export function trainingData({ trainedOn }: Pick<RunSettings, "trainedOn">) {
  const { name: dataSet, chemistry, description, splitWords: split, classes } = QM9_WORDS;
  return trainedOn ?? { dataSet, chemistry, description, split, classes };
}

/** The latent that is trained on. */
export function runSpace(settings: Partial<Pick<RunSettings, "trainedOn" | "aromatic">> = {}): LatentSpace {
  return heavyAtomSpace(trainingData(settings).classes, settings);
}

/** The sizes of the network that is trained. */
export const runSizes = (settings: PairAttentionEntry & Pick<RunSettings, "graphGiven">): PairAttentionSizes =>
  sizesOf({ ...settings, ...settings.graphGiven !== undefined && { graph: true } });

/** The noise schedule that is trained on, and its card entry. */
export const RUN_SCHEDULE = { type: "cosine", factor: 0.9995 } as const;

/** `RUN_SCHEDULE` as a function. */
export function runSchedule(): Schedule {
  return makeSchedule(RUN_SCHEDULE);
}

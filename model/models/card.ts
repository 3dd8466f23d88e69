/** A model's card, `weights/<model>/card.json`: names the parts that make up the model, and how they came to be. */
import stringify from "json-stringify-pretty-compact";
import { z } from "zod";
import { CHEMISTRIES, chemistryNames } from "../../chem/chemistry.ts";
import { dataSetName, DEFAULT_DATA_SET } from "../../chem/data_sets.ts";
import { REFINES } from "../../chem/refinement/refine.ts";
import { writeAtomically } from "../diffusion/files.ts";
import { strict } from "../diffusion/strict.ts";
import { COUPLINGS } from "../diffusion/coupling/align.ts";
import { VARIANTS } from "../diffusion/samplers/mod.ts";
import { gridSpec } from "../diffusion/grids.ts";
import { latentMoments, parseSamplerOptions, samplerName } from "../diffusion/samplers/mod.ts";
import { scheduleSpec } from "../diffusion/schedules.ts";
import { startless } from "../diffusion/grids.ts";
import { autoguidanceOf, autoguidanceSpec } from "../networks/heavy_atom/autoguide.ts";
import { MOST_TOLD } from "../networks/pair_attention/parameters.ts";
import { scaleRange } from "../networks/pair_attention/scale.ts";
import { drawsConformers, hasWeaker, toldFaults } from "./told.ts";
import { autoencoder, checkElements, count, denoiser, file, sha256, spaceOf } from "./card_parts.ts";

const nodes = z.string().regex(/^[1-9][0-9]*$/, "must be a number of nodes");
/** Told in headers, data fields and comments. */
const version = z.string().min(1).regex(/^(?!\${4})[^\r\n]*$/, "must be one line, and not begin with $$$$");
const free = z.record(z.string(), z.unknown());

/** Most characters of a model's name. */
export const NAME_MAX = 100;

/** A setting that was measured at some number of steps, without what is done to the graph. */
const setting = {
  steps: count,
  sampler: samplerName,
  grid: gridSpec.default({ type: "uniform" }),
  options: free.default({}),
  /** How far estimates are guided from those of the network's weaker self; not at all where absent. */
  autoguidance: autoguidanceSpec.optional(),
};

/** The card. Unknown keys are errors, but in `training`, `evaluation` and `metrics`, which are free. */
export const cardSchema = strict({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, "must be lower-case letters, digits, '.', '_' and '-'").max(
    NAME_MAX,
  ),
  version,
  description: z.string(),
  license: z.string().min(1),
  kind: z.enum(["molstep", "geoldm", "edm"]),
  counts: z.enum(["atoms", "heavyAtoms"]),
  space: strict({ vectors: count, scalars: z.int().min(0), pairs: z.int().min(0) }),
  schedule: scheduleSpec,
  denoiser,
  autoencoder,
  /** What the molecules are made of: elements, valences, how bonds are told; see `chem/chemistry.ts`. */
  chemistry: z.enum(chemistryNames).default("edm"),
  /** What it was trained on, by its name (`chem/data_sets.ts`); rounds of distillation learn from it where it is there. */
  dataSet: dataSetName.default(DEFAULT_DATA_SET),
  /** Molecules of each size (in nodes) in the training data. */
  sizes: z.record(nodes, count)
    .refine((sizes) => Object.keys(sizes).length > 0, "must name at least one size"),
  /** How molecules are refined where a request does not say; by default as `chooseRefine` of `settings.ts` has it. */
  refine: z.enum(REFINES).optional(),
  /** How the network's training paired molecules and noise. */
  coupling: z.enum(COUPLINGS).default("independent"),
  /** Mean and spread of the training data's latents by size (in nodes), which matched starts are drawn with; see `samplers/start.ts`. */
  latents: z.record(nodes, latentMoments)
    .refine((latents) => Object.keys(latents).length > 0, "must have the moments of at least one size").optional(),
  /** Weights distilled to fixed numbers of steps. */
  distilled: z.array(strict({
    steps: count,
    /** Several entries may name one file, where its network is told the number of steps. */
    file,
    sha256,
    /** Number of features of the number of steps in the network's input; 0 for a network of one step count. */
    levels: z.int().min(0).max(MOST_TOLD).default(0),
    /** Whether it learned to be told the properties that the denoiser is told; a student that did not is asked for none. */
    conditions: z.literal(true).optional(),
    /** The guidance scales that it is told; those of the denoiser where absent. */
    guidance: scaleRange.optional(),
    /** Whose steps were learned, and so how the student is sampled. */
    variant: z.enum(VARIANTS),
    teacher: z.string().min(1),
    version,
    /** Times of the steps. */
    grid: gridSpec.default({ type: "uniform" }),
    /** Options of the variant's sampler. */
    options: free.default({}),
    /** The time below which estimates are clamped to graphs that obey valence; 0 for never. */
    clamp: z.number().min(0).max(1).default(0),
    /** How it was made: settings, updates, hours, validation. */
    training: free.optional(),
    metrics: free.optional(),
  })).default([]),
  /** The best undistilled setting measured at each of some step counts. */
  recommended: z.array(strict({
    ...setting,
    /** The time below which estimates are clamped to graphs that obey valence; 0 for never. */
    clamp: z.number().min(0).max(1).default(0),
  })).default([]),
  /** The same where the graph is given and positions alone are drawn; of a denoiser that is told so (`graph`). */
  conformers: z.array(strict(setting)).default([]),
  /** How the weights were made: data, split, seeds, hours, hardware, learning curve. */
  training: free.default({}),
  /** Measured results, one object a setting. */
  evaluation: z.array(free).default([]),
}).superRefine((card, context) => {
  const { name, space, counts, denoiser, autoencoder, chemistry, recommended, distilled, conformers, latents } = card;
  for (const fault of toldFaults(card)) context.addIssue({ code: "custom", ...fault });
  for (const [size, moments] of Object.entries(latents ?? {})) {
    for (const key of ["vectors", "scalars", "pairs"] as const) {
      const given = moments[key].length;
      if (given === space[key]) continue;
      const message = `${key} of the latent must be ${space[key]}; got ${given}`;
      context.addIssue({ code: "custom", path: ["latents", size, key], message });
    }
  }
  if (conformers.length > 0 && !drawsConformers(card)) {
    const message = "needs a denoiser that is told that the graph is given (`graph`)";
    context.addIssue({ code: "custom", path: ["conformers"], message });
  }
  for (const list of ["recommended", "distilled", "conformers"] as const) {
    ({ recommended, distilled, conformers })[list].forEach(({ grid }, i) => {
      const message = startless(grid, { name, latents });
      if (message) context.addIssue({ code: "custom", path: [list, i, "grid", "start"], message });
    });
  }
  for (const list of ["recommended", "conformers"] as const) {
    ({ recommended, conformers })[list].forEach(({ autoguidance }, i) => {
      if (autoguidanceOf({ autoguidance }) === undefined || hasWeaker(card)) return;
      const message = "needs a weaker self of the denoiser (`weakWithout`)";
      context.addIssue({ code: "custom", path: [list, i, "autoguidance"], message });
    });
  }
  distilled.forEach(({ steps, file, levels, sha256 }, i) => {
    const before = distilled.slice(0, i),
      fault = (key: string, message: string) =>
        context.addIssue({ code: "custom", path: ["distilled", i, key], message });
    if (before.some((one) => one.steps === steps)) fault("steps", `there is another entry for ${steps} steps`);
    const other = before.find((one) => one.file === file && one.levels !== levels);
    if (other) {
      fault("levels", `${file} has ${other.levels} levels in the entry for ${other.steps} steps, ${levels} here`);
    }
    const unlike = before.find((one) => one.file === file && one.sha256 !== sha256);
    if (unlike) fault("sha256", `${file} has another digest in the entry for ${unlike.steps} steps`);
  });
  if (autoencoder.type === "geoldm" && autoencoder.told && !denoiser.conditions) {
    const message = "needs the denoiser's conditions, which are what it is told";
    context.addIssue({ code: "custom", path: ["autoencoder", "told"], message });
  }
  const own = spaceOf(autoencoder);
  for (const key of ["vectors", "scalars", "pairs"] as const) {
    if (space[key] !== own[key]) {
      const message = `the autoencoder "${autoencoder.type}" makes ${own[key]} ${key}, the card says ${space[key]}`;
      context.addIssue({ code: "custom", path: ["space", key], message });
    }
  }
  try {
    checkElements(autoencoder, CHEMISTRIES[chemistry]);
  } catch (error) {
    const path = ["autoencoder", autoencoder.type === "heavy-atom" ? "classes" : "elements"];
    context.addIssue({ code: "custom", path, message: (error as Error).message });
  }
  const counted = autoencoder.type === "heavy-atom" ? "heavyAtoms" : "atoms";
  if (counts !== counted) {
    const message = `the autoencoder "${autoencoder.type}" counts ${counted}, the card says ${counts}`;
    context.addIssue({ code: "custom", path: ["counts"], message });
  }
  for (const list of ["recommended", "conformers"] as const) {
    card[list].forEach(({ sampler, options }, i) => {
      try {
        parseSamplerOptions(sampler, options);
      } catch (error) {
        context.addIssue({ code: "custom", path: [list, i, "options"], message: (error as Error).message });
      }
    });
  }
});

/** A model's card, checked, with defaults filled in. */
export type Card = z.infer<typeof cardSchema>;

/** A card as it may be written: defaults left out. */
export type CardInput = z.input<typeof cardSchema>;

/** Where the card of a model's folder lies. */
export const cardPath = (folder: string) => `${folder.replace(/\/+$/, "")}/card.json`;

/**
 * Checks a card.
 *
 * @param from named in the error
 * @throws TypeError with every fault and where in the card it is
 */
export function parseCard(value: unknown, from = "card.json"): Card {
  const result = cardSchema.safeParse(value);
  if (!result.success) throw new TypeError(`${from} is not a sound card:\n${z.prettifyError(result.error)}`);
  return result.data;
}

/**
 * The card of a model's folder.
 *
 * @throws Deno.errors.NotFound where there is none, SyntaxError where it is not JSON, TypeError where it is not sound
 */
export async function readCard(folder: string): Promise<Card> {
  const path = cardPath(folder), text = await Deno.readTextFile(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`${path} is not JSON: ${(error as Error).message}`);
  }
  return parseCard(value, path);
}

/**
 * Checks a card and writes it; a reader sees the old or the new one. What fits stands on one line, as a card is read by people too.
 *
 * @throws as {@link parseCard}
 */
export async function writeCard(path: string, card: unknown): Promise<void> {
  parseCard(card, path);
  await writeAtomically(path, new TextEncoder().encode(stringify(card, { maxLength: 160 }) + "\n"));
}

/** What POST /generate takes and gives. */
import { z } from "zod";
import { faultNames } from "../chem/judge/sound.ts";
import { UNIQUE } from "../chem/identity.ts";
import { REFINES, UNREFINED } from "../chem/refinement/refine.ts";
import { whereSchema } from "../chem/where/where.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { gridSpec } from "../model/diffusion/grids.ts";
import { INCLUDES } from "../model/generation/formats.ts";
import { conditionKeys, conditionTold, guidedSomewhere, warningsTold } from "../model/generation/condition_order.ts";
import { fixedAsked } from "../model/generation/fixed_order.ts";
import { FILTERS } from "../model/generation/pipeline.ts";
import { NAME_MAX } from "../model/models/card.ts";
import type { Form } from "../model/service/drawing.ts";
import { autoguidanceSpec } from "../model/networks/heavy_atom/autoguide.ts";
import { parallelSpec } from "../model/diffusion/samplers/parallel.ts";
import { strict } from "../model/diffusion/strict.ts";
import { SAMPLER_CHOICES, samplersInWords } from "../model/diffusion/samplers/mod.ts";
import { sizesAsked } from "../model/diffusion/sizes_asked.ts";

/** Most molecules that a request may ask for. */
export const COUNT_MAX = 1000;

/** Most that may be drawn for those wanted, whatever the service allows. */
const DRAWS_MAX = 1_000_000;

/** Keys and limits of a request. */
export const generateRequest = strict({
  count: z.int().min(1).max(COUNT_MAX).optional().describe("Molecules to draw; this or `want`"),
  steps: z.int().min(1).max(1000).describe("Steps of the sampler: calls of the denoiser (NFE)"),
  model: z.string().min(1).max(NAME_MAX).default("qm9").describe("A name that GET /models lists"),
  sampler: z.enum(SAMPLER_CHOICES).optional().describe(
    "`distilled` takes the weights distilled to exactly these steps, the others the undistilled weights; " +
      `default: \`distilled\` where the model has them, else what its card recommends for about these steps. ${samplersInWords()}`,
  ),
  seed: z.int().min(0).max(0xffffffff).optional().describe(
    "The same seed gives the same molecules; drawn where absent",
  ),
  first: z.int().min(0).max(0xffffffff).default(0).describe(
    "Index of the first molecule: 1000 molecules with `first` 1000 are the second thousand of the seed, whatever request draws them",
  ),
  atoms: sizesAsked.optional().describe(
    "Atoms a molecule, a number or [min, max] within the model's sizes, for a model that counts atoms",
  ),
  heavyAtoms: sizesAsked.optional().describe(
    "Atoms but hydrogen a molecule, a number or [min, max] within the model's sizes, for a model that counts heavy atoms",
  ),
  fixed: fixedAsked.optional().describe(
    "Atoms that each molecule begins with: they keep their places, elements and bonds, and the rest is drawn about them (docs/fixed.md)",
  ),
  ...conditionKeys,
  parallel: parallelSpec.optional().describe(
    "Calls for several steps of a molecule at once, in sweeps until its latents stay (docs/speed.md): fewer rounds, more calls, of which the most that it can take count as work. " +
      "For a model that aligns noise, with a sampler that draws none: ddim, dpm-solver++ or heun",
  ),
  decoding: z.enum(DECODINGS).optional().describe(
    "`argmax` gives the model's own positions; `valence` the likeliest graph that obeys valence, positions moved to fit it, " +
      "but `argmax` where a search of so many states finds none; " +
      "default: what the model's card says",
  ),
  grid: gridSpec.optional().describe(
    "Times of the steps, in place of what the model's card recommends; not for `distilled`. `logSnr` with `start` begins at " +
      "that log-SNR from a draw matched to the training data",
  ),
  clamp: z.number().min(0).max(1).optional().describe(
    "The time below which the model's estimates are clamped to graphs that obey valence; 0: never; " +
      "default: what the model's card recommends for the sampler",
  ),
  autoguidance: autoguidanceSpec.optional().describe(
    "How far each estimate is guided from that of the network's weaker self, which goes without one of its blocks, and beyond its own above 1 (docs/druglike.md); for a model that " +
      "has one (`weakWithout` in the card). 1: not at all, in one call a step where others take two; default: what the model's card recommends for the sampler",
  ),
  refine: z.enum(REFINES).optional().describe(
    "`mmff94` moves each valid molecule to the nearest minimum of MMFF94 without charges, then into the windows of its own bonds; `mmff94s` by MMFF94s with charges; `mmff94-qm9` by MMFF94 without charges fitted to QM9, where " +
      "it is further above its minimum than QM9's own molecules; stereo is told as the " +
      "positions have it then. It is chemistry after the model, none of its merit. `none` gives the model's own positions. Default: what the service is " +
      "configured with, else the model's card, else `mmff94-qm9` where a model of QM9 is decoded by `valence` at 4 steps or fewer, else `none`",
  ),
  filter: z.enum(FILTERS).default("none").describe(
    "Which of the molecules drawn are given back; `sound`: those that are valid, of one fragment, and pass all checks of geometry, where they are refined, " +
      "after that; `unique`: of the valid ones, those that `unique: true` keeps",
  ),
  unique: z.union([z.boolean(), z.enum(UNIQUE)]).optional().describe(
    "Whether only the first of the same valid molecules is given back, and when they are the same: `true`, the SMILES of the largest fragment without " +
      "stereo, as the metric `uniqueness` counts; `flat`, the InChIKey's first block, the whole molecule without stereo; `inchikey`, " +
      "all of it, with stereo. Default: true where `filter` is `unique`, else false",
  ),
  want: z.int().min(1).max(COUNT_MAX).optional().describe(
    "Molecules to give back, in place of `count`: drawn until so many pass `where`, `filter` and `unique`, or `maxDraws` are drawn, or the time is over. " +
      "What passed by then is the answer, and `ended` says which it was",
  ),
  maxDraws: z.int().min(1).max(DRAWS_MAX).optional().describe(
    "Most molecules drawn for `want`; x `steps` at most what the service allows. Default: 20 for each wanted, 1000 at least, as far as the service allows",
  ),
  where: whereSchema.optional().describe(
    "What molecules must be to be given back. Windows are on numbers by their names; all of it at once, and beside `filter` and `unique`. A molecule that is not " +
      "valid never passes",
  ),
  include: z.array(z.enum(INCLUDES)).default([]).describe(
    "What else to say of each molecule; `judge`: `sound` and `faults`",
  ),
  timeoutMs: z.int().min(1).max(86_400_000).optional().describe(
    "Milliseconds that the request may take, waiting included; at most, and by default, what the service is configured with. Then 504, " +
      "or in a stream that has begun a last record with `error`",
  ),
}).refine(({ atoms, heavyAtoms }) => atoms === undefined || heavyAtoms === undefined, {
  error: "atoms and heavyAtoms exclude each other",
  path: ["heavyAtoms"],
}).refine(...guidedSomewhere).refine(({ filter, unique }) => filter !== "unique" || unique !== false, {
  error: "must not be false where filter is unique",
  path: ["unique"],
}).refine(({ count, want }) => (count === undefined) !== (want === undefined), {
  error: "count or want must be given, and not both",
  path: ["count"],
}).refine(({ want, maxDraws }) => maxDraws === undefined || want !== undefined, {
  error: "must come with want",
  path: ["maxDraws"],
}).refine(({ want = 0, maxDraws = want }) => maxDraws >= want, {
  error: "must be at least want",
  path: ["maxDraws"],
}).meta({ id: "GenerateRequest" });

/** A request with its defaults filled in. */
export type GenerateRequest = z.infer<typeof generateRequest>;

const rate = z.number().min(0).max(1).nullable();

const molecule = z.strictObject({
  index: z.int().min(0),
  valid: z.boolean(),
  stable: z.boolean(),
  connected: z.boolean(),
  decoding: z.enum(DECODINGS).describe("How it was decoded: as asked, or by `argmax` where no graph was found for it"),
  smiles: z.string().nullable(),
  inchikey: z.string().nullable(),
  addedHydrogens: z.int().min(1).optional().describe(
    "Hydrogens that `smiles` and `inchikey` have beside the molecule's own atoms, as some atom of it lacks bonds; absent where they are of the very atoms",
  ),
  refined: z.boolean().optional().describe(
    "Whether it was refined. This and the next five are there where the answer's `refine` is",
  ),
  unrefined: z.enum(UNREFINED).optional().describe(
    "Why it was not, and is as the model drew it: not valid, too large, an atom without a type in the force field, other bonds in its minimum, or no further above it than QM9's own molecules",
  ),
  strain: z.strictObject({ before: z.number().min(0), after: z.number().min(0) }).nullable().optional().describe(
    "kcal/mol above the local minimum of the force field asked for, of the positions drawn and those given; null where not refined",
  ),
  rmsd: z.number().min(0).optional().describe(
    "Angstrom that refinement moved the atoms, root mean square after superposition",
  ),
  stereoChanged: z.boolean().optional().describe("Whether `smiles` is another than of the positions drawn"),
  repaired: z.boolean().optional().describe(
    "Whether `valence` had to repair it: its likeliest graph broke a valence, or its distances by `argmax` mean other bonds",
  ),
  sound: z.boolean().optional().describe(
    "Whether it is valid, of one fragment, and has no fault. This and `faults` are there with `judge` in `include`, or `sound` as `filter`",
  ),
  faults: z.array(z.enum(faultNames)).nullable().optional().describe(
    "What is wrong with its geometry; null where not valid",
  ),
  rounds: z.int().min(1).optional().describe("Sweeps that it took, one after the other; with `parallel`"),
  calls: z.int().min(1).optional().describe(
    "Calls of the denoiser that it took, those of a sweep together; with `parallel`",
  ),
  values: z.record(z.string(), z.number()).optional().describe("What windows of `where` ask for, by their names"),
  symbols: z.array(z.string()),
  positions: z.array(z.tuple([z.number(), z.number(), z.number()])).describe("Angstrom"),
  bonds: z.array(z.strictObject({
    i: z.int().min(0),
    j: z.int().min(0),
    order: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  })).optional(),
  descriptors: z.record(z.string(), z.number()).nullable().optional().describe("null where not valid"),
  molblock: z.string().optional(),
  sdf: z.string().optional().describe("The record that the SDF form has of it, data fields and all"),
}).meta({ id: "Molecule" });

/**
 * The JSON form of a response; the NDJSON form is its molecules, one a line, and with `where` or `want` a last line with `drawn`, `passed`, `rejected` and
 * `ended`.
 */
export const generateResponse = z.strictObject({
  model: z.string(),
  version: z.string().describe("Of the weights that drew the molecules: the student's where it is a distilled one"),
  steps: z.int(),
  sampler: z.enum(SAMPLER_CHOICES),
  seed: z.int(),
  backend: z.string(),
  refine: z.enum(REFINES).exclude(["none"]).optional().describe(
    "How the molecules were refined; absent where they were not",
  ),
  fixedAtoms: z.int().min(1).optional().describe("The first so many atoms of each molecule were given, by `fixed`"),
  ...conditionTold,
  warnings: warningsTold,
  parallel: parallelSpec.extend({ rounds: z.int().min(0), calls: z.int().min(0) }).optional().describe(
    "As asked, and what all molecules drawn took together",
  ),
  decoding: z.enum(DECODINGS),
  grid: gridSpec.describe("Times of the steps that drew"),
  clamp: z.number(),
  autoguidance: z.number().optional().describe(
    "How far estimates were guided from those of the network's weaker self; absent where they were not",
  ),
  drawn: z.int().describe("Where `want` was given, up to the last that is given back"),
  returned: z.int(),
  passed: z.int().optional().describe(
    "As `returned`. This and `rejected` are there with `where` or `want`; both together are `drawn`",
  ),
  rejected: z.record(z.string(), z.int()).optional().describe(
    "How many fell out, by the first reason: `invalid`, `formula`, `elements:N`, a window's name, `required:SMARTS`, `forbidden:SMARTS`, `alert:pains`, `unsound`, " +
      "`unstable`, `duplicate`",
  ),
  ended: z.enum(["want", "maxDraws", "deadline"]).optional().describe(
    "With `want`: what ended the drawing: as many as wanted, as many drawn as may be, or the time was over",
  ),
  fallbacks: z.int().describe(
    "Of those drawn: decoded by `argmax` in place of `valence`, as no graph was found for them",
  ),
  metrics: z.strictObject({
    validity: rate,
    moleculeStability: rate,
    atomStability: rate,
    uniqueness: rate.describe("Of the valid molecules; null where there are none"),
    connected: rate,
  }).describe("Over the molecules drawn, whatever the filter"),
  timings: z.strictObject({
    queueMs: z.number(),
    sampleMs: z.number(),
    decodeMs: z.number(),
    validateMs: z.number(),
  }),
  molecules: z.array(molecule),
}).meta({ id: "GenerateResponse" });

/** The JSON form of a response. */
export type GenerateResponse = z.infer<typeof generateResponse>;

/** Media types of the answers, JSON first: the default. */
export const MEDIA_TYPES = {
  json: "application/json",
  sdf: "chemical/x-mdl-sdfile",
  xyz: "chemical/x-xyz",
  ndjson: "application/x-ndjson",
} as const satisfies Record<Form, string>;

const FORMS = new Map(Object.entries(MEDIA_TYPES).map(([form, type]) => [type, form as Form]));

/** The form of a media type. */
export const formOf = (type: typeof MEDIA_TYPES[Form]): Form => FORMS.get(type)!;

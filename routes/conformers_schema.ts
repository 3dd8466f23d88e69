/** What POST /conformers takes and gives. */
import { z } from "zod";
import { DRAWS_A_CONFORMER } from "../chem/conformers/ensemble.ts";
import { CONFORMER_REFINES, DEFAULT_FIELD, FORCE_FIELDS } from "../chem/conformers/force_fields.ts";
import { UNANSWERED, type Unanswered } from "../chem/conformers/graph.ts";
import type { ConformerForm } from "../chem/conformers/written.ts";
import { strict } from "../chem/strict.ts";
import { TITLE_MAX } from "../chem/sdf.ts";
import { GENERATORS } from "../chem/conformers/generators.ts";
import {
  CONFORMER_STEPS_MAX,
  DEFAULT_CONFORMER_STEPS,
  DEFAULT_GENERATOR,
  DEFAULT_SOURCE_WORDS,
} from "../model/generation/conformer_sources.ts";
import { NAME_MAX } from "../model/models/card.ts";
import { generateRequest, generateResponse, MEDIA_TYPES } from "./generate_schema.ts";

/** Most characters of a SMILES, and of a molblock. */
export const SMILES_MAX = 2000, MOLBLOCK_MAX = 65_536;

/** Conformers of each where nobody says. */
export const DEFAULT_COUNT = 10;

/** Most molecules and conformers of each, whatever the service allows. */
export const MOLECULES_MAX = 10_000, CONFORMERS_MAX = 1000;

const smiles = z.string().min(1).max(SMILES_MAX), molblock = z.string().min(1).max(MOLBLOCK_MAX);
const name = z.string().min(1).max(TITLE_MAX).regex(
  /^(?!\$\$\$\$)[^\r\n]+$/,
  "must be one line that does not begin with $$$$",
).optional().describe(
  "What it is called; the title of its SDF records",
);

const given = z.union([
  smiles,
  strict({ smiles, name }).meta({ id: "GivenSmiles" }),
  strict({ molblock, name }).meta({ id: "GivenMolblock" }),
], {
  error:
    `must be SMILES of 1 to ${SMILES_MAX} characters, {"smiles"} or {"molblock"} (1 to ${MOLBLOCK_MAX} characters), with a "name" of one line of at most ${TITLE_MAX} characters or without`,
}).describe("SMILES, by themselves or with a name, or a molblock (V2000 or V3000)");

/** Keys and limits of a request. */
export const conformersRequest = strict({
  molecules: z.union([given, z.array(given).min(1).max(MOLECULES_MAX)], {
    error:
      `must be a molecule, or a list of 1 to ${MOLECULES_MAX}: each SMILES of 1 to ${SMILES_MAX} characters, {"smiles"} or {"molblock"} (1 to ${MOLBLOCK_MAX} characters), ` +
      `with a "name" of one line of at most ${TITLE_MAX} characters or without`,
  }).describe("A molecule, or a list of them"),
  count: z.int().min(1).max(CONFORMERS_MAX).optional().describe(
    `Conformers to draw of each, before those that are the same are dropped; default ${DEFAULT_COUNT}, or the most that the service allows where that is less`,
  ),
  seed: generateRequest.shape.seed.describe(
    "The same seed gives the same conformers of a molecule, in whatever company; drawn where absent",
  ),
  model: z.string().min(1).max(NAME_MAX).optional().describe(
    `What draws positions: ${
      GENERATORS.join(", ")
    }, or a model that is told the graph (\`conformers\` in \`GET /models\`); default ${DEFAULT_SOURCE_WORDS}. A molecule that a model does not know is drawn by ` +
      `${DEFAULT_GENERATOR}, and says so (\`insteadOf\`)`,
  ),
  steps: z.int().min(1).max(CONFORMER_STEPS_MAX).optional().describe(
    `Steps of the model's sampler; default ${DEFAULT_CONFORMER_STEPS}. Not for a generator`,
  ),
  refine: z.union([z.enum(CONFORMER_REFINES), z.boolean()], {
    error: `must be true, false, or one of ${CONFORMER_REFINES.join(", ")}`,
  }).default(DEFAULT_FIELD).describe(
    `Which force field's nearest minimum each is moved to: ${
      Object.entries(FORCE_FIELDS).map(([name, words]) => `\`${name}\`, ${words}`).join("; ")
    }; energies, order and weights are by the same. ` +
      `\`none\`: not at all, and energies are by \`${DEFAULT_FIELD}\`. true: \`${DEFAULT_FIELD}\`; false: \`none\``,
  ),
  temperature: z.number().min(1).max(10_000).default(298.15).describe("Of Boltzmann's weights, K"),
  rmsd: z.number().min(0).max(10).default(0.5).describe(
    "Of two conformers whose heavy atoms are nearer than that, in angstrom, after superposition and whichever of like atoms is which, the one of higher energy is dropped; 0: none is",
  ),
  resample: z.boolean().default(false).describe(
    "Whether `count` of the conformers are drawn by their weights, with replacement: each that is says how often (`times`), the others are left out",
  ),
  timeoutMs: generateRequest.shape.timeoutMs.describe(
    "Milliseconds that the request may take, waiting included; at most, and by default, what the service is configured with. Then 504",
  ),
}).meta({ id: "ConformersRequest" });

/** A request with its defaults filled in. */
export type ConformersRequest = z.infer<typeof conformersRequest>;

const { molecules: { element: molecule } } = generateResponse.shape;
const told = { index: z.int().min(0).describe("Its place in the request"), name };
const reasons = Object.keys(UNANSWERED) as [Unanswered, ...Unanswered[]];

const conformer = z.strictObject({
  energy: z.number().nullable().describe(
    "kcal/mol, of the force field (`forceField`); null where it has no types for the molecule",
  ),
  relativeEnergy: z.number().min(0).nullable().describe("Above the lowest of the molecule's"),
  weight: z.number().min(0).max(1).nullable().describe(
    "Boltzmann's, among those given; they add up to 1 before `resample`",
  ),
  times: z.int().min(1).optional().describe("How often it was drawn by its weight; with `resample`"),
  refined: z.boolean(),
  smiles: z.string().describe("With the stereo of the positions, which tells what was drawn where none was specified"),
  positions: molecule.shape.positions,
}).meta({ id: "Conformer" });

const answered = z.strictObject({
  ...told,
  smiles: z.string().describe("As RDKit writes what was given, with the stereo that is specified"),
  by: z.string().describe("What drew the positions"),
  insteadOf: z.strictObject({
    by: z.string().describe("The model that was asked for"),
    why: z.string().describe("Why it has no positions for the molecule"),
  }).optional().describe("Where another one had to"),
  drawn: z.int().min(1).describe(
    `Sets of positions that were drawn: at most ${DRAWS_A_CONFORMER} for each conformer asked for`,
  ),
  mirrored: z.int().min(0).describe("Of these, such as were mirrored, as all specified centres were inverted"),
  dropped: z.strictObject({
    stereo: z.int().min(0).describe("Their stereo is not as specified"),
    broken: z.int().min(0).describe("They have no energy"),
    duplicate: z.int().min(0).describe("Another one is the same"),
  }).describe("How many of those drawn are not given, and why"),
  exhausted: z.boolean().describe("There are fewer than asked, as no more are known"),
  unrefined: z.enum(["size", "types"]).optional().describe(
    "Why there are no energies, and positions are as drawn: too many atoms, or an atom without a type in the force field",
  ),
  symmetryComplete: z.boolean().describe("Whether all ways to exchange like atoms were looked at"),
  symbols: molecule.shape.symbols,
  charges: z.array(z.int()),
  bonds: molecule.shape.bonds.unwrap(),
  conformers: z.array(conformer).describe("By energy"),
}).meta({ id: "ConformersOfMolecule" });

const unanswered = z.strictObject({
  ...told,
  error: z.strictObject({
    reason: z.enum(reasons).describe(Object.entries(UNANSWERED).map(([name, words]) => `${name}: ${words}`).join(". ")),
    message: z.string().describe("What is allowed, and what was given"),
  }),
}).meta({ id: "MoleculeWithoutConformers" });

/** Its schema. */
export const conformersResponse = z.strictObject({
  ...{
    count: z.int(),
    seed: z.int(),
    model: z.string().optional().describe("As it was asked for"),
    steps: z.int().optional().describe("As they were asked for"),
    refine: z.enum(CONFORMER_REFINES),
    temperature: z.number(),
    rmsd: z.number(),
    resample: z.boolean(),
  },
  forceField: z.string().describe("Whose energies they are"),
  molecules: z.array(z.union([answered, unanswered])).describe("In the order of the request"),
}).meta({ id: "ConformersResponse" });

/** Media types of the answers, JSON first: the default. */
export const CONFORMER_TYPES = { json: MEDIA_TYPES.json, sdf: MEDIA_TYPES.sdf } as const satisfies Record<
  ConformerForm,
  string
>;

/** The JSON form of an answer. */
export type ConformersResponse = z.infer<typeof conformersResponse>;

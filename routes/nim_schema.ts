/** What POST /v1/generate takes and gives: the API of NVIDIA's GenMol NIM 2.0 (https://docs.nvidia.com/nim/bionemo/genmol/2.0.0/endpoints.html). */
import { z } from "zod";
import { strict } from "../model/diffusion/strict.ts";
import { COUNT_MAX, generateRequest } from "./generate_schema.ts";

/** A number, or its text, which NVIDIA's own examples send. */
function numeric(kind: "whole number" | "number", min: number, max: number) {
  const error = `must be a ${kind} from ${min} to ${max}`;
  const number = (kind === "number" ? z.number({ error }) : z.int({ error })).min(min, { error }).max(max, { error });
  const text = z.string().regex(/^\d+(\.\d+)?$/, { error }).transform(Number).pipe(number);
  return z.union([number, text], { error });
}

const IGNORED = "Taken and ignored: of a generator of text";

/** What Molstep's own keys are as in POST /generate. */
const { model, steps, seed, refine } = generateRequest.shape;

/** Keys and limits of a request. */
export const nimRequest = strict({
  smiles: z.string().nullish().describe(
    "Absent, null or empty: molecules are drawn from scratch. A fragment or template is refused",
  ).refine((smiles) => !smiles?.trim(), {
    error: "must be absent, null or empty: these models draw from scratch, and grow no fragment",
  }),
  num_molecules: numeric("whole number", 1, COUNT_MAX).default(30).describe(
    "Molecules asked; there may be fewer where drawing on finds too few",
  ),
  unique: z.boolean().default(false).describe("Of molecules of the same SMILES, stereo included, only the first"),
  scoring: z.enum(["QED", "LogP"]).default("QED").describe(
    "What `score` is, by which molecules stand, highest first: drug-likeness (Bickerton et al. 2012), or Crippen's log P",
  ),
  temperature: numeric("number", 0.01, 10).optional().describe(IGNORED),
  noise: numeric("number", 0, 2).optional().describe(IGNORED),
  gamma: numeric("number", 0, 1).optional().describe(IGNORED),
  min_add_len: numeric("whole number", 1, 128).optional().describe(IGNORED),
  step_size: numeric("whole number", 1, 10).optional().describe(IGNORED),
  filter: z.boolean().optional().describe("Taken and ignored: without a fragment there is none to be kept"),
  model: model.describe("Molstep's own: a name that GET /models lists"),
  steps: steps.default(16).describe("Molstep's own: as in POST /generate"),
  refine: refine.describe("Molstep's own: as in POST /generate"),
  seed: seed.describe("Molstep's own: the same seed gives the same molecules; drawn where absent"),
}).meta({ id: "NimGenerateRequest" });

/** A molecule of an answer. */
export const nimMolecule = z.strictObject({
  smiles: z.string(),
  score: z.number().describe("To three decimals"),
  sdf: z.string().describe("Molstep's own: the molecule in 3D, a record as POST /generate gives it"),
});

/** The answer. */
export const nimResponse = z.strictObject({
  status: z.literal("success"),
  molecules: z.array(nimMolecule).describe("Highest score first"),
}).meta({ id: "NimGenerateResponse" });

/** What a probe that is content says. */
export const nimHealth = z.strictObject({
  object: z.literal("health.response"),
  message: z.string(),
  status: z.enum(["live", "ready"]),
}).meta({ id: "NimHealth" });

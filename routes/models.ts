/** GET /models and GET /models/{name}: what can be drawn from, and the cards. */
import type { Context } from "hono";
import { z } from "zod";
import { cardSchema } from "../model/models/card.ts";
import { VARIANTS } from "../model/diffusion/samplers/mod.ts";
import { drawsConformers } from "../model/models/told.ts";
import { availableSteps, type ModelEntry } from "../model/models/load.ts";
import type { Deps, Env } from "./deps.ts";
import { endpoint, json } from "./endpoint.ts";
import { MODELS_ANSWERS } from "./examples.ts";
import { COUNT_MAX, generateRequest } from "./generate_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { UNCHANGED, unchanged } from "./unchanged.ts";
import { problems } from "./problem.ts";

const faultySchema = z.array(
  z.strictObject({ steps: z.int(), version: z.string(), reason: z.string() }),
).describe("Students out of service as their weights do not work: undistilled weights serve these step counts");

const summary = z.strictObject({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  kind: z.string(),
  counts: z.enum(["atoms", "heavyAtoms"]),
  sizes: z.tuple([z.int(), z.int()]).describe("Smallest and largest molecule, in what `counts` says"),
  distilledSteps: z.array(z.int()),
  distilled: z.array(z.strictObject({
    steps: z.int(),
    variant: z.enum(VARIANTS),
    version: z.string(),
    teacher: z.string(),
  })).describe("The students in service, one for each of `distilledSteps`"),
  faulty: faultySchema,
  recommended: z.array(z.strictObject({ steps: z.int(), sampler: z.string() })),
  conformers: z.boolean().describe(
    "Whether it draws conformers of given molecules: it can be the `model` of POST /conformers",
  ),
  loaded: z.boolean(),
  backend: z.string().nullable().describe("Where it runs; null until it is loaded"),
}).meta({ id: "ModelSummary" });

const limitsSchema = z.strictObject({
  count: z.int(),
  steps: z.int(),
  work: z.int().describe("Of count x steps"),
  timeoutMs: z.int(),
}).describe("The most that one request of POST /generate may ask");

/** The list of models. */
export const modelList = z.strictObject({ models: z.array(summary), limits: limitsSchema }).meta({ id: "ModelList" });

/** One model: its card, and where it runs. */
export const modelDetail = z.strictObject({
  card: cardSchema,
  faulty: faultySchema,
  loaded: z.boolean(),
  backend: z.strictObject({ name: z.string(), why: z.string() }).nullable(),
}).meta({ id: "ModelDetail" });

const describe = (store: Deps["store"], { card, faulty = [] }: ModelEntry): z.infer<typeof summary> => {
  const sizes = Object.keys(card.sizes).map(Number), model = store.loaded(card.name);
  return {
    name: card.name,
    version: card.version,
    description: card.description,
    kind: card.kind,
    counts: card.counts,
    sizes: [Math.min(...sizes), Math.max(...sizes)],
    distilledSteps: availableSteps(card),
    distilled: card.distilled
      .map(({ steps, variant, version, teacher }) => ({ steps, variant, version, teacher }))
      .sort((a, b) => a.steps - b.steps),
    faulty: [...faulty],
    recommended: card.recommended.map(({ steps, sampler }) => ({ steps, sampler })),
    conformers: drawsConformers(card),
    loaded: model !== undefined,
    backend: model?.backend.name ?? null,
  };
};

const FRESH = { "Cache-Control": "no-cache" };

/** What the handler works with. */
type ModelsDeps = Pick<Deps, "store"> & { readonly config: Pick<Deps["config"], "maxWork" | "timeoutSeconds"> };

/** The handler of GET /models. */
export const modelsRoute = ({ store, config: { maxWork, timeoutSeconds } }: ModelsDeps) => (c: Context<Env>) => {
  const { steps } = generateRequest.shape;
  const body: z.infer<typeof modelList> = {
    models: store.entries.map((entry) => describe(store, entry)),
    limits: { count: COUNT_MAX, steps: steps.maxValue!, work: maxWork, timeoutMs: 1000 * timeoutSeconds },
  };
  return c.json(body, 200, FRESH);
};

/** GET /models */
export const listModels = endpoint({
  method: "get",
  path: "/models",
  operationId: "listModels",
  summary: "The models",
  scopes: ["generate", "read"],
  middleware: [offers("application/json"), unchanged],
  responses: {
    200: { description: "The models", content: json(modelList, MODELS_ANSWERS) },
    ...UNCHANGED,
    ...ACCEPT_PROBLEMS,
  },
}, modelsRoute);

/** GET /models/{name} */
export const getModel = endpoint({
  method: "get",
  path: "/models/{name}",
  operationId: "getModel",
  summary: "A model's card",
  scopes: ["generate", "read"],
  middleware: [offers("application/json"), unchanged],
  request: { params: z.object({ name: z.string().meta({ example: "qm9" }) }) },
  responses: {
    200: { description: "The card", content: json(modelDetail) },
    ...UNCHANGED,
    ...ACCEPT_PROBLEMS,
    ...problems({ 404: "Unknown model" }),
  },
}, ({ store }) => (c) => {
  const { card, faulty = [] } = store.entry(c.req.valid("param").name), model = store.loaded(card.name);
  const body: z.infer<typeof modelDetail> = {
    card,
    faulty: [...faulty],
    loaded: model !== undefined,
    backend: model ? { name: model.backend.name, why: model.backend.why } : null,
  };
  return c.json(body, 200, FRESH);
});

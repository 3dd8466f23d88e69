/** POST /generate/path: one molecule with its way from noise to data. */
import { z } from "zod";
import type { ServeOptions } from "../model/service/generate.ts";
import { type Frame, MOST_FRAMES, recordPath } from "../model/generation/path.ts";
import { askedSize } from "../model/diffusion/sizes_asked.ts";
import { conditionKeys, guidedSomewhere } from "../model/generation/condition_order.ts";
import { strict } from "../model/diffusion/strict.ts";
import { drawSeed } from "../model/generation/order.ts";
import { BODY_PROBLEMS, readJson } from "./body.ts";
import { endpoint, json } from "./endpoint.ts";
import { PATH_REQUESTS } from "./examples.ts";
import { generation } from "./generate.ts";
import { generateRequest, type GenerateResponse, generateResponse } from "./generate_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { problems } from "./problem.ts";

const { model, steps, sampler, seed, first, atoms, heavyAtoms, decoding, grid, clamp, autoguidance, timeoutMs } =
  generateRequest.shape;

/** What is asked: as of POST /generate, for the molecule of index `first` alone. */
export const pathRequest = strict({
  ...{ model, steps, sampler, seed, first, atoms, heavyAtoms, decoding, grid, clamp, autoguidance, timeoutMs },
  ...conditionKeys,
}).refine(...guidedSomewhere).refine(({ atoms, heavyAtoms }) => atoms === undefined || heavyAtoms === undefined, {
  error: "atoms and heavyAtoms exclude each other",
  path: ["heavyAtoms"],
}).meta({ id: "PathRequest" });

const { molecules: { element: molecule } } = generateResponse.shape;

const shape = z.strictObject({
  symbols: molecule.shape.symbols,
  positions: molecule.shape.positions,
  bonds: molecule.shape.bonds.unwrap(),
});

/** The molecule, and the calls of the denoiser that led to it. */
export const pathResponse = generateResponse.omit({
  drawn: true,
  returned: true,
  fallbacks: true,
  metrics: true,
  timings: true,
  molecules: true,
  refine: true,
  parallel: true,
}).extend({
  molecule,
  frames: z.array(z.strictObject({
    time: z.number().describe("1 is noise, 0 is data"),
    logSnr: z.number(),
    latent: shape.describe("What the sampler held, decoded as it is, noise and all"),
    estimate: shape.describe(
      "The network's estimate of the clean molecule; with `guidance` other than 0 and 1, or `autoguidance`, as guided of two calls",
    ),
  })).describe(`Calls of the denoiser in their order: all, or at most ${MOST_FRAMES} evenly of them and the last`),
}).meta({ id: "PathResponse" });

/** POST /generate/path */
export const path = endpoint({
  method: "post",
  path: "/generate/path",
  operationId: "generatePath",
  summary: "Draw a molecule, and show its way from noise",
  scopes: ["generate"],
  middleware: offers("application/json"),
  request: { body: { required: true, content: json(pathRequest, PATH_REQUESTS) } },
  responses: {
    200: {
      description: "The molecule as POST /generate draws it, unrefined, and its path",
      content: json(pathResponse),
    },
    ...BODY_PROBLEMS,
    ...ACCEPT_PROBLEMS,
    ...problems({
      404: "Unknown model",
      422: "The request is refused: unknown keys, limits, sizes or steps that the model lacks",
      429:
        "The client holds its share of the service, or has given too many tokens that are not known; see Retry-After",
      503: "The queue is full or the service is shutting down; see Retry-After",
      504: "The deadline passed",
    }),
  },
}, (deps) => {
  const { draw } = generation(deps), { maxBodyBytes } = deps.config;
  return async (c) => {
    const { seed = drawSeed(), ...asked } = await readJson(c, pathRequest, maxBodyBytes);
    const { onEstimate, frames } = recordPath(asked.first, asked.condition);
    const order = { ...asked, seed, count: 1, refine: "none", include: ["bonds"], size: askedSize(asked) } as const;
    let shown: Frame[] = [];
    const after: ServeOptions["after"] = async (model, rest) => void (shown = await frames(model, seed, rest));
    const drawing = await draw(c, order, "json", { onEstimate, after });
    const { molecules: [molecule], ...told }: GenerateResponse = JSON.parse(await drawing.answer());
    const { drawn: _, returned: __, fallbacks: ___, metrics: ____, timings: _____, ...facts } = told;
    return c.json({ ...facts, molecule, frames: shown }, 200);
  };
});

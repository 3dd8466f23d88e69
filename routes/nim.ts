/** POST /v1/generate, GET /v1/health/live and GET /v1/health/ready: the API of NVIDIA's GenMol NIM, for its clients. */
import type { z } from "zod";
import { breather } from "../chem/breathe.ts";
import { toRecord } from "../model/generation/formats.ts";
import { collect, type Found } from "../model/service/collect.ts";
import { BODY_PROBLEMS, readJson } from "./body.ts";
import { endpoint, json } from "./endpoint.ts";
import { NIM_ANSWERS, NIM_REQUESTS } from "./examples.ts";
import { generation, headersOf, headersTold } from "./generate.ts";
import { COUNT_MAX } from "./generate_schema.ts";
import { checkReady } from "./health.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { nimHealth, type nimMolecule, nimRequest, nimResponse } from "./nim_schema.ts";
import { problems } from "./problem.ts";

/** What the score is called among the descriptors. */
const SCORES = { QED: "qed", LogP: "logP" } as const;

/** The molecules as JSON text, highest score first. The event loop turns after each. */
async function toText(found: readonly Found[], scoring: keyof typeof SCORES, signal: AbortSignal): Promise<string> {
  const told: { score: number; text: string }[] = [], pause = breather();
  for (const { generated, origin } of found) {
    signal.throwIfAborted();
    const { smiles, descriptors } = generated.validation;
    const score = Math.round(1000 * descriptors![SCORES[scoring]]) / 1000, sdf = toRecord("sdf", generated, [], origin);
    const molecule: z.infer<typeof nimMolecule> = { smiles: smiles!, score, sdf };
    told.push({ score, text: JSON.stringify(molecule) });
    await pause();
  }
  told.sort((a, b) => b.score - a.score);
  return `{"status":"success","molecules":[${told.map(({ text }) => text).join(",")}]}`;
}

/** POST /v1/generate */
export const nimGenerate = endpoint({
  method: "post",
  path: "/v1/generate",
  operationId: "nimGenerate",
  summary: "Draw molecules, by the API of NVIDIA's GenMol NIM",
  scopes: ["generate"],
  middleware: offers("application/json"),
  request: { body: { required: true, content: json(nimRequest, NIM_REQUESTS) } },
  responses: {
    200: {
      description: "Valid molecules of one fragment, highest score first",
      headers: headersTold("What drew the molecules; the seed is that of the first round"),
      content: json(nimResponse, NIM_ANSWERS),
    },
    ...BODY_PROBLEMS,
    ...ACCEPT_PROBLEMS,
    ...problems({
      404: "Unknown model",
      422: "The request is refused: a fragment, unknown keys, limits, steps that the model lacks",
      429: "The client holds its share of the service; see Retry-After",
      503: "The queue is full or the service is shutting down; see Retry-After",
      504: "The deadline passed before a molecule was found",
    }),
  },
}, (deps) => {
  const { service, draw } = generation(deps), { maxBodyBytes } = deps.config;
  return async (c) => {
    const asked = await readJson(c, nimRequest, maxBodyBytes), { num_molecules: count, unique, scoring } = asked;
    const { model, steps, seed, refine } = asked;
    const wanted = { count, unique, model, steps, seed, refine, include: ["descriptors"] as const };
    const { found, facts } = await collect((order) => draw(c, order, "json"), wanted, { ...service, most: COUNT_MAX });
    const text = await toText(found, scoring, c.req.raw.signal);
    // The text of a `nimResponse`, made a molecule at a time.
    return c.body(text, 200, { "Content-Type": "application/json", ...headersOf(facts) }) as never;
  };
});

const health = (status: "live" | "ready"): z.infer<typeof nimHealth> => ({
  object: "health.response",
  message: `Service is ${status}.`,
  status,
});

/** GET /v1/health/live */
export const nimLive = endpoint({
  method: "get",
  path: "/v1/health/live",
  operationId: "nimLive",
  scopes: [],
  summary: "The process answers, in the words of NVIDIA's NIMs",
  responses: { 200: { description: "Alive", content: json(nimHealth) } },
}, () => (c) => c.json(health("live"), 200));

/** GET /v1/health/ready */
export const nimReady = endpoint({
  method: "get",
  path: "/v1/health/ready",
  operationId: "nimReady",
  scopes: [],
  summary: "The service can take requests, in the words of NVIDIA's NIMs",
  responses: {
    200: { description: "Ready", content: json(nimHealth) },
    ...problems({ 503: "Starting or shutting down" }),
  },
}, ({ lifecycle }) => (c) => {
  checkReady(lifecycle);
  return c.json(health("ready"), 200);
});

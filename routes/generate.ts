/** POST /generate: molecules, as JSON, SDF, XYZ or NDJSON. */
import type { Context } from "hono";
import { z } from "zod";
import type { DrawingFacts, Form } from "../model/service/drawing.ts";
import {
  generate as generateMolecules,
  type MoleculesAsked,
  type ServedDrawing,
  type ServeOptions,
} from "../model/service/generate.ts";
import { askedSize } from "../model/diffusion/sizes_asked.ts";
import { clientOf } from "./access/guard.ts";
import { BODY_PROBLEMS, readJson } from "./body.ts";
import type { Deps, Env } from "./deps.ts";
import { endpoint, exampled, type Examples, json } from "./endpoint.ts";
import { GENERATE_ANSWERS, GENERATE_REQUESTS, GENERATE_TEXTS } from "./examples.ts";
import { formOf, generateRequest, generateResponse, MEDIA_TYPES } from "./generate_schema.ts";
import { negotiate } from "./negotiate.ts";
import { observed } from "./observed.ts";
import { problems } from "./problem.ts";
import { streamed } from "./stream.ts";

/** What the route works with. */
export type GenerateDeps = Pick<Deps, "store" | "validate" | "queue" | "lifecycle" | "log" | "meters"> & {
  readonly config: Pick<Deps["config"], "maxWork" | "maxBodyBytes" | "timeoutSeconds" | "refine">;
};

/** Generation as routes serve it: for the client of a request, heard by log, metrics and trace. */
export function generation({ config, log, meters, ...rest }: GenerateDeps) {
  const { maxWork, timeoutSeconds, refine } = config;
  const service = { ...rest, maxWork, timeoutMs: 1000 * timeoutSeconds, refine };
  return {
    service,
    draw: (
      c: Context<Env>,
      asked: MoleculesAsked,
      form: Form,
      more?: Pick<ServeOptions, "onEstimate" | "after">,
    ): Promise<ServedDrawing> =>
      observed(
        c,
        { log, meters },
        asked.model,
        (hooks) =>
          generateMolecules(service, asked, { form, signal: c.req.raw.signal, client: clientOf(c), ...hooks, ...more }),
      ),
  };
}

/** The route's handler. */
export function generateRoute(deps: GenerateDeps) {
  const { draw } = generation(deps), { maxBodyBytes } = deps.config;
  return async (c: Context<Env>): Promise<Response> => {
    const type = negotiate(c, Object.values(MEDIA_TYPES)), form = formOf(type);
    const asked = await readJson(c, generateRequest, maxBodyBytes);
    const drawing = await draw(c, { ...asked, size: askedSize(asked) }, form);
    if (form === "json") return c.body(await drawing.answer(), 200, { "Content-Type": type });
    const body = await streamed(drawing.records(), () => drawing.close());
    return c.body(body, 200, { "Content-Type": type, ...headersOf(drawing.facts) });
  };
}

/** Text as a header can carry it: percent-encoded where it has more than printable ASCII. */
const headerValue = (text: string) => /^[!-~]+( +[!-~]+)*$/.test(text) ? text : encodeURIComponent(text);

/** What the JSON form says beside the molecules, for the other forms: values by header; undefined leaves it out. */
const HEADERS: Readonly<Record<string, (facts: DrawingFacts) => string | undefined>> = {
  "Molstep-Model": ({ model }) => model,
  "Molstep-Version": ({ version }) => headerValue(version),
  "Molstep-Seed": ({ seed }) => String(seed),
  "Molstep-Steps": ({ steps }) => String(steps),
  "Molstep-Sampler": ({ sampler }) => sampler,
  "Molstep-Decoding": ({ decoding }) => decoding,
  "Molstep-Backend": ({ backend }) => backend,
  "Molstep-Grid": ({ grid }) => JSON.stringify(grid),
  "Molstep-Clamp": ({ clamp }) => String(clamp),
  "Molstep-Autoguidance": ({ autoguidance }) => autoguidance === undefined ? undefined : String(autoguidance),
  "Molstep-Refine": ({ refine }) => refine,
  "Molstep-Fixed-Atoms": ({ fixedAtoms }) => fixedAtoms ? String(fixedAtoms) : undefined,
  "Molstep-Parallel": ({ parallel }) => parallel && JSON.stringify(parallel),
  "Molstep-Condition": ({ condition }) => condition && JSON.stringify(condition),
  "Molstep-Guidance": ({ condition, guidance }) => condition && String(guidance),
  "Molstep-Warnings": ({ warnings }) => warnings && headerValue(warnings.join("; ")),
};

/** What drew the molecules, as headers. */
export const headersOf = (facts: DrawingFacts): Record<string, string> =>
  Object.fromEntries(
    Object.entries(HEADERS).flatMap(([name, value]) => {
      const text = value(facts);
      return text === undefined ? [] : [[name, text]];
    }),
  );

/** Those headers, described. */
export const headersTold = (description: string) =>
  Object.fromEntries(Object.keys(HEADERS).map((name) => [name, { description, schema: { type: "string" as const } }]));

const text = (examples: Examples) => ({ schema: z.string(), ...exampled(examples) });

/** POST /generate */
export const generate = endpoint({
  method: "post",
  path: "/generate",
  operationId: "generate",
  summary: "Draw molecules",
  scopes: ["generate"],
  request: { body: { required: true, content: json(generateRequest, GENERATE_REQUESTS) } },
  responses: {
    200: {
      description: "The molecules, in the form that Accept asks for",
      headers: headersTold("In the forms other than JSON: what the JSON form says"),
      content: {
        ...json(generateResponse, GENERATE_ANSWERS),
        [MEDIA_TYPES.sdf]: text(GENERATE_TEXTS.sdf),
        [MEDIA_TYPES.xyz]: text(GENERATE_TEXTS.xyz),
        [MEDIA_TYPES.ndjson]: text(GENERATE_TEXTS.ndjson),
      },
    },
    ...BODY_PROBLEMS,
    ...problems({
      404: "Unknown model",
      406: "No form on offer is acceptable",
      422: "The request is refused: unknown keys, limits, sizes or steps that the model lacks",
      429:
        "The client holds its share of the service, or has given too many tokens that are not known; see Retry-After",
      503: "The queue is full or the service is shutting down; see Retry-After",
      504: "The deadline passed before the answer began; `drawn` molecules were drawn by then",
    }),
  },
}, generateRoute);

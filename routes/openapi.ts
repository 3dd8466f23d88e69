/** GET /openapi.json: the service described (OpenAPI 3.1), from the schemas that it checks with. */
import { z } from "zod";
import { generateRequest, generateResponse, MEDIA_TYPES } from "./generate_schema.ts";
import { healthSchema } from "./health.ts";
import { modelDetail, modelList } from "./models.ts";
import { PROBLEM_TYPE, problemSchema } from "./problem.ts";

type Json = Record<string, unknown>;

/** A zod schema as JSON Schema 2020-12, as OpenAPI 3.1 wants it. */
function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, id: __, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" });
  // Schemas with an id of their own come under $defs; they are inlined, as each stands in one place.
  return inline(rest, (rest.$defs ?? {}) as Record<string, Json>) as Json;
}

function inline(value: unknown, definitions: Readonly<Record<string, Json>>): unknown {
  if (Array.isArray(value)) return value.map((item) => inline(item, definitions));
  if (typeof value !== "object" || value === null) return value;
  const { $ref, $defs: _, id: __, ...rest } = value as Json;
  const name = typeof $ref === "string" ? $ref.replace(/^#\/\$defs\//, "") : undefined;
  const all = name && definitions[name] ? { ...definitions[name], ...rest } : rest;
  return Object.fromEntries(
    Object.entries(all).filter(([key]) => key !== "id" && key !== "$defs").map(([key, item]) => [
      key,
      inline(item, definitions),
    ]),
  );
}

const json = (schema: z.ZodType) => ({ "application/json": { schema: jsonSchema(schema, "output") } });

const problems = (...responses: [status: number, description: string][]) =>
  Object.fromEntries(responses.map(([status, description]) => [status, {
    description,
    content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
  }]));

/** The description of the service. */
export function openapi(version: string): Json {
  const text = (type: string) => ({ [type]: { schema: { type: "string" } } });
  return {
    openapi: "3.1.0",
    info: { title: "Molstep", version, description: "3D molecules in few steps.", license: { name: "MIT" } },
    paths: {
      "/generate": {
        post: {
          operationId: "generate",
          summary: "Draw molecules",
          requestBody: {
            required: true,
            content: { "application/json": { schema: { $ref: "#/components/schemas/GenerateRequest" } } },
          },
          responses: {
            200: {
              description: "The molecules, in the form that Accept asks for",
              headers: Object.fromEntries(
                ["Model", "Seed", "Steps", "Sampler", "Decoding", "Backend"].map((name) => [`Molstep-${name}`, {
                  description: "In the forms other than JSON: what the JSON form says",
                  schema: { type: "string" },
                }]),
              ),
              content: {
                ...json(generateResponse),
                ...text(MEDIA_TYPES.sdf),
                ...text(MEDIA_TYPES.xyz),
                ...text(MEDIA_TYPES.ndjson),
              },
            },
            ...problems(
              [400, "The body is not JSON"],
              [404, "Unknown model"],
              [406, "No form on offer is acceptable"],
              [413, "The body is too long"],
              [415, "The body is not said to be JSON"],
              [422, "The request is refused: unknown keys, limits, sizes or steps that the model lacks"],
              [503, "The queue is full or the service is shutting down; see Retry-After"],
            ),
          },
        },
      },
      "/models": {
        get: {
          operationId: "listModels",
          summary: "The models",
          responses: { 200: { description: "The models", content: json(modelList) } },
        },
      },
      "/models/{name}": {
        get: {
          operationId: "getModel",
          summary: "A model's card",
          parameters: [{ name: "name", in: "path", required: true, schema: { type: "string" } }],
          responses: {
            200: { description: "The card", content: json(modelDetail) },
            ...problems([404, "Unknown model"]),
          },
        },
      },
      "/health/live": {
        get: { operationId: "live", responses: { 200: { description: "Alive", content: json(healthSchema) } } },
      },
      "/health/ready": {
        get: {
          operationId: "ready",
          responses: {
            200: { description: "Ready", content: json(healthSchema) },
            ...problems([503, "Starting or shutting down"]),
          },
        },
      },
    },
    components: {
      schemas: {
        GenerateRequest: jsonSchema(generateRequest, "input"),
        Problem: jsonSchema(problemSchema, "output"),
      },
    },
  };
}

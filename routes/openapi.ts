/** GET /openapi.json: the service described (OpenAPI 3.1), from the schemas that it checks with. */
import { z } from "zod";
import { roundOrder } from "../model/distillation/order.ts";
import { generateRequest, generateResponse, MEDIA_TYPES } from "./generate_schema.ts";
import { healthSchema } from "./health.ts";
import { EVENT_STREAM } from "./jobs_events.ts";
import { jobEvent } from "../model/service/jobs/types.ts";
import { jobDetail, jobList, jobSchema, pageQuery } from "./jobs_schema.ts";
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

/** What all routes of the administrator answer to others. */
const guarded = [
  [401, "The administrator's token is asked"],
  [403, "The service has no administrator: MOLSTEP_ADMIN_TOKEN is not set"],
] satisfies [number, string][];
const security = [{ administrator: [] }];
const jobId = { name: "id", in: "path", required: true, schema: { type: "string", format: "uuid" } };
const unknownJob: [number, string] = [404, "Unknown job"];

/** A job as the answer, which `Location` names. */
const begun = (description: string) => ({
  description,
  headers: { Location: { description: "The job", schema: { type: "string" } } },
  content: json(jobSchema),
});

/** The routes of the administrator. */
function adminPaths(): Json {
  const query = (jsonSchema(pageQuery, "output").properties ?? {}) as Record<string, Json>;
  return {
    "/distill": {
      post: {
        operationId: "distill",
        summary: "Begin a round of distillation",
        security,
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/DistillRequest" } } },
        },
        responses: {
          202: begun("The round has begun"),
          ...problems(
            [400, "The body is not JSON"],
            ...guarded,
            [404, "Unknown model"],
            [409, "A round runs already; `job` names it"],
            [413, "The body is too long"],
            [415, "The body is not said to be JSON"],
            [422, "The request is refused: unknown keys, limits, steps, or more memory or time than there is"],
            [503, "The service is shutting down"],
          ),
        },
      },
    },
    "/jobs": {
      get: {
        operationId: "listJobs",
        summary: "The jobs, newest first",
        security,
        parameters: Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema })),
        responses: {
          200: { description: "The jobs", content: json(jobList) },
          ...problems(...guarded, [422, "No such page"]),
        },
      },
    },
    "/jobs/{id}": {
      get: {
        operationId: "getJob",
        summary: "A job with its curves",
        security,
        parameters: [jobId],
        responses: { 200: { description: "The job", content: json(jobDetail) }, ...problems(...guarded, unknownJob) },
      },
      delete: {
        operationId: "cancelJob",
        summary: "Cancel a job; its checkpoint is kept",
        security,
        parameters: [jobId],
        responses: {
          202: { description: "The job, which is `cancelled` when its worker has ended", content: json(jobSchema) },
          ...problems(...guarded, unknownJob, [409, "The job does not run"]),
        },
      },
    },
    "/jobs/{id}/events": {
      get: {
        operationId: "jobEvents",
        summary: "What happens in a job, as server-sent events; ends with the job",
        security,
        parameters: [jobId, {
          name: "Last-Event-ID",
          in: "header",
          description: "Events after this one",
          schema: { type: "integer" },
        }],
        responses: {
          200: {
            description: "Events, each with an id; the schema is that of their data",
            content: { [EVENT_STREAM]: { schema: jsonSchema(jobEvent, "output") } },
          },
          204: { description: "The job has ended, and there are no events after Last-Event-ID" },
          ...problems([400, "Last-Event-ID is no id"], ...guarded, unknownJob),
        },
      },
    },
    "/jobs/{id}/resume": {
      post: {
        operationId: "resumeJob",
        summary: "Go on with a job that was cancelled or failed",
        security,
        parameters: [jobId],
        responses: {
          202: begun("The job goes on"),
          ...problems(...guarded, unknownJob, [409, "The job is in another state, or another runs"], [
            503,
            "The service is shutting down",
          ]),
        },
      },
    },
    "/models/{name}/steps/{steps}": {
      delete: {
        operationId: "removeSteps",
        summary: "Take weights distilled to these steps out of service",
        security,
        parameters: [
          { name: "name", in: "path", required: true, schema: { type: "string" } },
          { name: "steps", in: "path", required: true, schema: { type: "integer", minimum: 1 } },
        ],
        responses: {
          204: { description: "They are out of service; requests in flight finish on them" },
          ...problems(...guarded, [404, "Unknown model, or no weights distilled to these steps"]),
        },
      },
    },
  };
}

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
                ["Model", "Version", "Seed", "Steps", "Sampler", "Decoding", "Backend"].map((
                  name,
                ) => [`Molstep-${name}`, {
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
      ...adminPaths(),
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
        DistillRequest: jsonSchema(roundOrder, "input"),
        Problem: jsonSchema(problemSchema, "output"),
      },
      securitySchemes: { administrator: { type: "http", scheme: "bearer" } },
    },
  };
}

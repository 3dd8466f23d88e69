/** DELETE /models/{name}/steps/{n}: takes weights distilled to n steps out of service. */
import type { Context } from "hono";
import type { Publisher } from "../model/service/publisher.ts";
import { storing } from "../model/diffusion/storage.ts";
import { NotDistilledError } from "../model/models/settings.ts";
import { z } from "zod";
import type { Env } from "./deps.ts";
import { endpoint } from "./endpoint.ts";
import { HttpError, problems, STORAGE_PROBLEMS } from "./problem.ts";

/** The handler. 204 when requests that come now get other weights; those in flight finish on the ones they have. */
export function stepsRoute(
  { publisher }: { readonly publisher: Pick<Publisher, "removeSteps"> },
): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    const name = c.req.param("name")!, asked = c.req.param("steps")!;
    if (!/^[1-9]\d{0,3}$/.test(asked)) {
      throw new HttpError(404, "Not found", `a number of steps is asked in the path, ${asked} is given`);
    }
    try {
      await storing(() => publisher.removeSteps(name, Number(asked)));
    } catch (error) {
      if (!(error instanceof NotDistilledError)) throw error;
      const extra = { type: "urn:molstep:problem:not-distilled", availableSteps: error.available };
      throw new HttpError(404, "No weights distilled to these steps", error.message, extra);
    }
    return c.body(null, 204);
  };
}

/** DELETE /models/{name}/steps/{steps} */
export const removeSteps = endpoint({
  method: "delete",
  path: "/models/{name}/steps/{steps}",
  operationId: "removeSteps",
  summary: "Take weights distilled to these steps out of service",
  scopes: ["admin"],
  request: {
    params: z.object({
      name: z.string().meta({ example: "qm9" }),
      steps: z.string().meta({ type: "integer", minimum: 1, example: 4 }),
    }),
  },
  responses: {
    204: { description: "They are out of service; requests in flight finish on them" },
    ...problems({
      404: "Unknown model, or no weights distilled to these steps",
      409: "Another service has the data directory",
    }),
    ...STORAGE_PROBLEMS,
  },
}, stepsRoute);

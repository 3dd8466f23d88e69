/** POST /conformers: conformers of given molecules, as JSON or SDF. */
import { z } from "zod";
import type { ConformerAnswer, ConformerItem } from "../chem/conformers/answer.ts";
import { type ConformerRefine, forceFieldOf, refineOf } from "../chem/conformers/force_fields.ts";
import { CONFORMER_FORMS } from "../chem/conformers/written.ts";
import { drawSeed } from "../model/generation/order.ts";
import { type ConformerLimits, drawConformers } from "../model/service/conformers.ts";
import { clientOf } from "./access/guard.ts";
import { BODY_PROBLEMS, readJson } from "./body.ts";
import {
  CONFORMER_TYPES,
  type ConformersRequest,
  conformersRequest,
  conformersResponse,
  DEFAULT_COUNT,
} from "./conformers_schema.ts";
import { endpoint, exampled, json } from "./endpoint.ts";
import { CONFORMERS_ANSWERS, CONFORMERS_REQUESTS, CONFORMERS_TEXTS } from "./examples.ts";
import { negotiate } from "./negotiate.ts";
import { problems } from "./problem.ts";

/** The molecules of a request, in its order. */
export function itemsOf(molecules: ConformersRequest["molecules"]): ConformerItem[] {
  return [molecules].flat().map((given, index) => {
    if (typeof given === "string") return { index, kind: "smiles", text: given };
    const { name } = given, kind = "smiles" in given ? "smiles" : "molblock";
    return {
      index,
      kind,
      text: "smiles" in given ? given.smiles : given.molblock,
      ...(name !== undefined && { name }),
    };
  });
}

/** What is asked, with what the service fills in. */
export const filledIn = <T extends Pick<ConformersRequest, "count" | "seed" | "refine">>(
  asked: T,
  limits: Pick<ConformerLimits, "count">,
) => ({
  ...asked,
  count: asked.count ?? Math.min(DEFAULT_COUNT, limits.count),
  seed: asked.seed ?? drawSeed(),
  refine: refineOf(asked.refine),
});

/** The text of a `conformersResponse`, made of the molecules' own. */
export function jsonOf(
  facts: Omit<ConformersRequest, "molecules" | "timeoutMs" | "refine"> & { readonly refine: ConformerRefine },
  answers: readonly ConformerAnswer[],
): string {
  const head = JSON.stringify({ ...facts, forceField: forceFieldOf(facts.refine) });
  return `${head.slice(0, -1)},"molecules":[${answers.map(({ text }) => text).join(",")}]}`;
}

/** POST /conformers */
export const conformers = endpoint({
  method: "post",
  path: "/conformers",
  operationId: "conformers",
  summary: "Draw conformers of given molecules",
  scopes: ["generate"],
  request: { body: { required: true, content: json(conformersRequest, CONFORMERS_REQUESTS) } },
  responses: {
    200: {
      description:
        "The conformers, in the form that Accept asks for. A molecule that has none says why, in SDF as a record of no atoms",
      content: {
        ...json(conformersResponse, CONFORMERS_ANSWERS),
        [CONFORMER_TYPES.sdf]: { schema: z.string(), ...exampled(CONFORMERS_TEXTS) },
      },
    },
    ...BODY_PROBLEMS,
    ...problems({
      406: "No form on offer is acceptable",
      422: "The request is refused: unknown keys, or limits",
      429:
        "The client holds its share of the service, or has given too many tokens that are not known; see Retry-After",
      503: "The queue is full or the service is shutting down; see Retry-After",
      504: "The deadline passed; of so many molecules conformers were drawn by then (`drawn`)",
    }),
  },
}, ({ conformers, store, queue, lifecycle, config, log, meters }) => {
  const { maxBodyBytes, timeoutSeconds, conformers: limits } = config;
  const service = { conformers, store, queue, lifecycle, limits, timeoutMs: 1000 * timeoutSeconds };
  return async (c) => {
    const type = negotiate(c, Object.values(CONFORMER_TYPES));
    const form = CONFORMER_FORMS.find((one) => CONFORMER_TYPES[one] === type)!;
    const { molecules, timeoutMs, ...given } = await readJson(c, conformersRequest, maxBodyBytes);
    const asked = filledIn(given, limits), { seed } = asked;
    const answers = await drawConformers(service, { ...asked, timeoutMs, form, molecules: itemsOf(molecules) }, {
      signal: c.req.raw.signal,
      client: clientOf(c),
      onEnd(end) {
        log(end.outcome === "failed" ? "error" : "info", "conformers", { requestId: c.get("requestId"), ...end });
        meters?.conformers(end);
      },
    });
    const headers = { "Content-Type": type };
    if (form === "sdf") {
      const text = answers.map(({ text }) => text).join("");
      return c.body(text, 200, { ...headers, "Molstep-Seed": String(seed) }) as never;
    }
    return c.body(jsonOf(asked, answers), 200, headers) as never;
  };
});

/** POST /generate: molecules, as JSON, SDF, XYZ or NDJSON. */
import type { Context } from "hono";
import type { Summary } from "../chem/metrics.ts";
import type { Card } from "../model/models/card.ts";
import { type Format, type Include, type Origin, toJson, toRecord } from "../model/generation/formats.ts";
import { acceptOrder, drawSeed, ImpossibleOrderError } from "../model/generation/order.ts";
import {
  type GeneratedMolecule,
  generateMolecules,
  type Generation,
  type Timings,
} from "../model/generation/pipeline.ts";
import { readJson } from "./body.ts";
import type { Deps, Env } from "./deps.ts";
import {
  askedSize,
  type GenerateRequest,
  generateRequest,
  type GenerateResponse,
  MEDIA_TYPES,
} from "./generate_schema.ts";
import { negotiate } from "./negotiate.ts";
import { HttpError } from "./problem.ts";

const FORMAT_OF = new Map(Object.entries(MEDIA_TYPES).map(([format, type]) => [type, format as "json" | Format]));

/** How a generation ended, for the log. */
type Outcome = "done" | "cancelled" | "failed";

/** What the route works with. */
export type GenerateDeps = Pick<Deps, "store" | "validate" | "queue" | "lifecycle" | "log"> & {
  readonly config: Pick<Deps["config"], "maxWork" | "maxBodyBytes">;
};

/** The route's handler. */
export function generateRoute(deps: GenerateDeps): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    const type = negotiate(c, Object.values(MEDIA_TYPES)), format = FORMAT_OF.get(type)!;
    const asked = await readJson(c, generateRequest, deps.config.maxBodyBytes);
    checkWork(asked, deps.config.maxWork);
    const seed = asked.seed ?? drawSeed();
    const accept = (card: Card) =>
      order(() =>
        acceptOrder(card, {
          count: asked.count,
          steps: asked.steps,
          sampler: asked.sampler,
          seed,
          decoding: asked.decoding,
          grid: asked.grid,
          clamp: asked.clamp,
          size: askedSize(asked),
        })
      );
    const { card } = deps.store.entry(asked.model);
    let request = accept(card);
    if (deps.lifecycle.state === "draining") {
      throw new HttpError(503, "Shutting down", "the service is shutting down", {}, { "Retry-After": "5" });
    }
    const cancel = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, deps.lifecycle.signal, cancel.signal]);
    const place = deps.queue.enter(signal);
    let handedOn = false, finished = false;
    const finish = (generation: Generation, outcome: Outcome) => {
      if (finished) return;
      finished = true;
      generation.close();
      place.leave();
      deps.log("info", "generation", {
        requestId: c.get("requestId"),
        outcome,
        model: asked.model,
        version: generation.version,
        sampler: request.settings.sampler,
        steps: asked.steps,
        seed,
        count: asked.count,
        drawn: generation.drawn,
        returned: generation.returned,
        ...rounded(generation.timings),
      });
    };
    try {
      const [, validate] = await Promise.all([deps.store.model(asked.model), deps.validate()]);
      signal.throwIfAborted();
      // Students may have come or gone while the model was loaded. From here to the generation's lease nothing waits, so that
      // the settings are those of the weights.
      const model = deps.store.loaded(asked.model)!;
      if (model.card !== card) request = accept(model.card);
      const generation = generateMolecules(model, request, {
        validate,
        place,
        signal,
        filter: asked.filter,
        // XYZ has no place for the InChIKey; what that saves: `chem/validator.ts`.
        detail: { descriptors: asked.include.includes("descriptors"), inchikey: format !== "xyz" },
      });
      const { version } = generation, origin: Origin = { model: asked.model, version, seed };
      const settings = { steps: asked.steps, sampler: request.settings.sampler, backend: model.backend.name };
      if (format === "json") {
        let outcome: Outcome = "failed";
        try {
          const molecules = (await Array.fromAsync(generation.windows)).flat();
          const body: GenerateResponse = {
            model: asked.model,
            version,
            steps: settings.steps,
            sampler: settings.sampler,
            seed,
            backend: settings.backend,
            decoding: request.settings.decoding,
            grid: request.settings.grid,
            clamp: request.settings.clamp,
            drawn: generation.drawn,
            returned: generation.returned,
            metrics: metricsOf(generation.summary()),
            timings: rounded(generation.timings),
            molecules: molecules.map((one) => toJson(one, asked.include, origin)) as GenerateResponse["molecules"],
          };
          outcome = "done";
          return c.json(body);
        } finally {
          finish(generation, signal.aborted ? "cancelled" : outcome);
        }
      }
      // The first window is drawn before the answer begins, so that a fault can still be told as a problem document.
      const first = await generation.windows.next().catch((error) => {
        finish(generation, signal.aborted ? "cancelled" : "failed");
        throw error;
      });
      handedOn = true;
      return c.body(stream(generation, first, format, asked.include, origin, cancel, finish), 200, {
        "Content-Type": type,
        "Molstep-Model": asked.model,
        "Molstep-Version": headerValue(version),
        "Molstep-Seed": String(seed),
        "Molstep-Steps": String(settings.steps),
        "Molstep-Sampler": settings.sampler,
        "Molstep-Backend": settings.backend,
        "Molstep-Decoding": request.settings.decoding,
        "Molstep-Grid": JSON.stringify(request.settings.grid),
        "Molstep-Clamp": String(request.settings.clamp),
      });
    } finally {
      if (!handedOn) place.leave();
    }
  };
}

/** Text as a header can carry it: percent-encoded where it has more than printable ASCII. */
const headerValue = (text: string) => /^[!-~]+( +[!-~]+)*$/.test(text) ? text : encodeURIComponent(text);

/** Tells the field at fault of an order that a model cannot serve. */
function order<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ImpossibleOrderError)) throw error;
    const errors = [{ path: `/${error.field}`, message: error.message }];
    throw new HttpError(422, "Impossible request", error.message, { type: "urn:molstep:problem:impossible", errors });
  }
}

function checkWork({ count, steps }: GenerateRequest, most: number): void {
  if (count * steps <= most) return;
  throw new HttpError(
    422,
    "Too much work",
    `count x steps may be at most ${most} here; given are ${count} x ${steps} = ${count * steps}`,
    { type: "urn:molstep:problem:too-much-work" },
  );
}

/** The plain values; null for a rate of no cases. */
function metricsOf(summary: Summary): GenerateResponse["metrics"] {
  const plain = ({ value, n }: { value: number; n: number }) => n === 0 ? null : value;
  return {
    validity: plain(summary.validity),
    moleculeStability: plain(summary.moleculeStability),
    atomStability: plain(summary.atomStability),
    uniqueness: plain(summary.uniqueness),
    connected: plain(summary.connected),
  };
}

const rounded = ({ queueMs, sampleMs, decodeMs, validateMs }: Timings): Timings => {
  const tenth = (ms: number) => Math.round(ms * 10) / 10;
  return {
    queueMs: tenth(queueMs),
    sampleMs: tenth(sampleMs),
    decodeMs: tenth(decodeMs),
    validateMs: tenth(validateMs),
  };
};

/** The text of all windows, one at a time as the client reads. */
function stream(
  generation: Generation,
  first: IteratorResult<GeneratedMolecule[], void>,
  format: Format,
  include: readonly Include[],
  origin: Origin,
  cancel: AbortController,
  finish: (generation: Generation, outcome: Outcome) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: IteratorResult<GeneratedMolecule[], void> | undefined = first;
  return new ReadableStream({
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = next ?? await generation.windows.next();
          next = undefined;
          if (done || !value) {
            finish(generation, "done");
            return controller.close();
          }
          if (value.length === 0) continue;
          const text = value.map((molecule) => toRecord(format, molecule, include, origin)).join("");
          return controller.enqueue(encoder.encode(text));
        }
      } catch (error) {
        finish(generation, cancel.signal.aborted ? "cancelled" : "failed");
        controller.error(error);
      }
    },
    cancel(reason) {
      cancel.abort(reason);
      finish(generation, "cancelled");
    },
  });
}

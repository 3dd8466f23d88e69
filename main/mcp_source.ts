/** Where the molecules of the MCP tool come from: models in this process, or a service. */
import { z } from "zod";
import type { Refine } from "../chem/refinement/refine.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, type Validate } from "../chem/validator.ts";
import { askedSize } from "../model/diffusion/sizes_asked.ts";
import { parseKnown } from "../model/diffusion/strict.ts";
import { createConformerPool } from "../model/generation/conformer_pool.ts";
import { createQueue } from "../model/generation/queue.ts";
import type { LoadOptions } from "../model/models/load.ts";
import type { ModelEntry } from "../model/models/overlay.ts";
import { createModelStore } from "../model/models/store.ts";
import { VERSION } from "../model/models/version.ts";
import { type ConformerLimits, drawConformers } from "../model/service/conformers.ts";
import { generate } from "../model/service/generate.ts";
import { createLifecycle } from "../model/service/lifecycle.ts";
import { loadTried } from "../model/service/tried.ts";
import { filledIn, itemsOf, jsonOf } from "../routes/conformers.ts";
import { type ConformersRequest, type ConformersResponse, conformersResponse } from "../routes/conformers_schema.ts";
import { type GenerateRequest, type GenerateResponse, generateResponse } from "../routes/generate_schema.ts";
import { problemSchema, toHttpError } from "../routes/problem.ts";

/** Draws molecules, and conformers of given ones. */
export interface Source {
  /**
   * @throws RefusedError; the signal's reason where it is aborted
   */
  draw(request: GenerateRequest, signal: AbortSignal): Promise<GenerateResponse>;
  /** Throws as `draw`. */
  conformers(request: ConformersRequest, signal: AbortSignal): Promise<ConformersResponse>;
  close(): void;
}

/** A request is refused, or has failed: title and detail of the service's problem document. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  constructor(problem: { readonly title: string; readonly detail: string }, options?: ErrorOptions) {
    super(`${problem.title}: ${problem.detail}`, options);
  }
}

/** What models in this process are told. */
export interface LocalOptions extends LoadOptions {
  /** Models that are loaded at once; the others when they are first asked for. */
  readonly preload: readonly string[];
  readonly maxWork: number;
  readonly timeoutSeconds: number;
  /** Where a request does not say; the cards' where absent. */
  readonly refine?: Refine;
  /** What may be asked of conformers. */
  readonly conformers: ConformerLimits;
  /** Told of what goes wrong and ends nothing. */
  readonly note: (message: string) => void;
}

/** Models in this process, as the service has them, but without its data directory's lock: nothing is written. */
export function openLocal(entries: readonly ModelEntry[], { preload, note, ...options }: LocalOptions): Source {
  const onFault = (error: Error) => note(`${error.message}; going on without`), lifecycle = createLifecycle();
  const store = createModelStore(
    entries,
    (entry) =>
      loadTried(
        entry,
        { ...options, onFault },
        ({ model, steps, error }) => note(`${model}'s student of ${steps} steps is out of service: ${error}`),
      ),
  );
  let chemistry: Promise<Validate> | undefined;
  const validate = () => chemistry ??= createRdkit().then(createValidator);
  const service = {
    ...{ store, validate, lifecycle, queue: createQueue() },
    ...{ maxWork: options.maxWork, timeoutMs: 1000 * options.timeoutSeconds, refine: options.refine },
  };
  const conformers = createConformerPool({ workers: options.decoders, onFault });
  const drawing = { ...service, store, conformers, limits: options.conformers };
  /** What work comes to, faults of requests told as the service tells them. */
  const telling = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const known = toHttpError(error);
      if (!known) throw error;
      throw new RefusedError({ title: known.title, detail: known.message }, { cause: error });
    }
  };
  for (const name of preload) store.model(name).catch((error) => note(String(error)));
  validate().catch((error) => note(String(error)));
  return {
    draw: (request, signal) =>
      telling(signal, async () => {
        const drawing = await generate(service, { ...request, size: askedSize(request) }, { form: "json", signal });
        return JSON.parse(await drawing.answer());
      }),
    conformers: ({ molecules, ...given }, signal) =>
      telling(signal, async () => {
        const asked = filledIn(given, options.conformers);
        const order = { ...asked, molecules: itemsOf(molecules), form: "json" } as const;
        return JSON.parse(jsonOf(asked, await drawConformers(drawing, order, { signal })));
      }),
    close() {
      lifecycle.enter("draining");
      lifecycle.abort("the MCP server has ended");
      conformers.close();
      store.dispose();
    },
  };
}

/**
 * A service.
 *
 * @param token sent as Bearer, where there is one
 */
export function askService(url: string, token?: string): Source {
  const post = async <T extends z.ZodType>(path: string, request: unknown, schema: T, signal: AbortSignal) => {
    const { ok, status, text } = await fetch(`${url.replace(/\/$/, "")}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(request),
      signal,
    }).then(async (answer) => ({ ok: answer.ok, status: answer.status, text: await answer.text() })).catch(
      (error) => {
        signal.throwIfAborted();
        throw new RefusedError({ title: "No answer", detail: `${url}: ${error.message}` }, { cause: error });
      },
    );
    const json = parsed(text);
    if (!ok) {
      const { data } = parseKnown(problemSchema, json);
      throw new RefusedError(data ?? { title: "No success", detail: `${url} answers ${status}` });
    }
    const { data, error } = parseKnown(schema, json);
    if (data) return data;
    const detail = `${url} must answer as Molstep ${VERSION} knows it, or a version near it; got ${
      z.prettifyError(error!)
    }`;
    throw new RefusedError({ title: "Not understood", detail }, { cause: error });
  };
  return {
    draw: (request, signal) => post("/generate", request, generateResponse, signal),
    conformers: (request, signal) => post("/conformers", request, conformersResponse, signal),
    close() {},
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Molecules for a request: checked, queued, drawn, and told in the form asked. */
import { breather } from "../../chem/breathe.ts";
import type { Summary } from "../../chem/metrics.ts";
import type { Validate } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { type Format, type Include, type MoleculeJson, toFault, toRecord } from "../generation/formats.ts";
import type { DrawRequest } from "../generation/generate.ts";
import type { OnStage } from "../generation/stages.ts";
import { acceptOrder, drawSeed, ImpossibleOrderError, type Order } from "../generation/order.ts";
import {
  type GeneratedMolecule,
  generateMolecules,
  type GenerateOptions,
  type Generation,
  type Timings,
} from "../generation/pipeline.ts";
import type { Queue } from "../generation/queue.ts";
import type { Model } from "../models/load.ts";
import type { Settings } from "../models/settings.ts";
import { drawingWeights } from "../models/weights.ts";
import type { ModelStore } from "../models/store.ts";
import { type Lifecycle, refuseWhenDraining } from "./lifecycle.ts";

/** The form of an answer: one JSON object, or a stream of records. */
export type Form = "json" | Format;

/** How to draw, and what to say of each molecule. */
export interface DrawingOptions extends Omit<GenerateOptions, "detail"> {
  readonly form: Form;
  readonly include?: readonly Include[];
}

/** What drew the molecules. */
export interface DrawingFacts extends Pick<Settings, "steps" | "sampler" | "decoding" | "grid" | "clamp"> {
  readonly model: string;
  /** Of the weights. */
  readonly version: string;
  readonly seed: number;
  readonly backend: string;
}

/** All that is said of a drawing, with its molecules. */
export interface Answer extends DrawingFacts {
  readonly drawn: number;
  readonly returned: number;
  /** Of those drawn: decoded by `argmax` in place of `valence`, as no graph was found for them. */
  readonly fallbacks: number;
  /** Rates over the molecules drawn; null for one of no cases. */
  readonly metrics: Readonly<Record<typeof METRICS[number], number | null>>;
  readonly timings: Timings;
  readonly molecules: MoleculeJson[];
}

/** A molecule, and what is said of it in the form asked. */
export interface WrittenMolecule {
  readonly generated: GeneratedMolecule;
  readonly text: string;
}

/** Molecules that are being drawn. Nothing is until they are read. */
export interface Drawing {
  readonly facts: DrawingFacts;
  readonly generation: Generation;
  /** Text of one window of molecules after the other; empty where the filter leaves none. For a form other than `json`. */
  records(): AsyncGenerator<string, void, void>;
  /** The molecules that the filter leaves, a window after the other, for whoever tells them in a form of their own. */
  molecules(): AsyncGenerator<GeneratedMolecule[], void, void>;
  /** The same with each molecule's text apart. */
  written(form: Format): AsyncGenerator<WrittenMolecule[], void, void>;
  /** All of them at once: an {@link Answer} as JSON text. */
  answer(): Promise<string>;
}

const METRICS = ["validity", "moleculeStability", "atomStability", "uniqueness", "connected"] as const;

/** Begins to draw with a model that is loaded; as {@link generateMolecules}. */
export function drawMolecules(
  model: Model,
  request: DrawRequest,
  { form, include = [], ...options }: DrawingOptions,
): Drawing {
  const { seed, settings: { steps, sampler, decoding, grid, clamp } } = request;
  // XYZ has no place for the InChIKey; what that saves: `chem/validator.ts`.
  const detail = { descriptors: include.includes("descriptors"), inchikey: form !== "xyz" };
  const generation = generateMolecules(model, request, { ...options, detail }), { version } = generation;
  const who = { model: model.card.name, version }, backend = model.backend.name;
  const facts: DrawingFacts = { ...who, steps, sampler, seed, backend, decoding, grid, clamp };
  const digests = drawingWeights(model.card, request.settings).map(({ sha256 }) => sha256);
  const origin = { ...facts, ...(digests.every(Boolean) && { weights: digests.join(" ") }) };
  /** Texts of the molecules of each window. A window takes tens of milliseconds: the event loop turns after each molecule. */
  async function* written(form: Format): AsyncGenerator<WrittenMolecule[], void, void> {
    for await (const molecules of generation.windows) {
      const told: WrittenMolecule[] = [], pause = breather(), from = performance.now();
      for (const generated of molecules) {
        options.signal?.throwIfAborted();
        told.push({ generated, text: toRecord(form, generated, include, origin) });
        await pause();
      }
      options.onStage?.({ name: "write", from, to: performance.now(), molecules: told.length });
      yield told;
    }
  }
  return {
    facts,
    generation,
    written,
    async *records() {
      if (form === "json") throw new TypeError("records have the form sdf, xyz or ndjson; got json");
      for await (const told of written(form)) yield told.map(({ text }) => text).join("");
    },
    molecules: () => generation.windows,
    async answer() {
      const lines = (await Array.fromAsync(written("ndjson"))).flat(), { drawn, returned, fallbacks } = generation;
      const told: Omit<Answer, "molecules"> = {
        ...facts,
        drawn,
        returned,
        fallbacks,
        metrics: metricsOf(generation.summary()),
        timings: rounded(generation.timings),
      };
      return `${JSON.stringify(told).slice(0, -1)},"molecules":[${lines.map(({ text }) => text.trimEnd()).join(",")}]}`;
    },
  };
}

function metricsOf(summary: Summary): Answer["metrics"] {
  const plain = ({ value, n }: { value: number; n: number }) => n === 0 ? null : value;
  return Object.fromEntries(METRICS.map((name) => [name, plain(summary[name])])) as Answer["metrics"];
}

const rounded = (timings: Timings): Timings =>
  Object.fromEntries(
    Object.entries(timings).map(([name, ms]) => [name, Math.round(ms * 10) / 10]),
  ) as unknown as Timings;

/** Molecules asked of one of the service's models. */
export interface MoleculesAsked extends Omit<Order, "seed" | "options"> {
  readonly model: string;
  /** Drawn where absent. */
  readonly seed?: number;
  readonly filter?: GenerateOptions["filter"];
  readonly unique?: GenerateOptions["unique"];
  readonly include?: readonly Include[];
  /** Milliseconds that it may take. Default: the service's. */
  readonly timeoutMs?: number;
}

/** More than one request may ask. */
export class TooMuchWorkError extends RangeError {
  override readonly name = "TooMuchWorkError";
  constructor({ count, steps }: Pick<Order, "count" | "steps">, most: number) {
    super(`count x steps may be at most ${most} here; given are ${count} x ${steps} = ${count * steps}`);
  }
}

/** The time that a generation may take is over. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  constructor(
    timeoutMs: number,
    /** Molecules drawn by then. */
    readonly drawn: number,
    /** Those asked. */
    readonly count: number,
  ) {
    super(`the deadline of ${timeoutMs} ms has passed: ${drawn} of ${count} molecules were drawn by then`);
  }
}

/** What generations work with. */
export interface GenerateService {
  readonly store: ModelStore;
  /** Resolves when the chemistry is loaded. */
  readonly validate: () => Promise<Validate | BatchValidator>;
  readonly queue: Queue;
  readonly lifecycle: Lifecycle;
  /** Most molecules x steps of a request. */
  readonly maxWork: number;
  /** Longest that a generation may take, waiting and sending included. */
  readonly timeoutMs: number;
}

/** What becomes of a generation. */
export const GENERATION_OUTCOMES = ["done", "cancelled", "failed", "timeout"] as const;

/** How a generation ended. */
export interface GenerationEnd extends Pick<DrawingFacts, "model" | "version" | "sampler" | "steps" | "seed">, Timings {
  readonly outcome: typeof GENERATION_OUTCOMES[number];
  /** Of one that failed. */
  readonly error?: string;
  readonly count: number;
  readonly drawn: number;
  readonly returned: number;
  readonly fallbacks: number;
  /** Of those drawn. */
  readonly valid: number;
  readonly stable: number;
  /** Distinct ones among the valid. */
  readonly unique: number;
  /** Milliseconds from its acceptance to its end. */
  readonly ms: number;
}

/** How to serve a request. */
export interface ServeOptions {
  readonly form: Form;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Whose share of the service it takes. */
  readonly client?: string;
  /** Hears of each stage, and of molecule-steps that are done. */
  readonly onStage?: OnStage;
  readonly onSteps?: (moleculeSteps: number) => void;
  /** Told once, when the slot in the queue is given up. */
  readonly onEnd?: (end: GenerationEnd) => void;
}

/** A drawing that holds a slot in the queue until it has ended. */
export interface ServedDrawing extends Drawing {
  /** Ends it, read or not. May be called more than once. */
  close(): void;
}

/**
 * Takes a request on: it is checked against the model's card, takes a slot in the queue, and begins when the model is loaded. Its
 * deadline, whatever it does by then, gives the slot back; see {@link DeadlineError}.
 *
 * @throws TooMuchWorkError, UnknownModelError, NotDistilledError, ImpossibleOrderError, ShuttingDownError, OverShareError,
 * QueueFullError, DeadlineError; the signal's reason where it is aborted
 */
export async function generate(
  { store, validate, queue, lifecycle, maxWork, timeoutMs: longest }: GenerateService,
  { model: name, filter, unique, include, timeoutMs = longest, ...asked }: MoleculesAsked,
  { form, signal: gone, client, onStage, onSteps = () => {}, onEnd }: ServeOptions,
): Promise<ServedDrawing> {
  const { count, steps } = asked;
  if (count * steps > maxWork) throw new TooMuchWorkError(asked, maxWork);
  if (timeoutMs > longest) {
    throw new ImpossibleOrderError("timeoutMs", `timeoutMs must be 1 to ${longest} here; got ${timeoutMs}`);
  }
  const order: Order = { ...asked, seed: asked.seed ?? drawSeed() }, { card } = store.entry(name);
  let request = acceptOrder(card, order), drawing: Drawing | undefined;
  refuseWhenDraining(lifecycle);
  const closed = new AbortController(), late = new AbortController();
  const signal = AbortSignal.any([gone, lifecycle.signal, closed.signal, late.signal]);
  const work = count * steps, slot = queue.enter(signal, { work, client }), entered = performance.now();
  const deadline = setTimeout(
    () => late.abort(new DeadlineError(timeoutMs, drawing?.generation.drawn ?? 0, count)),
    timeoutMs,
  );
  const leave = () => {
    clearTimeout(deadline);
    slot.leave();
  };
  try {
    const [, judge] = await unlessAborted(Promise.all([store.model(name), validate()]), signal);
    signal.throwIfAborted();
    // Students may have come or gone while the model was loaded. From here to the generation's lease nothing waits, so that
    // the settings are those of the weights.
    const model = store.loaded(name)!;
    if (model.card !== card) request = acceptOrder(model.card, order);
    let done = 0;
    const onProgress = (fraction: number) => {
      const before = done;
      slot.progress(fraction);
      done = Math.round(work * fraction);
      onSteps(done - before);
    };
    drawing = drawMolecules(model, request, {
      form,
      include,
      filter,
      unique,
      validate: judge,
      slot,
      signal,
      onStage,
      onProgress,
    });
    const { facts: { model: _, ...facts }, generation } = drawing;
    return untilEnd(drawing, { form, count }, signal, (outcome, error) => {
      leave();
      closed.abort(new DOMException("nobody waits for the molecules", "AbortError"));
      const { version, sampler, steps, seed } = facts, { drawn, returned, fallbacks, timings } = generation;
      const { validity, moleculeStability, uniqueness } = generation.summary();
      const [valid, stable, unique] = [validity, moleculeStability, uniqueness].map(({ value, n }) =>
        Math.round(value * n)
      );
      const judged = { valid, stable, unique, ms: Math.round(performance.now() - entered) };
      const told = {
        outcome,
        model: name,
        version,
        sampler,
        steps,
        seed,
        count,
        drawn,
        returned,
        fallbacks,
        ...judged,
      };
      onEnd?.({ ...told, ...(error !== undefined && { error: String(error) }), ...rounded(timings) });
    });
  } catch (error) {
    leave();
    throw error;
  }
}

/** What the work comes to, or the signal's reason as soon as it is aborted. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>(), stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  return promise;
}

/**
 * The drawing, whose end is told once: when all is read, it fails, it is closed, or the signal is aborted, whether or not anybody
 * reads on. Records that have begun when the deadline passes end with one that says so.
 */
function untilEnd(
  drawing: Drawing,
  { form, count }: { readonly form: Form; readonly count: number },
  signal: AbortSignal,
  onEnd: (outcome: GenerationEnd["outcome"], error?: unknown) => void,
): ServedDrawing {
  let ended = false;
  const end = (outcome: GenerationEnd["outcome"], error?: unknown) => {
    if (ended) return;
    ended = true;
    signal.removeEventListener("abort", abort);
    drawing.generation.close();
    if (!signal.aborted) onEnd(outcome, error);
    else onEnd(signal.reason instanceof DeadlineError ? "timeout" : "cancelled");
  };
  const abort = () => end("cancelled");
  signal.addEventListener("abort", abort);
  /** @param fault what stands last where the deadline passes after the first */
  async function* watched<T>(items: AsyncGenerator<T, void, void>, fault?: (error: DeadlineError) => T) {
    let outcome: GenerationEnd["outcome"] = "failed", begun = false;
    try {
      // Whoever takes the last of them after the deadline has them all.
      while (!begun || drawing.generation.drawn < count) {
        const { done, value } = await unlessAborted(items.next(), signal);
        if (done) break;
        begun = true;
        yield value;
      }
      outcome = "done";
    } catch (error) {
      end(outcome, error);
      if (!begun || !fault || !(error instanceof DeadlineError)) throw error;
      yield fault(error);
    } finally {
      end(outcome);
    }
  }
  return {
    ...drawing,
    records: () =>
      watched(
        drawing.records(),
        form === "json" ? undefined : ({ message, drawn, count }) => toFault(form, { error: message, drawn, count }),
      ),
    molecules: () => watched(drawing.molecules()),
    async answer() {
      let outcome: GenerationEnd["outcome"] = "failed";
      try {
        const answer = await unlessAborted(drawing.answer(), signal);
        outcome = "done";
        return answer;
      } catch (error) {
        end(outcome, error);
        throw error;
      } finally {
        end(outcome);
      }
    },
    close: () => end("cancelled"),
  };
}

/** Molecules for a request: checked, queued, drawn, and told in the form asked. */
import { breather } from "../../chem/breathe.ts";
import type { Summary } from "../../chem/metrics.ts";
import type { Validate } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { type Format, type Include, type MoleculeJson, toRecord } from "../generation/formats.ts";
import type { DrawRequest } from "../generation/generate.ts";
import { acceptOrder, drawSeed, type Order } from "../generation/order.ts";
import { generateMolecules, type GenerateOptions, type Generation, type Timings } from "../generation/pipeline.ts";
import type { Queue } from "../generation/queue.ts";
import type { Model } from "../models/load.ts";
import type { Settings } from "../models/settings.ts";
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

/** Molecules that are being drawn. Nothing is until they are read. */
export interface Drawing {
  readonly facts: DrawingFacts;
  readonly generation: Generation;
  /** Text of one window of molecules after the other; empty where the filter leaves none. For a form other than `json`. */
  records(): AsyncGenerator<string, void, void>;
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
  /** Texts of the molecules of each window. A window takes tens of milliseconds: the event loop turns after each molecule. */
  async function* written(form: Format): AsyncGenerator<string[], void, void> {
    for await (const molecules of generation.windows) {
      const texts: string[] = [], pause = breather();
      for (const one of molecules) {
        options.signal?.throwIfAborted();
        texts.push(toRecord(form, one, include, facts));
        await pause();
      }
      yield texts;
    }
  }
  return {
    facts,
    generation,
    async *records() {
      if (form === "json") throw new TypeError("records have the form sdf, xyz or ndjson; got json");
      for await (const texts of written(form)) yield texts.join("");
    },
    async answer() {
      const molecules = (await Array.fromAsync(written("ndjson"))).flat(), { drawn, returned, fallbacks } = generation;
      const told: Omit<Answer, "molecules"> = {
        ...facts,
        drawn,
        returned,
        fallbacks,
        metrics: metricsOf(generation.summary()),
        timings: rounded(generation.timings),
      };
      return `${JSON.stringify(told).slice(0, -1)},"molecules":[${molecules.map((line) => line.trimEnd()).join(",")}]}`;
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
  readonly include?: readonly Include[];
}

/** More than one request may ask. */
export class TooMuchWorkError extends RangeError {
  override readonly name = "TooMuchWorkError";
  constructor({ count, steps }: Pick<Order, "count" | "steps">, most: number) {
    super(`count x steps may be at most ${most} here; given are ${count} x ${steps} = ${count * steps}`);
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
}

/** How a generation ended. */
export interface GenerationEnd extends Pick<DrawingFacts, "model" | "version" | "sampler" | "steps" | "seed">, Timings {
  readonly outcome: "done" | "cancelled" | "failed";
  readonly count: number;
  readonly drawn: number;
  readonly returned: number;
  readonly fallbacks: number;
}

/** How to serve a request. */
export interface ServeOptions {
  readonly form: Form;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Told once, when the slot in the queue is given up. */
  readonly onEnd?: (end: GenerationEnd) => void;
}

/** A drawing that holds a slot in the queue until it has ended. */
export interface ServedDrawing extends Drawing {
  /** Ends it, read or not. May be called more than once. */
  close(): void;
}

/**
 * Takes a request on: it is checked against the model's card, takes a slot in the queue, and begins when the model is loaded.
 *
 * @throws TooMuchWorkError, UnknownModelError, NotDistilledError, ImpossibleOrderError, ShuttingDownError, QueueFullError; the
 * signal's reason where it is aborted
 */
export async function generate(
  { store, validate, queue, lifecycle, maxWork }: GenerateService,
  { model: name, filter, include, ...asked }: MoleculesAsked,
  { form, signal: client, onEnd }: ServeOptions,
): Promise<ServedDrawing> {
  if (asked.count * asked.steps > maxWork) throw new TooMuchWorkError(asked, maxWork);
  const order: Order = { ...asked, seed: asked.seed ?? drawSeed() }, { card } = store.entry(name);
  let request = acceptOrder(card, order);
  refuseWhenDraining(lifecycle);
  const closed = new AbortController(), signal = AbortSignal.any([client, lifecycle.signal, closed.signal]);
  const slot = queue.enter(signal);
  try {
    const [, judge] = await Promise.all([store.model(name), validate()]);
    signal.throwIfAborted();
    // Students may have come or gone while the model was loaded. From here to the generation's lease nothing waits, so that
    // the settings are those of the weights.
    const model = store.loaded(name)!;
    if (model.card !== card) request = acceptOrder(model.card, order);
    const drawing = drawMolecules(model, request, { form, include, filter, validate: judge, slot, signal });
    return untilEnd(drawing, signal, (outcome) => {
      closed.abort(new DOMException("nobody waits for the molecules", "AbortError"));
      slot.leave();
      const { facts: { model, version, sampler, steps, seed }, generation } = drawing;
      const { drawn, returned, fallbacks, timings } = generation;
      const told = { outcome, model, version, sampler, steps, seed, count: asked.count, drawn, returned, fallbacks };
      onEnd?.({ ...told, ...rounded(timings) });
    });
  } catch (error) {
    slot.leave();
    throw error;
  }
}

/** The drawing, whose end is told once: when all is read, it fails, or it is closed. */
function untilEnd(
  drawing: Drawing,
  signal: AbortSignal,
  onEnd: (outcome: GenerationEnd["outcome"]) => void,
): ServedDrawing {
  let ended = false;
  const end = (outcome: GenerationEnd["outcome"]) => {
    if (ended) return;
    ended = true;
    drawing.generation.close();
    onEnd(signal.aborted ? "cancelled" : outcome);
  };
  return {
    ...drawing,
    async *records() {
      let outcome: GenerationEnd["outcome"] = "failed";
      try {
        yield* drawing.records();
        outcome = "done";
      } finally {
        end(outcome);
      }
    },
    async answer() {
      let outcome: GenerationEnd["outcome"] = "failed";
      try {
        const answer = await drawing.answer();
        outcome = "done";
        return answer;
      } finally {
        end(outcome);
      }
    },
    close: () => end("cancelled"),
  };
}

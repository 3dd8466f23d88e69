/** Molecules for a request: checked, queued, drawn within its deadline, and its end told. */
import type { Refine } from "../../chem/refinement/refine.ts";
import type { Validate } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { callsOfGuidance } from "../generation/condition_order.ts";
import { type Include, toFault } from "../generation/formats.ts";
import { leaseFor } from "../generation/generate.ts";
import type { OnStage } from "../generation/stages.ts";
import { acceptOrder, drawSeed, type Order } from "../generation/order.ts";
import { checkWhere, type GenerateOptions, type Timings } from "../generation/pipeline.ts";
import { mostCalls } from "../diffusion/samplers/parallel.ts";
import { callsOf } from "../diffusion/samplers/resample.ts";
import type { Queue } from "../generation/queue.ts";
import type { Lease, Model } from "../models/load.ts";
import type { ModelStore } from "../models/store.ts";
import { type Drawing, type DrawingFacts, drawMolecules, type Form, rounded } from "./drawing.ts";
import { checkTimeout, DeadlineError, holdSlot, unlessAborted } from "./held.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Molecules asked of one of the service's models: so many drawn (`count`), or drawn until so many are given back (`want`). */
export interface MoleculesAsked extends Omit<Order, "seed" | "options" | "count"> {
  readonly count?: number;
  readonly want?: GenerateOptions["want"];
  /** Most that are drawn for those wanted. Default: by {@link drawsFor}. */
  readonly maxDraws?: number;
  readonly where?: GenerateOptions["where"];
  readonly model: string;
  /** Drawn where absent. */
  readonly seed?: number;
  /** Default: the service's, else the card's. */
  readonly refine?: Refine;
  readonly filter?: GenerateOptions["filter"];
  readonly unique?: GenerateOptions["unique"];
  readonly include?: readonly Include[];
  /** Milliseconds that it may take. Default: the service's. */
  readonly timeoutMs?: number;
}

/** More than one request may ask. */
export class TooMuchWorkError extends RangeError {
  override readonly name = "TooMuchWorkError";
  /** @param field what `count` is called in the order @param calls of a molecule, where there are more than its steps */
  constructor({ count, steps }: Pick<Order, "count" | "steps">, most: number, field = "count", calls = steps) {
    const times = calls === steps ? "steps" : "calls, of steps, resampling, guidance and sweeps at worst,";
    super(`${field} x ${times} may be at most ${most} here; given are ${count} x ${calls} = ${count * calls}`);
  }
}

/** Molecules that may be drawn for each that is wanted, and for all of them at least, where nobody says. */
const DRAWS_A_WANTED = 20, DRAWS_AT_LEAST = 1000;

/** Most molecules to draw for those wanted, where nobody says: as many as work and indices allow, of {@link DRAWS_A_WANTED} for each. */
export const drawsFor = (
  want: number,
  { most, first = 0 }: { readonly most: number; readonly first?: number },
): number => Math.min(Math.max(DRAWS_AT_LEAST, DRAWS_A_WANTED * want), most, 2 ** 32 - first);

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
  /** How molecules are refined where a request does not say; the cards' where absent. */
  readonly refine?: Refine;
}

/** What becomes of a generation. */
export const GENERATION_OUTCOMES = ["done", "cancelled", "failed", "timeout"] as const;

/** How a generation ended. */
export interface GenerationEnd extends Pick<DrawingFacts, "model" | "version" | "sampler" | "steps" | "seed">, Timings {
  readonly outcome: typeof GENERATION_OUTCOMES[number];
  /** Of one that failed. */
  readonly error?: string;
  /** Asked, or wanted. */
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
  readonly onEstimate?: GenerateOptions["onEstimate"];
  /** Work on what was drawn, before `answer` gives the slot back: in the request's turns on the device, of which `rest` gives one up, and within its deadline. */
  readonly after?: (model: Model, rest: () => Promise<void>) => Promise<void>;
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
  { store, validate, queue, lifecycle, maxWork, timeoutMs: longest, refine: usual }: GenerateService,
  { model: name, refine = usual, filter, unique, where, want, maxDraws, include, timeoutMs = longest, ...asked }:
    MoleculesAsked,
  { form, signal: gone, client, onStage, onSteps = () => {}, onEstimate, after, onEnd }: ServeOptions,
): Promise<ServedDrawing> {
  const { steps } = asked, { card } = store.entry(name);
  const calls = callsOfGuidance(asked, card) * mostCalls(callsOf(steps, asked.fixed?.resample), asked.parallel),
    most = Math.floor(maxWork / calls);
  const [field, count] = drawsOf({ count: asked.count, want, maxDraws, first: asked.first }, most);
  if (count > most) throw new TooMuchWorkError({ count, steps }, maxWork, field, calls);
  checkTimeout(timeoutMs, longest);
  const order: Order = { ...asked, count, seed: asked.seed ?? drawSeed() };
  let request = acceptOrder(card, order), drawing: Drawing | undefined;
  const work = count * calls, drawn = () => drawing?.generation.drawn ?? 0;
  const held = holdSlot({ queue, lifecycle }, { gone, client, work, timeoutMs, count, drawn });
  const { slot, signal, leave } = held;
  try {
    const [, judge] = await unlessAborted(Promise.all([store.model(name), validate()]), signal);
    if (where) await unlessAborted(checkWhere(judge, where, signal), signal);
    signal.throwIfAborted();
    // Students may have come or gone while the model was loaded. From here to the generation's lease nothing waits, so that
    // the settings are those of the weights.
    const model = store.loaded(name)!;
    if (model.card !== card) request = acceptOrder(model.card, order);
    let made = 0;
    const onProgress = (fraction: number, called: number) => {
      const before = made;
      slot.progress(fraction);
      made = Math.round(work * called);
      onSteps(made - before);
    };
    drawing = drawMolecules(model, request, {
      form,
      include,
      refine,
      filter,
      unique,
      where,
      want,
      validate: judge,
      slot,
      signal,
      onStage,
      onEstimate,
      onProgress,
    });
    const { facts: { model: _, ...facts }, generation } = drawing;
    const more = after &&
      afterwards(leaseFor(model, request.settings), () => slot.turn((turn) => after(model, turn.yield)));
    return untilEnd(drawing, { form, count, want, after: more?.work }, signal, (outcome, error) => {
      more?.end();
      leave();
      held.abort(new DOMException("nobody waits for the molecules", "AbortError"));
      const { version, sampler, steps, seed } = facts, { drawn, returned, fallbacks, timings } = generation;
      const { validity, moleculeStability, uniqueness } = generation.summary();
      const [valid, stable, unique] = [validity, moleculeStability, uniqueness].map(({ value, n }) =>
        Math.round(value * n)
      );
      const judged = { valid, stable, unique, ms: held.ms() };
      const told = {
        outcome,
        model: name,
        version,
        sampler,
        steps,
        seed,
        count: want ?? count,
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

/** What sets how many molecules may be drawn, and how many. @param most those of which nobody said */
function drawsOf(
  { count, want, maxDraws, first }: Pick<MoleculesAsked, "count" | "want" | "maxDraws" | "first">,
  most: number,
): ["count" | "maxDraws" | "want", number] {
  if (count !== undefined) return ["count", count];
  if (want === undefined) throw new TypeError("count or want must be there; got neither");
  if (maxDraws !== undefined) return ["maxDraws", maxDraws];
  return ["want", Math.max(want, drawsFor(want, { most, first }))];
}

/** Work that may come after a drawing, which has the weights until it has ended, or until `end` says that it does not come. */
function afterwards(lease: Lease, work: () => Promise<void>): { work(): Promise<void>; end(): void } {
  let begun = false;
  return {
    work() {
      begun = true;
      return work().finally(lease.release);
    },
    end: () => void (begun || lease.release()),
  };
}

/**
 * The drawing, whose end is told once: when all is read, it fails, it is closed, or the signal is aborted, whether or not anybody
 * reads on. Records that have begun when the deadline passes end with one that says so; where molecules are wanted, what there is by then is the answer.
 */
function untilEnd(
  drawing: Drawing,
  { form, count, want, after }: {
    readonly form: Form;
    readonly count: number;
    readonly want?: number;
    readonly after?: () => Promise<void>;
  },
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
  /**
   * @param fault what stands last where the deadline passes after the first
   * @param tail what stands last else, where something does
   */
  async function* watched<T>(
    items: AsyncGenerator<T, void, void>,
    { fault, tail }: { readonly fault?: (error: DeadlineError) => T; readonly tail?: () => T | undefined } = {},
  ) {
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
      const last = tail?.();
      if (last !== undefined) yield last;
    } catch (error) {
      end(outcome, error);
      if (!begun || !fault || !(error instanceof DeadlineError)) throw error;
      yield fault(error);
    } finally {
      end(outcome);
    }
  }
  const { facts, origin, generation } = drawing;
  return {
    facts,
    origin,
    generation,
    // What can be read is each watched: none is handed on as it is.
    records: () =>
      watched(
        drawing.records(),
        form === "json" ? {} : {
          fault: ({ message, drawn, count }) =>
            want === undefined ? toFault(form, { error: message, drawn, count }) : drawing.tail("deadline")!,
          tail: () => drawing.tail(),
        },
      ),
    get counts() {
      return drawing.counts;
    },
    sifted: (ended) => drawing.sifted(ended),
    tail: (ended) => drawing.tail(ended),
    soFar: (ended) => drawing.soFar(ended),
    molecules: () => watched(drawing.molecules()),
    written: (format) => watched(drawing.written(format)),
    async answer() {
      let outcome: GenerationEnd["outcome"] = "failed";
      try {
        const answer = await unlessAborted(drawing.answer(), signal);
        if (after) await unlessAborted(after(), signal);
        outcome = "done";
        return answer;
      } catch (error) {
        end(outcome, error);
        if (want !== undefined && error instanceof DeadlineError && drawing.counts.drawn > 0) {
          return drawing.soFar("deadline");
        }
        throw error;
      } finally {
        end(outcome);
      }
    },
    close: () => end("cancelled"),
  };
}

/** Conformers for a request: its limits checked, queued, drawn within its deadline, and its end told. */
import {
  type ConformerAnswer,
  type ConformerCounts,
  type ConformerItem,
  COUNTED,
  noConformers,
} from "../../chem/conformers/answer.ts";
import type { EnsembleOrder } from "../../chem/conformers/ensemble.ts";
import type { Unanswered } from "../../chem/conformers/graph.ts";
import type { ConformerForm } from "../../chem/conformers/written.ts";
import type { ConformerPool } from "../generation/conformer_pool.ts";
import { chooseSource, type SourceAsked } from "../generation/conformer_sources.ts";
import { ImpossibleOrderError } from "../generation/order.ts";
import type { Queue } from "../generation/queue.ts";
import type { GENERATION_OUTCOMES } from "./generate.ts";
import { checkTimeout, DeadlineError, holdSlot, unlessAborted } from "./held.ts";
import type { ModelStore } from "../models/store.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** What a request may ask. */
export interface ConformerLimits {
  readonly molecules: number;
  /** Of a molecule, hydrogens included. */
  readonly atoms: number;
  /** Of conformers, of a molecule and of all. */
  readonly count: number;
  readonly total: number;
  /** Longest that a molecule may take. */
  readonly seconds: number;
}

/** What conformers are drawn with. */
export interface ConformerService {
  /** Its models. */
  readonly store: Pick<ModelStore, "entries">;
  readonly conformers: ConformerPool;
  readonly queue: Queue;
  readonly lifecycle: Lifecycle;
  readonly limits: ConformerLimits;
  /** Longest that a request may take, waiting included. */
  readonly timeoutMs: number;
}

/** What is asked. */
export interface ConformersAsked extends EnsembleOrder, SourceAsked {
  readonly molecules: readonly ConformerItem[];
  readonly form: ConformerForm;
  /** Milliseconds that it may take. Default: the service's. */
  readonly timeoutMs?: number;
}

/** How a request for conformers ended. */
export interface ConformersEnd {
  readonly outcome: typeof GENERATION_OUTCOMES[number];
  /** Of one that failed. */
  readonly error?: string;
  /** Asked, and answered with or without conformers. */
  readonly molecules: number;
  readonly answered: number;
  /** Molecules without conformers, by the reason. */
  readonly unanswered: Readonly<Partial<Record<Unanswered, number>>>;
  readonly counts: ConformerCounts;
  /** Milliseconds from its acceptance. */
  readonly ms: number;
}

/** @throws ImpossibleOrderError naming what is beyond the service's limits */
function check(
  { molecules, count, timeoutMs }: ConformersAsked,
  { limits, timeoutMs: longest }: ConformerService,
): void {
  const refuse = (field: string, what: string, most: number, got: number) => {
    if (got > most) throw new ImpossibleOrderError(field, `${what} must be at most ${most} here; got ${got}`);
  };
  refuse("molecules", "molecules", limits.molecules, molecules.length);
  refuse("count", "count", limits.count, count);
  refuse("count", "molecules x count", limits.total, molecules.length * count);
  if (timeoutMs !== undefined) checkTimeout(timeoutMs, longest);
}

/**
 * Draws them all. The request holds a slot meanwhile, as a generation does, but asks nothing of the device.
 *
 * @returns the answers in the order of the molecules
 * @throws ImpossibleOrderError, also where no source is of the name asked for; ShuttingDownError, OverShareError, QueueFullError, DeadlineError; the signal's reason where it is aborted
 */
export async function drawConformers(
  service: ConformerService,
  asked: ConformersAsked,
  { signal: gone, client, onEnd = () => {} }: {
    /** Aborted when the client goes away. */
    readonly signal: AbortSignal;
    readonly client?: string;
    readonly onEnd?: (end: ConformersEnd) => void;
  },
): Promise<ConformerAnswer[]> {
  check(asked, service);
  const { conformers, queue, lifecycle, limits, store, timeoutMs: longest } = service;
  const { molecules, timeoutMs = longest, model, steps, ...order } = asked;
  const source = chooseSource(store.entries, { model, steps });
  const answers: ConformerAnswer[] = [], drawn = () => answers.length, count = molecules.length;
  const { slot, signal, leave, ms } = holdSlot({ queue, lifecycle }, { gone, client, timeoutMs, count, drawn });
  const end = (outcome: ConformersEnd["outcome"], error?: unknown) => {
    leave();
    onEnd({
      outcome,
      ...(error !== undefined && { error: String(error) }),
      ...tally(molecules, answers),
      ms: ms(),
    });
  };
  try {
    const options = { ...order, source, atomsMax: limits.atoms, seconds: limits.seconds };
    const drawn = conformers.answers(molecules, options, signal);
    for (
      let next = await unlessAborted(drawn.next(), signal);
      !next.done;
      next = await unlessAborted(drawn.next(), signal)
    ) {
      answers.push(next.value);
      slot.progress(answers.length / molecules.length);
    }
  } catch (error) {
    if (!signal.aborted) end("failed", error);
    else end(signal.reason instanceof DeadlineError ? "timeout" : "cancelled");
    throw error;
  }
  end("done");
  return answers;
}

/** What has become of the molecules so far. */
function tally(molecules: readonly ConformerItem[], answers: readonly ConformerAnswer[]) {
  const counts = noConformers(), unanswered: Partial<Record<Unanswered, number>> = {};
  for (const { counts: own, error } of answers) {
    for (const name of COUNTED) counts[name] += own[name];
    if (error) unanswered[error.reason] = (unanswered[error.reason] ?? 0) + 1;
  }
  return { molecules: molecules.length, answered: answers.length, unanswered, counts };
}

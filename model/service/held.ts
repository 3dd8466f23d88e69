/** A request's hold on the service: its slot in the queue, its deadline, and the signal that ends it. */
import { ImpossibleOrderError } from "../generation/order.ts";
import type { Queue, Slot } from "../generation/queue.ts";
import { type Lifecycle, refuseWhenDraining } from "./lifecycle.ts";

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

/** @throws ImpossibleOrderError for a request that asks for more time than the service gives */
export function checkTimeout(timeoutMs: number, longest: number): void {
  if (timeoutMs <= longest) return;
  throw new ImpossibleOrderError("timeoutMs", `timeoutMs must be 1 to ${longest} here; got ${timeoutMs}`);
}

/** What a request is. */
export interface HoldOptions {
  /** Aborted when its client goes away. */
  readonly gone: AbortSignal;
  readonly client?: string;
  /** Molecule-steps that it asks of the device; none where absent. */
  readonly work?: number;
  /** Milliseconds from now to its deadline. */
  readonly timeoutMs: number;
  /** Molecules asked for, and those done by now. */
  readonly count: number;
  readonly drawn: () => number;
}

/** See {@link holdSlot}. */
export interface Held {
  readonly slot: Slot;
  /** Aborted when the client has gone, the service ends, the deadline has passed (with {@link DeadlineError}), or by `abort`. */
  readonly signal: AbortSignal;
  /** Gives the slot back. May be called more than once. */
  leave(): void;
  abort(reason: unknown): void;
  /** Milliseconds since it was taken on, whole ones. */
  ms(): number;
}

/**
 * Takes a request on.
 *
 * @throws ShuttingDownError, OverShareError, QueueFullError
 */
export function holdSlot(
  { queue, lifecycle }: { readonly queue: Queue; readonly lifecycle: Lifecycle },
  { gone, client, work, timeoutMs, count, drawn }: HoldOptions,
): Held {
  refuseWhenDraining(lifecycle);
  const own = new AbortController(), signal = AbortSignal.any([gone, lifecycle.signal, own.signal]);
  const slot = queue.enter(signal, { ...work !== undefined && { work }, client }), entered = performance.now();
  const deadline = setTimeout(() => own.abort(new DeadlineError(timeoutMs, drawn(), count)), timeoutMs);
  return {
    slot,
    signal,
    leave() {
      clearTimeout(deadline);
      slot.leave();
    },
    abort: (reason) => own.abort(reason),
    ms: () => Math.round(performance.now() - entered),
  };
}

/** What the work comes to, or the signal's reason as soon as it is aborted. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>(), stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  return promise;
}

/**
 * Batches to sample, cut into pieces of what the network does at once, each for the worker who has least to do: no worker waits for
 * another, and the last piece is a small one.
 */
import type { Sampled, SampleOptions, Sampling } from "../../diffusion/denoiser.ts";
import type { Task } from "./sampling.ts";

/** Who works. */
export interface DispatchOptions {
  readonly workers: number;
  /** Molecules of a piece, at most. */
  readonly piece: (nodes: number) => number;
  /** Does a piece. */
  readonly run: (worker: number, task: Task, signal?: AbortSignal) => Promise<Sampled>;
  /** The clock, milliseconds. */
  readonly now?: () => number;
}

/** Pieces of one owner that a worker has at a time: what it does, and what it goes on with without asking. */
const AHEAD = 2;

interface Piece {
  readonly task: Task;
  readonly cut: number;
  readonly submitted: number;
  readonly done: PromiseWithResolvers<Sampled>;
  readonly signal?: AbortSignal;
  readonly onDone?: SampleOptions["onDone"];
}

/** A worker's pieces on their way. */
interface Hand {
  molecules: number;
  readonly pieces: Map<number, number>;
}

/** Sampling by several workers; see `Capabilities.sample`. */
export function createDispatch(
  { workers, piece, run, now = () => performance.now() }: DispatchOptions,
): (sampling: Sampling, options?: SampleOptions) => Promise<Sampled> {
  const hands = Array.from({ length: workers }, (): Hand => ({ molecules: 0, pieces: new Map() }));
  const names = new WeakMap<object, number>(), queues = new Map<number, Piece[]>();
  let named = 0;

  const nameOf = (owner: object) => {
    const name = names.get(owner) ?? ++named;
    names.set(owner, name);
    return name;
  };

  /** The worker with least to do of those that may take more of this owner's. */
  const idlest = (owner: number): Hand | undefined => {
    const free = hands.filter(({ pieces }) => (pieces.get(owner) ?? 0) < AHEAD);
    return free.length === 0 ? undefined : free.reduce((a, b) => b.molecules < a.molecules ? b : a);
  };

  const begin = async (hand: Hand, { task, submitted, done, signal, onDone }: Piece) => {
    const { owner, shape: { batch } } = task, sent = now();
    hand.molecules += batch;
    hand.pieces.set(owner, (hand.pieces.get(owner) ?? 0) + 1);
    try {
      const sampled = await run(hands.indexOf(hand), task, signal);
      onDone?.(batch);
      done.resolve({ ...sampled, waitedMs: sampled.waitedMs + sent - submitted });
    } catch (error) {
      done.reject(error);
    } finally {
      hand.molecules -= batch;
      const left = hand.pieces.get(owner)! - 1;
      if (left > 0) hand.pieces.set(owner, left);
      else hand.pieces.delete(owner);
      handOut(owner);
    }
  };

  /** Gives out what of an owner's there are hands for. */
  const handOut = (owner: number) => {
    const queue = queues.get(owner) ?? [];
    for (let hand = idlest(owner); hand && queue.length > 0; hand = idlest(owner)) {
      const next = queue.shift()!;
      if (next.signal?.aborted) next.done.reject(next.signal.reason);
      else begin(hand, next);
    }
    if (queue.length === 0) queues.delete(owner);
  };

  return async (sampling, { signal, owner: whose = {}, onDone } = {}) => {
    signal?.throwIfAborted();
    const { shape: { batch, nodes }, indices, ...rest } = sampling, owner = nameOf(whose), submitted = now();
    const most = Math.min(piece(nodes), Math.ceil(batch / workers)), parts = Math.ceil(batch / most);
    const pieces = Array.from({ length: parts }, (_, k): Piece => {
      const from = Math.round(k * batch / parts), to = Math.round((k + 1) * batch / parts);
      const task = { ...rest, owner, shape: { batch: to - from, nodes }, indices: indices.slice(from, to) };
      return { task, cut: from, submitted, done: Promise.withResolvers<Sampled>(), signal, onDone };
    });
    queues.set(owner, [...queues.get(owner) ?? [], ...pieces]);
    handOut(owner);
    const all = await Promise.all(pieces.map(({ done }) => done.promise));
    const x0 = new Float32Array(all.reduce((sum, { x0 }) => sum + x0.length, 0)), each = x0.length / batch;
    all.forEach((part, k) => x0.set(part.x0, pieces[k].cut * each));
    return {
      x0,
      ms: all.reduce((sum, { ms }) => sum + ms, 0),
      waitedMs: Math.min(...all.map(({ waitedMs }) => waitedMs)),
    };
  };
}

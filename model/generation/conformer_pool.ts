/**
 * Conformers beside the main thread, in workers of their own: a molecule takes seconds, for which no drawn molecule's validation is to wait.
 */
import pLimit from "p-limit";
import {
  type ConformerAnswer,
  type ConformerItem,
  type ConformerOptions,
  unanswered,
} from "../../chem/conformers/answer.ts";
import type { SourceChoice } from "./conformer_sources.ts";
import { openPoolWorker } from "../../chem/pool_worker.ts";
import { createWorkPool, LateWorkError, type WorkPoolOptions } from "../../chem/work_pool.ts";

/** What is asked of all the molecules. */
export type PoolOptions = ConformerOptions<SourceChoice>;

/** Draws conformers. */
export interface ConformerPool {
  /**
   * Answers in the order of the items, each when it is there. What comes of one depends on it and the options alone, however many workers there are.
   *
   * @throws the signal's reason where it is aborted: no molecule is begun then; Error where no worker can be kept
   */
  answers(
    items: Iterable<ConformerItem> | AsyncIterable<ConformerItem>,
    options: PoolOptions,
    signal: AbortSignal,
  ): AsyncGenerator<ConformerAnswer, void, void>;
  close(): void;
}

/** No worker could be started, or kept. */
class NoWorkerError extends Error {
  override readonly name = "NoWorkerError";
  constructor() {
    super("conformers: no worker could be started, or kept");
  }
}

/** Molecules of a request that are in line at once: a small request does not wait for all of a large one. */
const WINDOW = 4;

type Pool = WorkPoolOptions<ConformerItem, PoolOptions, ConformerAnswer>;

const openWorker: Pool["open"] = () =>
  openPoolWorker({
    module: new URL("./conformer_worker.ts", import.meta.url),
    work: "conformers",
    question: (items: readonly ConformerItem[], options: PoolOptions) => ({ data: { items, options } }),
    results: (answers: ConformerAnswer[]) => answers,
  });

/** A pool whose workers start when they are first needed. At least one: the main thread draws none. @param workers most of them */
export function createConformerPool(
  { workers, onFault, open = openWorker }: Pick<Pool, "workers" | "onFault"> & Partial<Pick<Pool, "open">> = {},
): ConformerPool {
  const make = () =>
    createWorkPool<ConformerItem, PoolOptions, ConformerAnswer>({
      here: () => Promise.reject(new NoWorkerError()),
      long: () => true,
      limit: ({ seconds }) => 1000 * seconds,
      open,
      onFault,
      ...(workers !== undefined && { workers: Math.max(1, workers) }),
      ...{ piece: 1, ahead: 1, backlog: 1 },
    });
  let pool = make();
  const answer = async (item: ConformerItem, options: PoolOptions, signal: AbortSignal) => {
    const asked = pool;
    try {
      const { results: [one] } = await asked.run([item], options, { signal });
      return one;
    } catch (error) {
      // Workers are replaced so often and no more: who comes next has new ones.
      if (error instanceof NoWorkerError && pool === asked) asked.close(), pool = make();
      if (!(error instanceof LateWorkError)) throw error;
      const message = `must take at most ${options.seconds} s; it took longer, and its worker was ended`;
      return unanswered(item, options.form, { reason: "late", message });
    }
  };
  return {
    async *answers(items, options, signal) {
      const limit = pLimit(WINDOW), flying: Promise<ConformerAnswer>[] = [], own = new AbortController();
      const either = AbortSignal.any([signal, own.signal]);
      try {
        for await (const item of items) {
          const one = limit(() => answer(item, options, either));
          one.catch(() => {}); // whoever reads it hears of it
          flying.push(one);
          if (flying.length >= WINDOW) yield await flying.shift()!;
        }
        while (flying.length > 0) yield await flying.shift()!;
      } finally {
        own.abort(new DOMException("nobody waits for the conformers", "AbortError"));
      }
    },
    close: () => pool.close(),
  };
}

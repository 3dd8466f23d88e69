/**
 * Work beside the main thread. Batches of items are cut into pieces, which workers do; where no worker is ready (yet, or any more) the main
 * thread does, an item at a time. What comes of an item depends on the item alone, so it is the same wherever it is done.
 */
import { breather } from "./breathe.ts";

/** What has become of some items. */
export interface Done<Result> {
  /** In the order of the items. */
  readonly results: Result[];
  /** Milliseconds spent on them, added up over the threads. */
  readonly ms: number;
}

/** How to do a batch. */
export interface WorkOptions {
  readonly signal?: AbortSignal;
  /** Somebody waits for these very results. Default false. */
  readonly last?: boolean;
  /** Nobody else has work for the main thread. Default false. */
  readonly alone?: boolean;
  /** Others' work goes first. Default false. */
  readonly background?: boolean;
}

/** An open worker. */
export interface PoolWorker<Item, Options, Result> {
  /** Resolves when it can be asked; rejects where that fails, or the worker is closed. */
  readonly ready: Promise<void>;
  /** Rejects where an item cannot be done, and where the worker has ended or ends meanwhile. */
  ask(items: readonly Item[], options: Options): Promise<Done<Result>>;
  /** It can be asked no more. */
  readonly ended: boolean;
  close(): void;
}

/** A piece of work took longer than it may, and its worker was ended. */
export class LateWorkError extends RangeError {
  override readonly name = "LateWorkError";
  constructor(readonly ms: number, readonly items: number) {
    super(`${items} items must be done in ${ms} ms; their worker was ended`);
  }
}

/** Workers, and the main thread. */
export interface WorkPool<Item, Options, Result> {
  /** @throws what the work throws of one of the items; LateWorkError; the signal's reason where it is aborted: nothing is begun then, in the pieces either */
  run(items: readonly Item[], options: Options, how?: WorkOptions): Promise<Done<Result>>;
  /** Starts the first worker; resolves when it is ready, or has failed. Without this the first batches start it. */
  warm(): Promise<void>;
  /** Workers that are ready. */
  readonly ready: number;
  /** Ends the workers. What they had is done on the main thread, as is all that comes later. */
  close(): void;
}

/** What a pool is made of. */
export interface WorkPoolOptions<Item, Options, Result> {
  /** The work, on the main thread. */
  readonly here: (item: Item, options: Options) => Result | Promise<Result>;
  /** Work that takes so long that the main thread waits for a worker to be ready, and does it only where there is none. Default: no work does. */
  readonly long?: (options: Options) => boolean;
  /**
   * Milliseconds that a piece may take in a worker once it is begun. Then the worker is ended, another takes its place, and the batch fails. Such work, which may
   * end a thread, is never done on the main thread while there is a worker. Default: none has a limit.
   */
  readonly limit?: (options: Options) => number | undefined;
  /** Opens a worker. */
  readonly open: () => PoolWorker<Item, Options, Result>;
  /** Whether an item can be sent to a worker. Default: all can. */
  readonly sendable?: (item: Item) => boolean;
  /** Most workers; a further one starts when there is much to do. Default {@link someWorkers}. 0: none. */
  readonly workers?: number;
  /** Items in a piece. Default 4. */
  readonly piece?: number;
  /** Pieces that a worker has at a time. Default 2, so that it never waits for the main thread; 1 where they are long. */
  readonly ahead?: number;
  /** Items that wait, for each worker there is, when a further one starts. Default 128: more than a batch. */
  readonly backlog?: number;
  /** Hears of workers that failed. */
  readonly onFault?: (error: Error) => void;
}

/** Workers of a pool: a core less than there are, from 1 to 3. */
export const someWorkers = () => Math.min(3, Math.max(1, navigator.hardwareConcurrency - 1));

/** A batch on its way. */
interface JobOf<Item, Options, Result> {
  readonly items: readonly Item[];
  readonly options: Options;
  /** The main thread takes part. */
  readonly share: boolean;
  /** Where a worker is starting, the main thread leaves it alone. */
  readonly long: boolean;
  readonly background: boolean;
  readonly results: Result[];
  next: number;
  left: number;
  ms: number;
  over: boolean;
  settle(error?: unknown): void;
}

interface PieceOf<Item, Options, Result> {
  readonly job: JobOf<Item, Options, Result>;
  readonly from: number;
  readonly items: readonly Item[];
  /** Workers that have ended with it. */
  lost: number;
}

interface SlotOf<Item, Options, Result> {
  readonly worker: PoolWorker<Item, Options, Result>;
  ready: boolean;
  /** What it has been asked, in that order: it does the first. */
  readonly flying: PieceOf<Item, Options, Result>[];
  /** Until the first of them is late. */
  timer?: ReturnType<typeof setTimeout>;
  /** It was ended as the first was late: no fault of the others'. */
  late?: boolean;
}

/** Workers that may end with a piece before its batch fails. */
const LOST_MOST = 2;

/** @throws RangeError where `workers`, `piece` or `ahead` make no sense */
export function createWorkPool<Item, Options, Result>(
  { here, open, long = () => false, limit = () => undefined, sendable = () => true, onFault = () => {}, ...numbers }:
    WorkPoolOptions<
      Item,
      Options,
      Result
    >,
): WorkPool<Item, Options, Result> {
  const { workers: most = someWorkers(), piece: size = 4, ahead = 2, backlog: much = 128 } = numbers;
  if (!Number.isInteger(most) || most < 0) throw new RangeError(`workers must be a whole number from 0; got ${most}`);
  for (const [name, count] of Object.entries({ "items of a piece": size, "pieces ahead": ahead })) {
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`${name} must be at least 1; got ${count}`);
  }
  type Job = JobOf<Item, Options, Result>;
  type Piece = PieceOf<Item, Options, Result>;
  type Slot = SlotOf<Item, Options, Result>;
  let slots: Slot[] = [], opened = 0, closed = false, working = false;
  const queue: Job[] = [], forMain: Piece[] = [];
  /** Pieces whose worker ended, for another one. */
  let again: Piece[] = [];

  /** Whose turn it is. */
  const first = () => queue.find(({ background }) => !background) ?? queue[0];
  const anyReady = () => slots.some(({ ready }) => ready);
  /** What the main thread takes up because no worker can. */
  const stranded = () => anyReady() ? undefined : queue.find(({ long }) => !long || slots.length === 0);
  const leave = (job: Job) => queue.includes(job) && queue.splice(queue.indexOf(job), 1);

  /** The next piece of a job, which goes to the end of the line, so that a small job does not wait for a large one. */
  const take = (job: Job | undefined): Piece | undefined => {
    if (!job) return undefined;
    const from = job.next, items = job.items.slice(from, from + size);
    job.next += items.length;
    leave(job);
    if (job.next < job.items.length) queue.push(job);
    return { job, from, items, lost: 0 };
  };
  const takeAgain = () => {
    again = again.filter(({ job }) => !job.over);
    return again.shift();
  };

  const put = ({ job, from }: Piece, { results, ms }: Done<Result>) => {
    results.forEach((result, k) => job.results[from + k] = result);
    job.ms += ms;
    if ((job.left -= results.length) === 0) job.settle();
  };

  /** Does on the main thread what no worker takes, and turns the event loop after each item. */
  const onMain = async () => {
    if (working) return;
    working = true;
    const next = () =>
      forMain.shift() ?? (slots.length === 0 ? takeAgain() : undefined) ?? take(queue.find(({ share }) => share)) ??
        take(stranded());
    const pause = breather();
    for (let piece = next(); piece; piece = next()) {
      const { job } = piece, results: Result[] = [];
      let ms = 0;
      try {
        for (const item of piece.items) {
          if (job.over) break;
          const started = performance.now();
          results.push(await here(item, job.options));
          ms += performance.now() - started;
          await pause();
        }
        if (!job.over) put(piece, { results, ms });
      } catch (error) {
        job.settle(error);
      }
    }
    // At once after the last piece: whoever waited for it may ask for more before a promise of the loop's end is heard.
    working = false;
    dispatch();
  };

  const retire = (slot: Slot, error: Error) => {
    if (!slots.includes(slot)) return;
    slots = slots.filter((other) => other !== slot);
    clearTimeout(slot.timer);
    slot.worker.close();
    onFault(error);
    // Each worker is replaced once; if the new ones die too, the main thread goes on without.
    if (slots.length === 0) start();
    dispatch();
  };

  /** Times what a worker does now. */
  const time = (slot: Slot) => {
    clearTimeout(slot.timer);
    const [piece] = slot.flying, ms = piece && limit(piece.job.options);
    if (ms === undefined || !slots.includes(slot)) return;
    slot.timer = setTimeout(() => {
      const error = new LateWorkError(ms, piece.items.length);
      piece.job.settle(error);
      slot.late = true;
      opened--; // nor is it the worker's
      retire(slot, error);
    }, ms);
  };

  /** What becomes of a piece that a worker did not do. */
  const redo = (slot: Slot, piece: Piece, error: unknown) => {
    if (slot.late) again.push(piece);
    // On the main thread it either fails as it must, or was none of the items' fault.
    else if (!slot.worker.ended || limit(piece.job.options) === undefined) forMain.push(piece);
    else if (++piece.lost < LOST_MOST) again.push(piece);
    else piece.job.settle(error);
  };

  const send = async (slot: Slot, piece: Piece) => {
    slot.flying.push(piece);
    if (slot.flying.length === 1) time(slot);
    try {
      put(piece, await slot.worker.ask(piece.items, piece.job.options));
    } catch (error) {
      if (!piece.job.over) redo(slot, piece, error);
      if (slot.worker.ended) retire(slot, error as Error);
    } finally {
      slot.flying.splice(slot.flying.indexOf(piece), 1);
      time(slot);
      dispatch();
    }
  };

  const dispatch = () => {
    for (let flying = 0; flying < ahead; flying++) {
      for (const slot of slots) {
        if (!slot.ready || slot.flying.length > flying) continue;
        const job = first();
        // Whoever comes next waits for one such piece and no more.
        const piece = takeAgain() ?? (job?.background && slot.flying.length > 0 ? undefined : take(job));
        if (!piece) continue;
        if (piece.items.every(sendable)) send(slot, piece);
        else forMain.push(piece);
      }
    }
    const backlog = queue.reduce((sum, { items, next }) => sum + items.length - next, 0);
    if (
      slots.length > 0 && slots.length < most && backlog > much * slots.length && slots.every(({ ready }) => ready)
    ) {
      start();
    }
    if (forMain.length > 0 || stranded() || (slots.length === 0 && again.length > 0)) onMain();
  };

  const start = (): Promise<void> => {
    if (closed || opened >= 2 * most) return Promise.resolve();
    opened++;
    const slot: Slot = { worker: open(), ready: false, flying: [] };
    slots.push(slot);
    return slot.worker.ready.then(() => {
      slot.ready = true;
      dispatch();
    }, (error) => retire(slot, error));
  };

  let begun: Promise<void> | undefined;
  const warm = () => begun ??= start();

  return {
    run(items, options, { signal, last = false, alone = false, background = false } = {}) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      // A piece that somebody waits for takes no longer here than in a worker, and workers that are busy would keep it waiting.
      const single = items.length <= size, idle = slots.some(({ ready, flying }) => ready && flying.length === 0);
      const slow = long(options), share = last && !slow && (alone || (single && !idle));
      const { promise, resolve, reject } = Promise.withResolvers<Done<Result>>();
      const abort = () => job.settle(signal!.reason);
      const job: Job = {
        items,
        options,
        share,
        long: slow,
        background,
        results: new Array(items.length),
        next: 0,
        left: items.length,
        ms: 0,
        over: false,
        settle(...failure) {
          if (job.over) return;
          job.over = true;
          signal?.removeEventListener("abort", abort);
          leave(job);
          if (failure.length > 0) reject(failure[0]);
          else resolve({ results: job.results, ms: job.ms });
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      if (items.length === 0) {
        job.settle();
        return promise;
      }
      queue.push(job);
      if (!share || !single) warm();
      if (share) onMain(); // takes its piece before the workers take theirs
      dispatch();
      return promise;
    },
    warm,
    get ready() {
      return slots.filter(({ ready }) => ready).length;
    },
    close() {
      closed = true;
      const all = slots;
      slots = [];
      for (const { worker, timer } of all) {
        clearTimeout(timer);
        worker.close();
      }
    },
  };
}

/**
 * Validation beside the main thread. Batches are cut into pieces, which workers judge; where no worker is ready (yet, or any
 * more) the main thread does. What is said of a molecule depends on the molecule alone, so it is the same wherever it is judged.
 */
import type { Molecule } from "./molecule.ts";
import type { Validate, ValidateOptions, Validation } from "./validator.ts";
import { packable } from "./validator_messages.ts";
import { openValidationWorker, type ValidationWorker, type Verdicts } from "./validator_worker.ts";

/** Verdicts on a batch. */
export interface JudgedBatch {
  /** In the order of the molecules. */
  readonly validations: Validation[];
  /** Spent on judging them, added up over the threads. */
  readonly ms: number;
}

/** How to judge a batch. */
export interface JudgeOptions {
  readonly signal?: AbortSignal;
  /** Somebody waits for these very verdicts. Default false. */
  readonly last?: boolean;
  /** Nobody else has work for the main thread. Default false. */
  readonly alone?: boolean;
}

/** Judges batches of molecules. */
export interface BatchValidator {
  /** @throws what {@link Validate} throws of one of the molecules; the signal's reason where it is aborted */
  judge(molecules: readonly Molecule[], options?: ValidateOptions, how?: JudgeOptions): Promise<JudgedBatch>;
}

/** A {@link BatchValidator} with workers. */
export interface ValidatorPool extends BatchValidator {
  /** Starts the first worker; resolves when it is ready, or has failed. Without this the first batches start it. */
  warm(): Promise<void>;
  /** Workers that are ready. */
  readonly ready: number;
  /** Ends the workers. What they had is judged on the main thread, as is all that comes later. */
  close(): void;
}

/** What a pool is made of. */
export interface ValidatorPoolOptions {
  /** The main thread's. */
  readonly validate: Validate;
  /**
   * Most workers, of some 60 to 110 MiB each; a further one starts when there is much to do. Default: a core less than there are,
   * from 1 to 3. 0: none.
   */
  readonly workers?: number;
  /** Molecules in a piece. Default 4. */
  readonly piece?: number;
  /** Hears of workers that failed. */
  readonly onFault?: (error: Error) => void;
  /** Opens a worker. Default {@link openValidationWorker}. */
  readonly open?: () => ValidationWorker;
}

/** A batch on its way. */
interface Job {
  readonly molecules: readonly Molecule[];
  readonly options: ValidateOptions;
  /** The main thread takes part. */
  readonly share: boolean;
  readonly validations: Validation[];
  next: number;
  left: number;
  ms: number;
  over: boolean;
  settle(error?: unknown): void;
}

interface Piece {
  readonly job: Job;
  readonly from: number;
  readonly molecules: readonly Molecule[];
}

interface Slot {
  readonly worker: ValidationWorker;
  ready: boolean;
  flying: number;
}

/** Pieces that a worker is given ahead, so that it never waits for the main thread. */
const AHEAD = 2;

/** Molecules that wait, for each worker there is, when a further one starts: more than a batch. */
const BACKLOG = 128;

/** Milliseconds that the main thread judges before it turns its event loop. */
const BREATH = 15;

/** @throws RangeError where `workers` or `piece` make no sense */
export function createValidatorPool(options: ValidatorPoolOptions): ValidatorPool {
  const { validate, piece: size = 4, onFault = () => {}, open = () => openValidationWorker() } = options;
  const { workers: most = Math.min(3, Math.max(1, navigator.hardwareConcurrency - 1)) } = options;
  if (!Number.isInteger(most) || most < 0) throw new RangeError(`workers must be a whole number from 0; got ${most}`);
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`molecules of a piece must be at least 1; got ${size}`);
  let slots: Slot[] = [], opened = 0, closed = false, working = false;
  const queue: Job[] = [], forMain: Piece[] = [];

  const anyReady = () => slots.some(({ ready }) => ready);
  const leave = (job: Job) => queue.includes(job) && queue.splice(queue.indexOf(job), 1);

  /** The next piece of a job, which goes to the end of the line, so that a small job does not wait for a large one. */
  const take = (job: Job | undefined): Piece | undefined => {
    if (!job) return undefined;
    const from = job.next, molecules = job.molecules.slice(from, from + size);
    job.next += molecules.length;
    leave(job);
    if (job.next < job.molecules.length) queue.push(job);
    return { job, from, molecules };
  };

  const put = ({ job, from }: Piece, { validations, ms }: Verdicts) => {
    validations.forEach((validation, k) => job.validations[from + k] = validation);
    job.ms += ms;
    if ((job.left -= validations.length) === 0) job.settle();
  };

  /** Judges on the main thread what no worker takes, and turns the event loop meanwhile. */
  const onMain = async () => {
    if (working) return;
    working = true;
    const next = () =>
      forMain.shift() ?? take(queue.find(({ share }) => share)) ?? (anyReady() ? undefined : take(queue[0]));
    let breath = performance.now();
    for (let piece = next(); piece; piece = next()) {
      const { job } = piece, validations: Validation[] = [];
      let ms = 0;
      try {
        for (const molecule of piece.molecules) {
          if (job.over) break;
          const started = performance.now();
          validations.push(validate(molecule, job.options));
          ms += performance.now() - started;
          if (performance.now() - breath < BREATH) continue;
          await new Promise((resolve) => setTimeout(resolve, 0));
          breath = performance.now();
        }
        if (!job.over) put(piece, { validations, ms });
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
    slot.worker.close();
    onFault(error);
    // Each worker is replaced once; if the new ones die too, the main thread goes on without.
    if (slots.length === 0) start();
    dispatch();
  };

  const send = async (slot: Slot, piece: Piece) => {
    slot.flying++;
    try {
      put(piece, await slot.worker.judge(piece.molecules, piece.job.options));
    } catch (error) {
      // Here it either fails as it must, or was none of the molecules' fault.
      if (!piece.job.over) forMain.push(piece);
      if (slot.worker.ended) retire(slot, error as Error);
    } finally {
      slot.flying--;
      dispatch();
    }
  };

  const dispatch = () => {
    for (let flying = 0; flying < AHEAD; flying++) {
      for (const slot of slots) {
        if (!slot.ready || slot.flying > flying || queue.length === 0) continue;
        const piece = take(queue[0])!;
        if (piece.molecules.every(packable)) send(slot, piece);
        else forMain.push(piece);
      }
    }
    const backlog = queue.reduce((sum, { molecules, next }) => sum + molecules.length - next, 0);
    if (
      slots.length > 0 && slots.length < most && backlog > BACKLOG * slots.length && slots.every(({ ready }) => ready)
    ) {
      start();
    }
    if (forMain.length > 0 || (backlog > 0 && !anyReady())) onMain();
  };

  const start = (): Promise<void> => {
    if (closed || opened >= 2 * most) return Promise.resolve();
    opened++;
    const slot: Slot = { worker: open(), ready: false, flying: 0 };
    slots.push(slot);
    return slot.worker.ready.then(() => {
      slot.ready = true;
      dispatch();
    }, (error) => retire(slot, error));
  };

  let first: Promise<void> | undefined;
  const warm = () => first ??= start();

  return {
    judge(molecules, options = {}, { signal, last = false, alone = false } = {}) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      // A piece that somebody waits for takes no longer here than in a worker, and workers that are busy would keep it waiting.
      const single = molecules.length <= size, idle = slots.some(({ ready, flying }) => ready && flying === 0);
      const share = last && (alone || (single && !idle));
      const { promise, resolve, reject } = Promise.withResolvers<JudgedBatch>();
      const abort = () => job.settle(signal!.reason);
      const job: Job = {
        molecules,
        options,
        share,
        validations: new Array(molecules.length),
        next: 0,
        left: molecules.length,
        ms: 0,
        over: false,
        settle(...failure) {
          if (job.over) return;
          job.over = true;
          signal?.removeEventListener("abort", abort);
          leave(job);
          if (failure.length > 0) reject(failure[0]);
          else resolve({ validations: job.validations, ms: job.ms });
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      if (molecules.length === 0) {
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
      for (const { worker } of all) worker.close();
    },
  };
}

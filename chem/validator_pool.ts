/** Validation beside the main thread: a {@link WorkPool} that judges molecules. */
import { breathe } from "./breathe.ts";
import type { Molecule } from "./molecule.ts";
import { type OpenRefiner, withRefinement } from "./refinement/refining.ts";
import type { Validate, ValidateOptions, Validation } from "./validator.ts";
import { packable } from "./validator_messages.ts";
import { openValidationWorker, type ValidationWorker } from "./validator_worker.ts";
import { PatternError } from "./where/filter.ts";
import { createWorkPool, LateWorkError, type WorkOptions, type WorkPool, type WorkPoolOptions } from "./work_pool.ts";

/** Verdicts on a batch. */
export interface JudgedBatch {
  /** In the order of the molecules. */
  readonly validations: Validation[];
  /** Spent on judging them, added up over the threads. */
  readonly ms: number;
}

/** How to judge a batch. */
export type JudgeOptions = WorkOptions;

/** Judges batches of molecules. */
export interface BatchValidator {
  /** @throws what {@link Validate} throws of one of the molecules; PatternError where patterns take too long; the signal's reason where it is aborted */
  judge(molecules: readonly Molecule[], options?: ValidateOptions, how?: JudgeOptions): Promise<JudgedBatch>;
}

/** A {@link BatchValidator} with workers. */
export interface ValidatorPool
  extends BatchValidator, Pick<WorkPool<Molecule, ValidateOptions, Validation>, "warm" | "ready" | "close"> {}

/** What a pool is made of. Its workers are of some 60 to 110 MiB each. */
export interface ValidatorPoolOptions
  extends Pick<WorkPoolOptions<Molecule, ValidateOptions, Validation>, "workers" | "piece" | "onFault"> {
  /** The main thread's. */
  readonly validate: Validate;
  /** The main thread's refiner; absent where neither it nor the workers refine. */
  readonly refiner?: OpenRefiner;
  /** Milliseconds that a worker may take for a piece where a filter has patterns. Default 30,000. */
  readonly patternsMs?: number;
  /** Opens a worker. Default {@link openValidationWorker}, which does not refine. */
  readonly open?: () => ValidationWorker;
}

/** Milliseconds that a worker may take for a piece, of {@link ValidatorPoolOptions.piece} molecules, where patterns of a client's are looked for. */
const PATTERNS_MS = 30_000;

const tooLong = ({ ms, items }: LateWorkError) =>
  `must have patterns that are looked for in ${ms} ms in ${items} molecules; they took longer: make them shorter, or of fewer atoms that match anything`;

/** @throws RangeError where `workers` or `piece` make no sense */
export function createValidatorPool(
  { validate, refiner, open = openValidationWorker, patternsMs = PATTERNS_MS, ...options }: ValidatorPoolOptions,
): ValidatorPool {
  const long = ({ refine = "none", where }: ValidateOptions) => refine !== "none" || where !== undefined;
  const pool = createWorkPool({
    ...options,
    here: refiner ? withRefinement(validate, { open: refiner, pause: breathe }) : validate,
    open: () => open(),
    long,
    limit: ({ where }) => where?.required || where?.forbidden ? patternsMs : undefined,
    sendable: packable,
  });
  return {
    judge: (molecules, options = {}, how) =>
      pool.run(molecules, options, how).then(({ results, ms }) => ({ validations: results, ms }), (error) => {
        throw error instanceof LateWorkError ? new PatternError({ path: "", message: tooLong(error) }) : error;
      }),
    warm: pool.warm,
    get ready() {
      return pool.ready;
    },
    close: pool.close,
  };
}

/** Validation beside the main thread: a {@link WorkPool} that judges molecules. */
import { breathe } from "./breathe.ts";
import type { Molecule } from "./molecule.ts";
import { type OpenRefiner, withRefinement } from "./refinement/refining.ts";
import type { Validate, ValidateOptions, Validation } from "./validator.ts";
import { packable } from "./validator_messages.ts";
import { openValidationWorker, type ValidationWorker } from "./validator_worker.ts";
import { createWorkPool, type WorkOptions, type WorkPool, type WorkPoolOptions } from "./work_pool.ts";

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
  /** @throws what {@link Validate} throws of one of the molecules; the signal's reason where it is aborted */
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
  /** Opens a worker. Default {@link openValidationWorker}, which does not refine. */
  readonly open?: () => ValidationWorker;
}

/** @throws RangeError where `workers` or `piece` make no sense */
export function createValidatorPool(
  { validate, refiner, open = openValidationWorker, ...options }: ValidatorPoolOptions,
): ValidatorPool {
  const long = ({ refine = "none", where }: ValidateOptions) => refine !== "none" || where !== undefined;
  const pool = createWorkPool({
    ...options,
    here: refiner ? withRefinement(validate, { open: refiner, pause: breathe }) : validate,
    open: () => open(),
    long,
    sendable: packable,
  });
  return {
    judge: (molecules, options = {}, how) =>
      pool.run(molecules, options, how).then(({ results, ms }) => ({ validations: results, ms })),
    warm: pool.warm,
    get ready() {
      return pool.ready;
    },
    close: pool.close,
  };
}

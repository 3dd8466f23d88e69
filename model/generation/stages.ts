/** The stages of a generation, for whoever measures or traces them. */

/**
 * `queue`: the wait for the device, before the first batch; `sample`, `decode`, `validate`: of each batch, the latter beside the next batch where
 * workers judge; `write`: putting a window of molecules into words.
 */
export const STAGES = ["queue", "sample", "decode", "validate", "write"] as const;

/** A stage that is over. */
export interface Stage {
  readonly name: typeof STAGES[number];
  /** When it began and ended, by `performance.now()`, milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Of the batch, or the window; 0 of `queue`. */
  readonly molecules: number;
}

/** Hears of each stage at its end; of one that fails it hears nothing. */
export type OnStage = (stage: Stage) => void;

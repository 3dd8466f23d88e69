/** A validating worker as the main thread sees it. */
import type { Molecule } from "./molecule.ts";
import { openPoolWorker } from "./pool_worker.ts";
import type { ValidateOptions, Validation } from "./validator.ts";
import { buffersOf, packMolecules, type Question, unpackBonds, type Verdicts } from "./validator_messages.ts";
import type { PoolWorker } from "./work_pool.ts";

/** An open worker: ready when RDKit.js is loaded and warm. */
export type ValidationWorker = PoolWorker<Molecule, ValidateOptions, Validation>;

/** Starts a worker. @param module what runs in it */
export function openValidationWorker(module = new URL("./validation_worker.ts", import.meta.url)): ValidationWorker {
  return openPoolWorker({
    module,
    work: "validation",
    question(molecules: readonly Molecule[], options: ValidateOptions) {
      const packed = packMolecules(molecules), data: Question = { molecules: packed, options };
      return { data, transfer: buffersOf(packed.atoms, packed.atomicNumbers, packed.positions) };
    },
    results({ verdicts, bonds: packed }: Verdicts) {
      const bonds = unpackBonds(packed);
      return verdicts.map((verdict, k) => ({ ...verdict, bonds: bonds[k] }));
    },
  });
}

/** A model, loaded, with the chemistry that judges what it draws: what a command needs that draws by itself. */
import type { Refine } from "../../chem/refinement/refine.ts";
import { createRdkit, type Rdkit } from "../../chem/rdkit.ts";
import { createValidator, type Validate } from "../../chem/validator.ts";
import type { ValidatorPool } from "../../chem/validator_pool.ts";
import { loadModel, type LoadOptions, type ModelEntry, type ServedModel } from "../models/load.ts";
import { createRefiningPool } from "./refiner.ts";

/** How to open a model. */
export interface OpenOptions extends LoadOptions {
  /** Molecules that are to be judged. */
  readonly count: number;
  /** Whether they are to be refined. Default `none`. */
  readonly refine?: Refine;
  /** Told of a worker that has failed; the others go on. */
  readonly onFault?: (error: Error) => void;
}

/** A model that is open. */
export interface OpenModel {
  readonly model: ServedModel;
  readonly rdkit: Rdkit;
  /** Judges a molecule here. */
  readonly validate: Validate;
  /** Judges many, by workers where there are enough to be worth it. */
  readonly pool: ValidatorPool;
  close(): void;
}

/** Molecules from which on a validating worker, which costs half a second to start, is worth it on two cores. */
const WORTH_WORKERS = 2000;

/** The same where they are refined too, which takes 2.6 times as long. */
const WORTH_REFINING = 800;

/** Loads the model and the chemistry side by side. */
export async function openModel(
  entry: ModelEntry,
  { count, refine = "none", onFault, ...options }: OpenOptions,
): Promise<OpenModel> {
  const [model, rdkit] = await Promise.all([loadModel(entry, { ...options, onFault }), createRdkit()]);
  const validate = createValidator(rdkit), worth = refine === "none" ? WORTH_WORKERS : WORTH_REFINING;
  const pool = createRefiningPool({ validate, workers: count < worth ? 0 : undefined, onFault });
  const close = () => {
    pool.close();
    model.dispose();
  };
  return { model, rdkit, validate, pool, close };
}

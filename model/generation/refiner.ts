/** The refiner on the C engine in WebAssembly, and pools whose workers have it. */
import { readFitted } from "../../chem/mmff94/corrections.ts";
import { MMFF94S } from "../../chem/mmff94/force_field.ts";
import { readTables } from "../../chem/mmff94/tables.ts";
import type { ConformerFields } from "../../chem/conformers/force_fields.ts";
import { createMmff94 } from "../../chem/refinement/mmff94.ts";
import { createRefiner, type Refiner } from "../../chem/refinement/refine.ts";
import { createValidatorPool, type ValidatorPool, type ValidatorPoolOptions } from "../../chem/validator_pool.ts";
import { openValidationWorker } from "../../chem/validator_worker.ts";
import { openWasmMmff94 } from "../engines/c/mmff94.ts";
import { compileWasmEngine } from "../engines/c/wasm_module.ts";

/** The tables, and the engine's build without relaxed SIMD, whose products are rounded alike on every machine. */
async function openEngine() {
  const [tables, module] = await Promise.all([readTables(), compileWasmEngine(false)]);
  return { tables, engine: openWasmMmff94(module) };
}

/** The force fields that are fitted to no data, for this thread. */
function published({ tables, engine }: Awaited<ReturnType<typeof openEngine>>): ConformerFields {
  return {
    mmff94: createMmff94(tables, engine),
    mmff94s: createMmff94(tables, engine, MMFF94S),
  };
}

/** What conformers are refined by, for this thread. */
export const openConformerFields = async (): Promise<ConformerFields> => published(await openEngine());

async function open(): Promise<Refiner> {
  const [opened, fitted] = await Promise.all([openEngine(), readFitted()]), { tables, engine } = opened;
  return createRefiner({ ...published(opened), "mmff94-qm9": createMmff94(tables, engine, fitted) });
}

let opening: Promise<Refiner> | undefined;

/** This thread's refiner: opened when it is first asked for, once. */
export const openRefiner = (): Promise<Refiner> => opening ??= open();

/** A pool that refines where it is asked to, here and in workers. @throws RangeError as {@link createValidatorPool} */
export const createRefiningPool = (options: Omit<ValidatorPoolOptions, "refiner" | "open">): ValidatorPool =>
  createValidatorPool({
    ...options,
    refiner: openRefiner,
    open: () => openValidationWorker(new URL("./validation_worker.ts", import.meta.url)),
  });

/** An EGNN on the engine in WebAssembly, one worker a core. */
import type { StoredTensor } from "../../diffusion/safetensors.ts";
import type { BatchShape } from "../../diffusion/types.ts";
import { type Numbered, openAskedWorker } from "./asked_worker.ts";
import { coreThreads } from "./threads.ts";
import {
  checkArrays,
  createArguments,
  type EgnnArrays,
  type EgnnNetwork,
  type EgnnNetworkOptions,
  egnnSpecs,
} from "../../networks/egnn_network.ts";
import { flatten } from "./parameters.ts";
import { compileWasmEngine } from "./wasm_module.ts";

/** What a worker is asked. */
export type EgnnQuestion =
  | {
    readonly type: "open";
    readonly module: WebAssembly.Module;
    readonly options: EgnnNetworkOptions;
    readonly parameters: Float32Array;
  }
  | { readonly type: "run"; readonly nodes: EgnnArrays; readonly shape: BatchShape };

/** What it answers. */
export interface EgnnAnswer extends Numbered {
  readonly out?: EgnnArrays;
}

/** Nodes of a piece of work: one of the engine's tiles. */
const PIECE = 72;

/**
 * The workers take a batch piece by piece, so that none waits for a slower one; a molecule's results depend on it alone, so
 * who takes it changes nothing.
 *
 * @throws RangeError on sizes that the engine lacks and on parameters that do not fit; Error where memory runs out
 */
export async function createWasmEgnn(
  options: EgnnNetworkOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Promise<EgnnNetwork> {
  createArguments(options);
  const { inputs, outputs, workers: count = coreThreads() } = options;
  const flat = flatten(egnnSpecs(options), tensors, options.prefix), module = await compileWasmEngine();
  // Shared, so that a message to a worker copies nothing.
  const parameters = new Float32Array(new SharedArrayBuffer(flat.byteLength));
  parameters.set(flat);
  const workers = Array.from(
    { length: Math.max(1, count) },
    () => openAskedWorker<EgnnQuestion, EgnnAnswer>(new URL("./egnn_wasm_worker.ts", import.meta.url)),
  );
  const dispose = () => workers.forEach((worker) => worker.close());
  try {
    await Promise.all(workers.map((worker) => worker.ask({ type: "open", module, options, parameters })));
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    async run({ h, x }, shape) {
      checkArrays({ h, x }, shape, inputs);
      const { batch, nodes } = shape, row = (molecule: number) => molecule * nodes;
      const out = { h: new Float32Array(row(batch) * outputs), x: new Float32Array(x.length) };
      const each = Math.max(1, Math.min(Math.floor(PIECE / nodes), Math.ceil(batch / workers.length)));
      let next = 0;
      await Promise.all(workers.map(async (worker) => {
        while (next < batch) {
          const from = next, to = next = Math.min(from + each, batch);
          const part = { h: h.slice(row(from) * inputs, row(to) * inputs), x: x.slice(row(from) * 3, row(to) * 3) };
          const answer = await worker.ask({ type: "run", nodes: part, shape: { batch: to - from, nodes } }, [
            part.h.buffer as ArrayBuffer,
            part.x.buffer as ArrayBuffer,
          ]);
          out.h.set(answer.out!.h, row(from) * outputs);
          out.x.set(answer.out!.x, row(from) * 3);
        }
      }));
      return out;
    },
    dispose,
  };
}

/** An EGNN on the native engine: for machines with a C compiler. */
import pLimit from "p-limit";
import type { StoredTensor } from "../../diffusion/safetensors.ts";
import {
  checkArrays,
  createArguments,
  type EgnnNetwork,
  type EgnnNetworkOptions,
  egnnSpecs,
} from "../../networks/egnn_network.ts";
import { THREADS_MAX } from "./constants.ts";
import { coreThreads } from "./threads.ts";
import { openNativeLibrary } from "./native_library.ts";
import { flatten } from "./parameters.ts";

/**
 * Calls run off the event loop, one at a time.
 *
 * @param path the library; by default the one that is there, or is compiled
 * @throws RangeError on sizes that the engine lacks and on parameters that do not fit; Error where memory runs out or no
 * library can be built
 */
export function createNativeEgnn(
  options: EgnnNetworkOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
  path?: string,
): EgnnNetwork {
  const { inputs, outputs, prefix, workers: threads = coreThreads() } = options;
  const sizes = createArguments(options), parameters = flatten(egnnSpecs(options), tensors, prefix);
  const library = openNativeLibrary(path), c = library.symbols;
  const engine = c.molstep_egnn_create(...sizes, threads);
  if (engine === null) {
    library.close();
    throw new Error(`the native engine's threads must be 1 to ${THREADS_MAX}; got ${threads} (or memory ran out)`);
  }
  const count = Number(c.molstep_egnn_parameter_count(engine));
  if (count !== parameters.length) throw new Error(`the engine counts ${count} parameters, not ${parameters.length}`);
  c.molstep_egnn_load(engine, 0n, BigInt(count), parameters);
  const inTurn = pLimit(1);
  let closed = false;
  return {
    run({ h, x }, shape) {
      checkArrays({ h, x }, shape, inputs);
      const { batch, nodes } = shape,
        out = { h: new Float32Array(batch * nodes * outputs), x: new Float32Array(x.length) };
      return inTurn(async () => {
        if (closed) throw new Error("the engine was closed");
        const ok = await c.molstep_egnn_run(engine, nodes, batch, h, x, out.h, out.x);
        if (!ok) throw new Error("the native engine ran out of memory");
        return out;
      });
    },
    dispose() {
      if (closed) return;
      closed = true;
      // After the call that runs, if one does.
      inTurn(() => {
        c.molstep_egnn_free(engine);
        library.close();
      });
    },
  };
}

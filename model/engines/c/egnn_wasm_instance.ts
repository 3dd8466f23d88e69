/** One EGNN in one WebAssembly instance, on the calling thread. */
import type { BatchShape } from "../../diffusion/types.ts";
import {
  checkArrays,
  createArguments,
  type EgnnArrays,
  type EgnnNetworkOptions,
  egnnSpecs,
} from "../../networks/egnn_network.ts";

/** The functions of `src/egnn.h`; pointers are numbers. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  molstep_allocate(bytes: number): number;
  molstep_egnn_create(...sizes: number[]): number;
  molstep_egnn_parameter_count(engine: number): number;
  molstep_egnn_load(engine: number, from: number, count: number, parameters: number): void;
  molstep_egnn_run(
    engine: number,
    nodes: number,
    batch: number,
    h: number,
    x: number,
    hOut: number,
    xOut: number,
  ): number;
}

/** A network ready to run. */
export interface EgnnInstance {
  /** The results are copied out of the instance's memory. Throws RangeError where the arrays do not fit. */
  run(nodes: EgnnArrays, shape: BatchShape): EgnnArrays;
}

/**
 * Instantiates a compiled engine with a network's parameters.
 *
 * @param parameters flat, in storage order
 * @throws RangeError where sizes and parameters do not fit; Error where memory runs out
 */
export function createEgnnInstance(
  module: WebAssembly.Module,
  options: EgnnNetworkOptions,
  parameters: Float32Array,
): EgnnInstance {
  const c = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  const { inputs, outputs } = options, engine = c.molstep_egnn_create(...createArguments(options), 1);
  if (engine === 0) throw new Error("the engine has no memory for this network");
  const count = c.molstep_egnn_parameter_count(engine);
  if (parameters.length !== count) throw new RangeError(`parameters must be ${count}; got ${parameters.length}`);
  const view = (at: number, length: number) => new Float32Array(c.memory.buffer, at, length);
  let room = { floats: 0, at: 0 };
  const reserve = (floats: number): number => {
    if (floats > room.floats) {
      const at = c.molstep_allocate(floats * 4);
      if (at === 0) throw new Error(`the engine has no memory for ${floats} floats`);
      room = { floats, at };
    }
    return room.at;
  };
  // Tensor by tensor, so that there is never a second copy of the whole network.
  let from = 0;
  for (const { shape } of egnnSpecs(options)) {
    const floats = shape.reduce((product, size) => product * size, 1), at = reserve(floats);
    view(at, floats).set(parameters.subarray(from, from + floats));
    c.molstep_egnn_load(engine, from, floats, at);
    from += floats;
  }
  return {
    run({ h, x }, shape) {
      checkArrays({ h, x }, shape, inputs);
      const { batch, nodes } = shape, rows = batch * nodes;
      const ph = reserve(rows * (inputs + outputs + 6)), px = ph + 4 * rows * inputs;
      const qh = px + 4 * rows * 3, qx = qh + 4 * rows * outputs;
      view(ph, h.length).set(h);
      view(px, x.length).set(x);
      if (!c.molstep_egnn_run(engine, nodes, batch, ph, px, qh, qx)) throw new Error("the engine ran out of memory");
      return { h: view(qh, rows * outputs).slice(), x: view(qx, rows * 3).slice() };
    },
  };
}

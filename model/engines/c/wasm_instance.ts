/** One network in one WebAssembly instance, on the calling thread. */
import { checkLatents, latentLength } from "../../diffusion/latent.ts";
import { type PairAttentionSizes, toldRows } from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { ARRAYS } from "./constants.ts";
import { type Here, unaligned } from "./here.ts";

/** The functions of `src/engine.c` that the WebAssembly builds export; pointers are numbers. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  molstep_create(
    width: number,
    blocks: number,
    vectors: number,
    scalars: number,
    pairs: number,
    levels: number,
    estimates: number,
    threads: number,
    train: number,
    kernel: number,
  ): number;
  molstep_parameter_count(engine: number): number;
  molstep_array(engine: number, which: number): number;
  molstep_allocate(bytes: number): number;
  molstep_refresh(engine: number): void;
  molstep_predict(
    engine: number,
    nodes: number,
    batch: number,
    z: number,
    times: number,
    alpha: number,
    sigma: number,
    without: number,
    out: number,
    weak: number,
  ): number;
  molstep_align(
    nodes: number,
    batch: number,
    width: number,
    length: number,
    alpha: number,
    z: number,
    x0: number,
  ): number;
}

/**
 * Instantiates a compiled engine with a network's parameters.
 *
 * @param parameters flat, in storage order
 * @throws RangeError where sizes and parameters do not fit; Error where memory runs out
 */
export function createWasmInstance(
  module: WebAssembly.Module,
  space: LatentSpace,
  { width, blocks, estimates = false, ...told }: PairAttentionSizes,
  parameters: Float32Array,
): Here {
  const c = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  const engine = c.molstep_create(
    width,
    blocks,
    space.vectors,
    space.scalars,
    space.pairs,
    toldRows(told),
    Number(estimates),
    1,
    0,
    0,
  );
  if (engine === 0) {
    throw new RangeError(`no engine for width ${width}, ${blocks} blocks, ${JSON.stringify(space)}, or no memory`);
  }
  const count = c.molstep_parameter_count(engine);
  if (parameters.length !== count) {
    throw new RangeError(`parameters must be ${count}; got ${parameters.length}`);
  }
  const view = (at: number, length: number) => new Float32Array(c.memory.buffer, at, length);
  view(c.molstep_array(engine, ARRAYS.parameters), count).set(parameters);
  c.molstep_refresh(engine);
  let room = { floats: 0, at: 0 };
  /** Copies arrays into the instance's memory, one after another; their places, and that of `more` floats after them. */
  const place = (arrays: readonly Float32Array[], more = 0): number[] => {
    const floats = arrays.reduce((sum, { length }) => sum + length, more);
    if (floats > room.floats) {
      const at = c.molstep_allocate(floats * 4);
      if (at === 0) throw new Error(`the engine has no memory for ${floats} floats`);
      room = { floats, at };
    }
    let at = room.at;
    const places = arrays.map((values) => {
      view(at, values.length).set(values);
      const placed = at;
      at += values.length * 4;
      return placed;
    });
    return [...places, at];
  };
  return {
    /** The estimates are copied out of the instance's memory. */
    predict(z, { batch, nodes }, { features, alpha, sigma, without = -1 }, weak) {
      checkLatents(z, space, { batch, nodes });
      const [pz, pt, pa, ps, out] = place([z, features, alpha, sigma], weak ? 2 * z.length : z.length);
      const other = weak ? out + 4 * z.length : 0;
      if (!c.molstep_predict(engine, nodes, batch, pz, pt, pa, ps, without, out, other)) {
        throw new Error("the engine ran out of memory");
      }
      weak?.set(view(other, z.length));
      return view(out, z.length).slice();
    },
    realign(z, x0, { batch, nodes }, alpha) {
      const width = 3 * space.vectors + space.scalars, [pz, px] = place([z, x0]);
      if (!c.molstep_align(nodes, batch, width, latentLength(space, nodes), alpha, pz, px)) throw unaligned(nodes);
      z.set(view(pz, z.length));
    },
  };
}

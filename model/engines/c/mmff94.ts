/**
 * MMFF94 on the C engine, of whichever variant, with charges or without: energies, gradients, and minimisation by L-BFGS of molecules whose terms `chem/mmff94/force_field.ts` looked up. A molecule's
 * results depend on it alone: not on company, and not on threads; between builds they agree to rounding.
 *
 * Both builds have the same interface, which works on the calling thread: for workers, and for a molecule at a time. The native one can also be
 * asked for a batch on threads of its own (`minimiseAll`), which holds no thread of JavaScript.
 */
import type { ForceField } from "../../../chem/mmff94/force_field.ts";
import { type NativeLibrary, openNativeLibrary } from "./native_library.ts";
import { coreThreads } from "./threads.ts";

/** The energies that are told apart, in the engine's order. */
export const ENERGIES = ["bonds", "angles", "stretchBends", "planes", "torsions", "pairs", "charges"] as const;

/** Energies by term, kcal/mol. */
export type Energies = Readonly<Record<typeof ENERGIES[number], number>>;

/** A molecule to be minimised. */
export interface Placed {
  readonly field: ForceField;
  /** Angstrom, `[atoms, 3]`. */
  readonly positions: ArrayLike<number>;
}

/** When to stop. */
export interface MinimiseOptions {
  /** Most iterations. Default 100. */
  readonly iterations?: number;
  /** Root mean square of the gradient, kcal/mol/angstrom, at which a molecule is done. Default 0.01. */
  readonly tolerance?: number;
  /** Holds atoms to where they were given, kcal/mol/angstrom^2; no energy that is told counts it. Default 0. */
  readonly hold?: number;
  /** The first so many atoms of each molecule stay where they are. Default 0. */
  readonly frozen?: number;
}

/** A molecule that has been minimised. */
export interface Minimised {
  /** Angstrom, `[atoms, 3]`. */
  readonly positions: Float64Array;
  /** All energies, kcal/mol; no number where the molecule had none, and stays as it was. */
  readonly before: number;
  readonly after: number;
  readonly energies: Energies;
  /** Iterations done; -1 where the molecule had no energy. */
  readonly iterations: number;
}

/** An energy with its gradient. */
export interface Slope {
  readonly energies: Energies;
  /** kcal/mol/angstrom, `[atoms, 3]` */
  readonly gradient: Float64Array;
}

/** The engine on the calling thread. */
export interface Mmff94 {
  /** @throws RangeError for positions that do not match the atoms; Error where memory runs out */
  minimise(molecules: readonly Placed[], options?: MinimiseOptions): Minimised[];
  /** Of one molecule where it stands. Throws as `minimise`. */
  slope(molecule: Placed): Slope;
}

/** The native engine, which has threads of its own. */
export interface NativeMmff94 extends Mmff94 {
  /** The same, on the engine's threads. */
  minimiseAll(
    molecules: readonly Placed[],
    options?: MinimiseOptions & { readonly threads?: number },
  ): Promise<Minimised[]>;
}

/** What is told of a batch, in flat arrays. */
interface Batch {
  readonly counts: Int32Array;
  readonly indices: Int32Array;
  readonly constants: Float64Array;
  readonly positions: Float64Array;
  readonly energies: Float64Array;
  readonly done: Int32Array;
}

const WIDTH = 1 + ENERGIES.length;

function join<Numbers extends Int32Array | Float64Array>(
  make: (length: number) => Numbers,
  parts: readonly ArrayLike<number>[],
): Numbers {
  const all = make(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function batchOf(molecules: readonly Placed[]): Batch {
  for (const { field, positions } of molecules) {
    if (positions.length !== 3 * field.atoms) {
      throw new RangeError(`positions must be ${3 * field.atoms} numbers; got ${positions.length}`);
    }
  }
  const fields = molecules.map(({ field }) => field);
  const whole = (length: number) => new Int32Array(length), real = (length: number) => new Float64Array(length);
  return {
    counts: join(whole, fields.map(({ counts }) => counts)),
    indices: join(whole, fields.map(({ indices }) => indices)),
    constants: join(real, fields.map(({ constants }) => constants)),
    positions: join(real, molecules.map(({ positions }) => positions)),
    energies: real(WIDTH * molecules.length),
    done: whole(molecules.length),
  };
}

const energiesOf = (values: Float64Array): Energies =>
  Object.fromEntries(ENERGIES.map((name, k) => [name, values[k]])) as Record<typeof ENERGIES[number], number>;

function minimisedOf(molecules: readonly Placed[], { positions, energies, done }: Batch): Minimised[] {
  let at = 0;
  return molecules.map(({ field }, k) => {
    const terms = energies.subarray(k * WIDTH + 1, (k + 1) * WIDTH);
    return {
      positions: positions.slice(at, at += 3 * field.atoms),
      before: energies[k * WIDTH],
      after: terms.reduce((sum, energy) => sum + energy, 0),
      energies: energiesOf(terms),
      iterations: done[k],
    };
  });
}

/** Iterations, tolerance, hold and frozen atoms. */
type Limits = [number, number, number, number];

/** Limits as they are told. @throws RangeError for those that are none */
function limitsOf({ iterations = 100, tolerance = 0.01, hold = 0, frozen = 0 }: MinimiseOptions): Limits {
  if (!(Number.isInteger(iterations) && iterations >= 0)) {
    throw new RangeError(`iterations must be a whole number from 0; got ${iterations}`);
  }
  if (!(tolerance >= 0)) throw new RangeError(`tolerance must be 0 or more; got ${tolerance}`);
  if (!(hold >= 0)) throw new RangeError(`hold must be 0 or more; got ${hold}`);
  if (!(Number.isInteger(frozen) && frozen >= 0)) {
    throw new RangeError(`frozen must be a whole number from 0; got ${frozen}`);
  }
  return [iterations, tolerance, hold, frozen];
}

const memoryOut = () => new Error("the engine ran out of memory");

/** A view as the FFI takes it: one of no numbers has no address. */
const bytes = ({ buffer, byteLength }: Int32Array | Float64Array) =>
  byteLength > 0 ? new Uint8Array(buffer as ArrayBuffer) : null;

/** On the native library; default the one of this machine, which is built where it is not there. */
export function openNativeMmff94(library: NativeLibrary = openNativeLibrary()): NativeMmff94 {
  const { symbols } = library;
  const numbers = ({ counts, indices, constants, positions, energies, done }: Batch) =>
    [bytes(counts), bytes(indices), bytes(constants), bytes(positions), bytes(energies), bytes(done)] as const;
  return {
    minimise(molecules, options = {}) {
      const batch = batchOf(molecules), limits = limitsOf(options);
      if (!symbols.molstep_mmff_minimise_on(molecules.length, ...limits, ...numbers(batch))) throw memoryOut();
      return minimisedOf(molecules, batch);
    },
    async minimiseAll(molecules, { threads = coreThreads(), ...options } = {}) {
      const batch = batchOf(molecules), limits = limitsOf(options);
      const ok = await symbols.molstep_mmff_minimise(threads, molecules.length, ...limits, ...numbers(batch));
      if (!ok) throw memoryOut();
      return minimisedOf(molecules, batch);
    },
    slope(molecule) {
      const { counts, indices, constants, positions, energies } = batchOf([molecule]);
      const gradient = new Float64Array(positions.length);
      const given = [counts, indices, constants, positions, energies, gradient].map(bytes);
      const [c, i, k, p, e, g] = given;
      if (!symbols.molstep_mmff_gradient(c, i, k, p, e, g)) throw memoryOut();
      return { energies: energiesOf(energies), gradient };
    },
  };
}

/** What the WebAssembly builds export of it; pointers are numbers. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  molstep_allocate(bytes: number): number;
  molstep_mmff_minimise_on(
    batch: number,
    iterations: number,
    tolerance: number,
    hold: number,
    frozen: number,
    ...places: number[]
  ): number;
  molstep_mmff_gradient(...places: number[]): number;
}

/** Bytes that a batch's memory grows to at first, and what its arrays begin at multiples of. */
const ROOM = 1 << 16, ALIGN = 8;

/** On an instance of its own of a compiled WebAssembly build (`compileWasmEngine`). */
export function openWasmMmff94(module: WebAssembly.Module): Mmff94 {
  const c = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  let room = { bytes: 0, at: 0 };
  /** Copies arrays into the instance's memory, one after another. */
  const place = (arrays: readonly (Int32Array | Float64Array)[]): number[] => {
    const sizes = arrays.map(({ byteLength }) => Math.ceil(byteLength / ALIGN) * ALIGN);
    const need = sizes.reduce((sum, size) => sum + size, 0);
    if (need > room.bytes) {
      const fresh = Math.max(ROOM, 2 * need), at = c.molstep_allocate(fresh);
      if (at === 0) throw memoryOut();
      room = { bytes: fresh, at };
    }
    let at = room.at;
    return arrays.map((values, k) => {
      new Uint8Array(c.memory.buffer, at, values.byteLength)
        .set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      at += sizes[k];
      return at - sizes[k];
    });
  };
  /** Copies an array back. */
  const fetch = (values: Int32Array | Float64Array, at: number) =>
    new Uint8Array(values.buffer).set(new Uint8Array(c.memory.buffer, at, values.byteLength));
  return {
    minimise(molecules, options = {}) {
      const batch = batchOf(molecules), limits = limitsOf(options);
      const { counts, indices, constants, positions, energies, done } = batch;
      const places = place([counts, indices, constants, positions, energies, done]);
      if (!c.molstep_mmff_minimise_on(molecules.length, ...limits, ...places)) throw memoryOut();
      [positions, energies, done].forEach((values, k) => fetch(values, places[3 + k]));
      return minimisedOf(molecules, batch);
    },
    slope(molecule) {
      const { counts, indices, constants, positions, energies } = batchOf([molecule]);
      const gradient = new Float64Array(positions.length);
      const places = place([counts, indices, constants, positions, energies, gradient]);
      if (!c.molstep_mmff_gradient(...places)) throw memoryOut();
      [energies, gradient].forEach((values, k) => fetch(values, places[4 + k]));
      return { energies: energiesOf(energies), gradient };
    },
  };
}

/** Training of the pair-attention denoiser on the native engine, behind the learner's port. */
import { initialise } from "../pair_attention/denoiser.ts";
import { type PairAttentionSizes, type ParameterSpec } from "../pair_attention/parameters.ts";
import type { Group, Learner, Losses, Rates, State } from "../training/learner.ts";
import type { LatentSpace } from "../types.ts";
import { timesOf } from "./inputs.ts";
import { createNativeEngine, type EngineLosses } from "./native_engine.ts";
import type { NativeLibrary } from "./native_library.ts";
import { flatten, unflatten } from "./parameters.ts";

/** Sizes, seed of the first values, threads. */
export interface NativeLearnerOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly seed: number;
  /** First values in place of random ones. */
  readonly values?: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  readonly threads?: number;
  readonly library?: NativeLibrary;
}

function summed(losses: EngineLosses): Losses {
  return { total: losses.positions + losses.scalars + losses.bonds, parts: { ...losses } };
}

/** Which state tensors a parameter has: Muon's momentum, or Adam's two moments. */
const ofMuon = (spec: ParameterSpec) => spec.optimiser === "muon";
const ofAdam = (spec: ParameterSpec) => spec.optimiser === "adamw";

/** Throws as `createNativeEngine`. */
export function createNativeLearner(options: NativeLearnerOptions): Learner {
  const engine = createNativeEngine({ ...options, train: true });
  const first = flatten(engine.specs, options.values ?? initialise(options.space, options.sizes, options.seed));
  let updates = 0;
  engine.array("parameters").set(first);
  engine.array("ema").set(first);
  engine.refresh();

  /** Copies the named tensors of a state into a flat array, leaving other parameters' places as they are. */
  const read = (state: State, prefix: string, into: Float32Array, which: (spec: ParameterSpec) => boolean) => {
    let at = 0;
    for (const spec of engine.specs) {
      const size = spec.shape.reduce((a, b) => a * b, 1);
      if (which(spec)) into.set(flatten([spec], state.tensors, prefix), at);
      at += size;
    }
  };
  const write = (prefix: string, from: Float32Array, which: (spec: ParameterSpec) => boolean) =>
    [...unflatten(engine.specs, from, prefix)].filter((_, k) => which(engine.specs[k]));

  return {
    backend: "native",
    async update(groups: Group[], { muon, adamw, emaDecay, clip }: Rates) {
      const losses = summed(await engine.gradient(groups));
      if (!Number.isFinite(losses.total)) return losses;
      const norm = await engine.update(updates + 1, { muon, adamw, emaDecay, clip });
      if (!Number.isFinite(norm)) return { ...losses, total: NaN };
      updates++;
      return losses;
    },
    async loss(groups: Group[], which) {
      if (which === "params") return summed(await engine.gradient(groups));
      const parameters = engine.array("parameters"), kept = parameters.slice();
      parameters.set(engine.array("ema"));
      engine.refresh();
      try {
        return summed(await engine.gradient(groups));
      } finally {
        parameters.set(kept);
        engine.refresh();
      }
    },
    predict: ({ shape, z, t, steps, alpha, sigma }) =>
      engine.predict(z, shape, { times: timesOf([{ t, steps }], options.sizes.levels ?? 0), alpha, sigma }),
    state() {
      const all = () => true;
      return Promise.resolve({
        tensors: new Map([
          ...write("params/", engine.array("parameters"), all),
          ...write("ema/", engine.array("ema"), all),
          ...write("momentum/", engine.array("first"), ofMuon),
          ...write("first/", engine.array("first"), ofAdam),
          ...write("second/", engine.array("second"), ofAdam),
          ["updates", { shape: [1], data: new Float32Array([updates]) }],
        ]),
      });
    },
    async restore(state) {
      const done = state.tensors.get("updates");
      if (!done) throw new RangeError("a state with `updates` asked, none given");
      const parameters = flatten(engine.specs, state.tensors, "params/");
      const ema = flatten(engine.specs, state.tensors, "ema/");
      read(state, "momentum/", engine.array("first"), ofMuon);
      read(state, "first/", engine.array("first"), ofAdam);
      read(state, "second/", engine.array("second"), ofAdam);
      engine.array("parameters").set(parameters);
      engine.array("ema").set(ema);
      updates = done.data[0];
      await Promise.resolve();
      engine.refresh();
    },
    dispose: () => engine.dispose(),
  };
}

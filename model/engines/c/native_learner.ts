/** Training of the pair-attention denoiser on the native engine, behind the learner's port. */
import { initialise } from "../../networks/pair_attention/denoiser.ts";
import type { PairAttentionSizes } from "../../networks/pair_attention/parameters.ts";
import { flatStateOf, stateOf } from "../tensorflow/flat_state.ts";
import { type Group, type Learner, type Losses, needMolecules, type Rates } from "../../diffusion/learner.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { rowsOf } from "../../networks/pair_attention/conditions.ts";
import { createNativeEngine, type EngineLosses } from "./native_engine.ts";
import { backendOf, type PrecisionChoice } from "../runtimes.ts";
import type { Kernel } from "./kernels.ts";
import { flatten } from "./parameters.ts";

/** Sizes, seed of the first values, threads. */
export interface NativeLearnerOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly seed: number;
  /** First values in place of random ones. */
  readonly values?: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  readonly threads?: number;
  /** Of the factors of large products. Default `f32`. */
  readonly precision?: PrecisionChoice;
}

/** The engine's arrays that are a state. */
const ARRAYS = ["parameters", "ema", "first", "second"] as const;

function summed(losses: EngineLosses): Losses {
  return { total: losses.positions + losses.scalars + losses.bonds, parts: { ...losses } };
}

/** Throws as `createNativeEngine`. */
export function createNativeLearner(options: NativeLearnerOptions): Learner & { readonly kernel: Kernel } {
  const engine = createNativeEngine({ ...options, train: true });
  const first = flatten(engine.specs, options.values ?? initialise(options.space, options.sizes, options.seed));
  let updates = 0;
  engine.array("parameters").set(first);
  engine.array("ema").set(first);
  engine.refresh();
  /** An update along the gradient that the engine holds. Its norm; where that is not finite, nothing changes. */
  const move = async ({ muon, adamw, emaDecay, clip }: Rates) => {
    const norm = await engine.update(updates + 1, { muon, adamw, emaDecay, clip });
    if (Number.isFinite(norm)) updates++;
    return norm;
  };

  const { kernel } = engine;
  return {
    kernel,
    backend: backendOf("native", kernel.precision, kernel.name),
    async update(groups: Group[], rates: Rates) {
      const losses = summed(await engine.gradient(groups));
      if (!Number.isFinite(losses.total)) return losses;
      return Number.isFinite(await move(rates)) ? losses : { ...losses, total: NaN };
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
    predict: ({ shape, z, ...at }, which) => engine.predict(z, shape, rowsOf(at, options.sizes), which),
    async step(groups, rates) {
      needMolecules(groups);
      await engine.gradientAt(groups);
      return await move(rates);
    },
    inputGradient: (judged) => engine.inputGradient(judged),
    state() {
      const [parameters, ema, first, second] = ARRAYS.map((name) => engine.array(name));
      return Promise.resolve(stateOf(engine.specs, { parameters, ema, first, second, updates }));
    },
    async restore(state) {
      const flat = flatStateOf(engine.specs, state);
      for (const name of ARRAYS) engine.array(name).set(flat[name]);
      updates = flat.updates;
      await Promise.resolve();
      engine.refresh();
    },
    dispose: () => engine.dispose(),
  };
}

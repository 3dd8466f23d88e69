/** The learner of a pair-attention run, on the best thing that works here. */
import { openBackend } from "./tensorflow/open.ts";
import { type BackendName, BACKENDS } from "./tensorflow/types.ts";
import type { Gpu } from "./webgpu/device.ts";
import { initialise, pairAttentionEstimate, pairAttentionLoss } from "../networks/pair_attention/denoiser.ts";
import { pairAttentionParameters, type PairAttentionSizes } from "../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../diffusion/types.ts";
import type { Group, Learner } from "../diffusion/learner.ts";
import type { PrecisionChoice } from "./runtimes.ts";
import { UnknownKernelError } from "./c/kernels.ts";
import { createTensorflowLearner } from "./tensorflow/tensorflow_learner.ts";

/** Where a run may compute: `native` is the C engine, `webgpu` the engine in WGSL, the others TensorFlow.js. */
export const TRAINERS = ["auto", "native", ...BACKENDS] as const;

/** One of {@link TRAINERS}. */
export type Trainer = typeof TRAINERS[number];

/** Values of parameters by name. */
export type FirstValues = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** What to train. */
export interface LearnerSetup {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly seed: number;
  /** First values of the parameters in place of random ones. */
  readonly values?: FirstValues;
  /** Threads of the native engine; all cores where absent. */
  readonly threads?: number;
  /** Of the factors of large products: `auto` is the fastest of the processor. Default `f32`, the only one that all but `native` train in. */
  readonly precision?: PrecisionChoice;
  /** Gives the GPU that networks share, for each to close; each opens its own where absent. */
  readonly openGpu?: () => Promise<Gpu>;
}

/** A learner, and why this one. */
type Opened = { readonly learner: Learner; readonly why: string };

/** What opens a learner of our own. `software`: whether a GPU that computes on the CPU will do. Throws RangeError on a network that it lacks. */
type Open = (setup: LearnerSetup, software: boolean) => Promise<Opened>;

/** Learners of our own that stand before TensorFlow.js's of the same name, which takes what they lack. */
const OWN: { readonly [name in BackendName]?: () => Promise<Open> } = {
  webgpu: async () => (await import("./webgpu/training/learner.ts")).openGpuLearner,
};

/** Why a backend does not train in a precision; undefined where it may. */
export function lackingTraining(choice: Trainer, precision: PrecisionChoice): string | undefined {
  if (precision === "auto" || precision === "f32" || choice === "auto" || choice === "native") return undefined;
  return `training in ${precision} needs the backend native; ${choice} trains in f32`;
}

async function openNamed(name: Exclude<Trainer, "auto">, setup: LearnerSetup, auto = false): Promise<Opened> {
  const { space, sizes, seed, values, threads, precision = "f32" } = setup;
  if (name === "native") {
    const { createNativeLearner } = await import("./c/native_learner.ts");
    const learner = createNativeLearner({ space, sizes, seed, values, threads, precision });
    return { learner, why: `the native engine, products ${learner.kernel.name}` };
  }
  let lacking = "";
  if (name === "webgpu") {
    const lack = auto && await (await import("./webgpu/device.ts")).lackingAdapter();
    if (lack) throw new Error(lack);
  }
  const open = await OWN[name]?.();
  if (open) {
    try {
      return await open(setup, !auto);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      lacking = `; the engine lacks it: ${error.message}`;
    }
  }
  const { tf, why } = await openBackend(name);
  const learner = createTensorflowLearner<Group>(tf, {
    backend: name,
    specs: pairAttentionParameters(space, sizes),
    values: values ?? initialise(space, sizes, seed),
    loss: (params, group) => pairAttentionLoss(tf, space, sizes, params, group),
    estimate: (params, asked, z) => pairAttentionEstimate(tf, space, sizes, params, asked, z),
  });
  return { learner, why: why + lacking };
}

/**
 * Opens a learner. `webgpu` is the engine in WGSL, and TensorFlow.js where that lacks a network of these sizes.
 *
 * @param choice `auto` tries webgpu (not on a software adapter), native, tensorflow and cpu in this order, those of them that train in the
 * precision asked for
 * @returns the learner, and why this one
 * @throws RangeError for an unknown name, or a precision that the named one does not train in; Error where it does not work here
 */
export async function openLearner(choice: Trainer, setup: LearnerSetup): Promise<Opened> {
  if (!TRAINERS.includes(choice)) {
    throw new RangeError(`a trainer is one of ${TRAINERS.join(", ")}; got ${JSON.stringify(choice)}`);
  }
  const { precision = "f32" } = setup, unfit = lackingTraining(choice, precision);
  if (unfit) throw new RangeError(unfit);
  if (choice !== "auto") return await openNamed(choice, setup);
  const passed: string[] = [];
  for (const name of ["webgpu", "native", "tensorflow", "cpu"] as const) {
    if (lackingTraining(name, precision)) continue;
    try {
      const { learner, why } = await openNamed(name, setup, true);
      return { learner, why: [why, ...passed].join("; not ") };
    } catch (error) {
      if (error instanceof UnknownKernelError) throw error;
      passed.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const what = precision === "auto" || precision === "f32" ? "train" : `train in ${precision}`;
  throw new Error(`nothing can ${what} here; ${passed.join("; ")}`);
}

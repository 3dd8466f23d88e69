/** Training of the pair-attention denoiser on the GPU, by kernels of its own in WGSL, behind the learner's port. */
import { flatten } from "../../engine/parameters.ts";
import { initialise } from "../../pair_attention/denoiser.ts";
import { pairAttentionParameters, type PairAttentionSizes } from "../../pair_attention/parameters.ts";
import { flatStateOf, stateOf } from "../../training/flat_state.ts";
import type { Learner, Losses } from "../../training/learner.ts";
import type { LatentSpace } from "../../types.ts";
import { type Gpu, openGpu } from "../device.ts";
import { createTrainingEngine, type LossValues } from "./engine.ts";

/** Sizes, seed of the first values, device. */
export interface GpuLearnerOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly seed: number;
  /** First values in place of random ones. */
  readonly values?: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** An open device, which the learner does not close; one of its own where absent. */
  readonly gpu?: Gpu;
  /** Whether an adapter that computes on the CPU will do. Default false. */
  readonly software?: boolean;
  /**
   * Updates that may be under way when `update` resolves. Default 2, so that the device never waits for the next batch: `update` then
   * resolves with the losses of the update that was finished last, and what is no number is told so much later. With 0 it
   * waits for its own. The weights are the same either way.
   */
  readonly ahead?: number;
}

const summed = ([positions, scalars, bonds]: LossValues): Losses => ({
  total: positions + scalars + bonds,
  parts: { positions, scalars, bonds },
});

/**
 * Opens the GPU, where it is not given, and puts a network on it.
 *
 * @throws Error where there is no GPU, or one in software and that was not asked for; RangeError on sizes that the kernels lack
 */
export async function createGpuLearner(options: GpuLearnerOptions): Promise<Learner> {
  const { space, sizes, seed, ahead = 2 } = options;
  if (!(Number.isInteger(ahead) && ahead >= 0)) throw new RangeError(`ahead must be at least 0, ${ahead} given`);
  const specs = pairAttentionParameters(space, sizes);
  const first = flatten(specs, options.values ?? initialise(space, sizes, seed));
  const gpu = options.gpu ?? await openGpu({ software: options.software });
  const close = () => options.gpu ?? gpu.close();
  const engine = await createTrainingEngine(gpu, { space, sizes }, first).catch((error) => {
    close();
    throw error;
  });
  /** Losses of updates that may still be under way, oldest first; of the last that is known to be done. */
  let pending: Promise<LossValues>[] = [], latest: Losses | undefined;
  return {
    backend: "webgpu",
    async update(groups, rates) {
      pending.push((await engine.update(groups, rates)).losses);
      while (pending.length > ahead || (!latest && pending.length > 0)) latest = summed(await pending.shift()!);
      return latest!;
    },
    loss: async (groups, which) => summed(await engine.losses(groups, which)),
    predict: (asked) => engine.predict(asked),
    state: async () => stateOf(specs, await engine.read()),
    async restore(state) {
      const { updates, ...arrays } = flatStateOf(specs, state);
      await engine.write(arrays, updates);
      pending = [], latest = undefined;
    },
    dispose() {
      engine.dispose();
      close();
    },
  };
}

/** Training of the pair-attention denoiser on the GPU, by kernels of its own in WGSL, behind the learner's port. */
import { flatten } from "../../c/parameters.ts";
import { initialise } from "../../../networks/pair_attention/denoiser.ts";
import { pairAttentionParameters, type PairAttentionSizes } from "../../../networks/pair_attention/parameters.ts";
import { flatStateOf, stateOf } from "../../tensorflow/flat_state.ts";
import type { Learner, Losses } from "../../../diffusion/learner.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { createSharedGpu, type Gpu, openGpu, wordsOf } from "../device.ts";
import { createTrainingEngine, type LossValues, MOST_UPDATES } from "./engine.ts";

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
   * Most updates that are submitted before anything is read back, as reading waits for the device and stops whatever else the process
   * does; less where they take more than a tenth of a second. `update` resolves with the mean losses of the last updates that were
   * read, and what is no number is told so much later. With 0 it waits for its own. The weights are the same either way.
   */
  readonly ahead?: number;
}

/** Milliseconds of updates between two readings. */
const READING = 100;

/** Means of updates' losses, NaN where one of them is. */
function meanOf(updates: readonly LossValues[]): Losses {
  const mean = (k: number) => updates.reduce((sum, losses) => sum + losses[k], 0) / updates.length;
  const [positions, scalars, bonds] = [mean(0), mean(1), mean(2)];
  return { total: positions + scalars + bonds, parts: { positions, scalars, bonds } };
}

/**
 * Opens the GPU, where it is not given, and puts a network on it.
 *
 * @throws Error where there is no GPU, or one in software and that was not asked for; RangeError on sizes that the kernels lack
 */
export async function createGpuLearner(options: GpuLearnerOptions): Promise<Learner> {
  const { space, sizes, seed, ahead = 15 } = options;
  if (!(Number.isInteger(ahead) && ahead >= 0 && ahead < MOST_UPDATES)) {
    throw new RangeError(`ahead must be 0 to ${MOST_UPDATES - 1}; got ${ahead}`);
  }
  const specs = pairAttentionParameters(space, sizes);
  const first = flatten(specs, options.values ?? initialise(space, sizes, seed));
  const gpu = options.gpu ?? await openGpu({ software: options.software });
  const close = () => options.gpu ?? gpu.close();
  const engine = await createTrainingEngine(gpu, { space, sizes }, first).catch((error) => {
    close();
    throw error;
  });
  /** Updates since the last reading, when the first of them began, and how many there may be. */
  let since = 0, began = 0, most = 1;
  /** The last reading, which may not be done, and what the last that is done told. */
  let reading: Promise<void> | undefined, latest: Losses | undefined;
  const read = (updates: number, start: number) =>
    engine.told().then((told) => {
      latest = meanOf(told);
      const each = (performance.now() - start) / updates;
      most = Math.min(ahead + 1, Math.max(1, Math.floor(READING / each)));
    });
  return {
    backend: "webgpu",
    async update(groups, rates) {
      if (since === 0) began = performance.now();
      await engine.update(groups, rates);
      if (++since >= most) {
        await reading; // so no more than two readings are under way
        reading = read(since, began);
        reading.catch(() => {}); // whoever awaits it hears of it
        since = 0;
        if (!latest || ahead === 0) await reading;
      }
      return latest!;
    },
    loss: async (groups, which) => meanOf([await engine.losses(groups, which)]),
    predict: (asked, which) => engine.predict(asked, which),
    // deno-lint-ignore require-await -- what is wrong with the groups is to reject
    step: async (groups, rates) => engine.step(groups, rates),
    state: async () => stateOf(specs, await engine.read()),
    async restore(state) {
      const { updates, ...arrays } = flatStateOf(specs, state);
      await engine.write(arrays, updates);
      await engine.told(); // of updates of the weights before
      since = 0, most = 1, reading = latest = undefined;
    },
    dispose() {
      engine.dispose();
      close();
    },
  };
}

/** What `openLearner` tells of a network to train. */
export interface GpuLearnerSetup extends Pick<GpuLearnerOptions, "space" | "sizes" | "seed" | "values"> {
  /** Gives the GPU that networks share; one of its own where absent. */
  readonly openGpu?: () => Promise<Gpu>;
}

/**
 * A learner on a GPU, which goes with it, and what that is in words: all that the rest of the house takes from this folder.
 *
 * @param software whether an adapter that computes on the CPU will do
 * @throws as {@link createGpuLearner}
 */
export async function openGpuLearner(
  { openGpu, ...setup }: GpuLearnerSetup,
  software: boolean,
): Promise<{ learner: Learner; why: string }> {
  const gpu = await (openGpu ?? createSharedGpu({ software }))();
  try {
    const { space, sizes, seed, values } = setup, learner = await createGpuLearner({ space, sizes, seed, values, gpu });
    const dispose = () => {
      learner.dispose();
      gpu.close();
    };
    return { learner: { ...learner, dispose }, why: wordsOf(gpu) };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

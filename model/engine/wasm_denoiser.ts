/** The embedded default: the engine in WebAssembly, one worker a core. */
import { checkLatents, latentLength } from "../latent.ts";
import { pairAttentionParameters, type PairAttentionSizes } from "../pair_attention/parameters.ts";
import type { StoredTensor } from "../safetensors.ts";
import type { BatchShape, Denoiser, LatentSpace, Schedule } from "../types.ts";
import { type Numbered, openAskedWorker } from "./asked_worker.ts";
import { type TimeRows, timeRows } from "./inputs.ts";
import { flatten } from "./parameters.ts";
import { compileWasmEngine } from "./wasm_module.ts";

/** What a worker is asked. */
export type Question =
  & { readonly id: number }
  & (
    | {
      readonly type: "open";
      readonly module: WebAssembly.Module;
      readonly space: LatentSpace;
      readonly sizes: PairAttentionSizes;
      readonly parameters: Float32Array;
    }
    | { readonly type: "predict"; readonly z: Float32Array; readonly shape: BatchShape; readonly rows: TimeRows }
  );

/** What it answers. */
export interface Answer extends Numbered {
  readonly x0?: Float32Array;
}

type Request = Question extends infer Q ? Q extends unknown ? Omit<Q, "id"> : never : never;

const openWorker = () => openAskedWorker<Request, Answer>(new URL("./wasm_worker.ts", import.meta.url));

/** What an engine is made of. */
export interface EngineOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  readonly schedule: Schedule;
  /** Workers; the machine's cores where absent. */
  readonly workers?: number;
}

/** Molecules from `from` to `to` of a batch. */
function slice(
  { batch, nodes }: BatchShape,
  space: LatentSpace,
  z: Float32Array,
  rows: TimeRows,
  share: number,
  shares: number,
) {
  const from = Math.floor(batch * share / shares), to = Math.floor(batch * (share + 1) / shares);
  const length = latentLength(space, nodes), features = rows.times.length / batch;
  return {
    from,
    shape: { batch: to - from, nodes },
    z: z.slice(from * length, to * length),
    rows: {
      times: rows.times.slice(from * features, to * features),
      alpha: rows.alpha.slice(from, to),
      sigma: rows.sigma.slice(from, to),
    },
  };
}

/**
 * The pair-attention denoiser on the WebAssembly engine. A batch is divided among the workers; an estimate depends on its
 * own molecule alone, so how it is divided changes nothing.
 */
export async function createWasmDenoiser(
  { space, sizes, schedule, workers: count = navigator.hardwareConcurrency }: EngineOptions,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): Promise<Denoiser> {
  const parameters = flatten(pairAttentionParameters(space, sizes), tensors);
  const module = await compileWasmEngine();
  const workers = Array.from({ length: Math.max(1, count) }, openWorker);
  const close = () => workers.forEach((worker) => worker.close());
  try {
    await Promise.all(workers.map((worker) => worker.ask({ type: "open", module, space, sizes, parameters })));
  } catch (error) {
    close();
    throw error;
  }
  const predict = async (
    z: Float32Array,
    shape: BatchShape,
    t: number | Float32Array | Float64Array,
    steps?: number | Float32Array,
  ): Promise<Float32Array> => {
    checkLatents(z, space, shape);
    const length = latentLength(space, shape.nodes);
    const rows = timeRows(t, shape.batch, schedule, { steps, levels: sizes.levels }), out = new Float32Array(z.length);
    await Promise.all(workers.map(async (worker, k) => {
      const { from, ...part } = slice(shape, space, z, rows, k, workers.length);
      if (part.shape.batch === 0) return;
      const { x0 } = await worker.ask({ type: "predict", ...part }, [part.z.buffer as ArrayBuffer]);
      out.set(x0!, from * length);
    }));
    return out;
  };
  return { space, predict, predictEach: predict, dispose: close };
}

/** One network and the workers that run it, one a core: estimates of batches, and whole samplings. */
import { checkLatents, latentLength } from "../../diffusion/latent.ts";
import type { BatchShape, LatentSpace, Schedule } from "../../diffusion/types.ts";
import type { Denoiser, Sampled } from "../../diffusion/denoiser.ts";
import { type Numbered, openAskedWorker } from "./asked_worker.ts";
import { clock } from "./clock.ts";
import { createDispatch } from "./dispatch.ts";
import { type ConditionRows, rowsOf } from "../../networks/pair_attention/conditions.ts";
import { conditioned, type Conditions, eachCondition } from "../../diffusion/condition.ts";
import type { Member } from "./member.ts";
import type { Task } from "./sampling.ts";
import { tileMolecules } from "./tile.ts";

/** What a worker is asked. */
export type Question =
  & { readonly id: number }
  & (
    | { readonly type: "open"; readonly member: Member; readonly sent: Int32Array }
    | { readonly type: "predict"; readonly z: Float32Array; readonly shape: BatchShape; readonly rows: ConditionRows }
    /** `at`: when it was asked, ms since the epoch. */
    | { readonly type: "sample"; readonly key: number; readonly task: Task; readonly at: number }
    /** Ends the sampling of this key, whose own answer is then an error. */
    | { readonly type: "cancel"; readonly key: number }
    /** Ends all samplings; nothing is asked afterwards. */
    | { readonly type: "close" }
  );

/** What it answers. */
export interface Answer extends Numbered {
  readonly x0?: Float32Array;
  readonly sampled?: Sampled;
}

type Request = Question extends infer Q ? Q extends unknown ? Omit<Q, "id"> : never : never;

/** What an engine is made of, and who runs it. */
export interface CrewOptions {
  readonly space: LatentSpace;
  readonly schedule: Schedule;
  /** What each worker runs: the same network all. */
  readonly members: readonly Member[];
  /** Called when the workers have been dismissed. */
  readonly onClose?: () => void;
}

/** Molecules from `from` to `to` of a batch. */
function slice(
  { batch, nodes }: BatchShape,
  space: LatentSpace,
  z: Float32Array,
  rows: ConditionRows,
  share: number,
  shares: number,
) {
  const from = Math.floor(batch * share / shares), to = Math.floor(batch * (share + 1) / shares);
  const length = latentLength(space, nodes), features = rows.features.length / batch;
  return {
    from,
    shape: { batch: to - from, nodes },
    z: z.slice(from * length, to * length),
    rows: {
      features: rows.features.slice(from * features, to * features),
      alpha: rows.alpha.slice(from, to),
      sigma: rows.sigma.slice(from, to),
      without: rows.without,
    },
  };
}

/**
 * A denoiser of workers. A batch is divided among them; an estimate depends on its own molecule alone, so how it is divided
 * changes nothing.
 *
 * @throws Error where a worker cannot open its member
 */
export async function createCrew({ space, schedule, members, onClose = () => {} }: CrewOptions): Promise<Denoiser> {
  const { sizes } = members[0];
  const workers = members.map(() => openAskedWorker<Request, Answer>(new URL("./crew_worker.ts", import.meta.url)));
  // What a worker is at may use memory that is freed when all have gone.
  const close = () => void Promise.all(workers.map((worker) => worker.retire({ type: "close" }))).then(onClose);
  try {
    await Promise.all(workers.map((worker, k) => worker.ask({ type: "open", member: members[k], sent: worker.sent })));
  } catch (error) {
    close();
    throw error;
  }

  const predict = async (
    z: Float32Array,
    shape: BatchShape,
    conditions: Conditions,
  ): Promise<Float32Array> => {
    checkLatents(z, space, shape);
    const rows = rowsOf(conditioned(eachCondition(conditions, shape.batch), schedule), sizes),
      out = new Float32Array(z.length);
    await Promise.all(workers.map(async (worker, k) => {
      const { from, ...part } = slice(shape, space, z, rows, k, workers.length);
      if (part.shape.batch === 0) return;
      const { x0 } = await worker.ask({ type: "predict", ...part }, [part.z.buffer as ArrayBuffer]);
      out.set(x0!, from * latentLength(space, shape.nodes));
    }));
    return out;
  };

  let keys = 0;
  const run = async (worker: number, task: Task, signal?: AbortSignal): Promise<Sampled> => {
    const key = ++keys;
    const cancel = () => void workers[worker].ask({ type: "cancel", key }).catch(() => {});
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return (await workers[worker].ask({ type: "sample", key, task, at: clock() })).sampled!;
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  };
  const sample = createDispatch({ workers: workers.length, piece: tileMolecules, run });
  return {
    space,
    predict,
    can: { independent: true, sample, fixes: true, guides: true, autoguides: true, graphs: sizes.graph === true },
    dispose: close,
  };
}

/**
 * Clamping on the CPU by several workers: a GPU's batch has hundreds of molecules whose likeliest graphs violate valence at the
 * first clamped step, at some 0.1 ms each.
 */
import { type Numbered, openAskedWorker } from "../c/asked_worker.ts";
import { clampInTurns } from "../../networks/heavy_atom/clamp.ts";
import type { BatchShape, BondSums } from "../../diffusion/types.ts";

/** What a worker is asked. */
export interface ClampQuestion {
  /** `[B, L]` */
  readonly x0: Float32Array;
  readonly shape: BatchShape;
  readonly bondSums: BondSums;
  /** Features of a pair. */
  readonly features: number;
  /** Of the classes, where they are to add up to nothing. */
  readonly charges?: readonly number[];
}

/** What it answers. */
export interface ClampAnswer extends Numbered {
  readonly x0?: Float32Array;
}

/** Whoever clamps. */
export interface ClampCrew {
  /** Clamps estimates `[B, L]` in place, as `clampToValence`. */
  clamp(question: ClampQuestion): Promise<void>;
  dispose(): void;
}

/** Molecules for which asking a worker is worth it. */
const WORTH = 16;

/**
 * Workers are opened when there is work for them.
 *
 * @param workers at most; a thread is left to whoever feeds the GPU. With less than two all is done here
 */
export function createClampCrew(workers: number = Math.min(16, navigator.hardwareConcurrency - 1)): ClampCrew {
  const crew: ReturnType<typeof openAskedWorker<ClampQuestion, ClampAnswer>>[] = [];
  return {
    async clamp({ x0, shape: { batch, nodes }, ...how }) {
      const shares = workers < 2 ? 1 : Math.min(workers, Math.floor(batch / WORTH));
      if (shares < 2) return await clampInTurns(x0, { batch, nodes }, how.bondSums, how);
      while (crew.length < shares) crew.push(openAskedWorker(new URL("./clamp_worker.ts", import.meta.url)));
      const length = x0.length / batch;
      await Promise.all(Array.from({ length: shares }, async (_, k) => {
        const first = Math.floor(batch * k / shares), end = Math.floor(batch * (k + 1) / shares);
        const part = x0.slice(first * length, end * length), shape = { batch: end - first, nodes };
        const { x0: clamped } = await crew[k].ask({ x0: part, shape, ...how }, [
          part.buffer as ArrayBuffer,
        ]);
        x0.set(clamped!, first * length);
      }));
    },
    dispose() {
      for (const worker of crew) worker.close();
    },
  };
}

/** Low priority: shards wait between windows of molecules while requests are held, but for a share of the time. */
import type { Queue } from "../../generation/queue.ts";
import { createYielding } from "../jobs/yielding.ts";

/** How often it is asked whether requests are held, ms. */
const TICK = 20;

/** A gate. */
export interface Gate {
  /** Resolves when shards may be drawn. @throws the signal's reason where it is aborted before */
  pass(signal: AbortSignal): Promise<void>;
}

/** @param share least share of the time that shards get, as of `jobs/yielding.ts` */
export function createGate(queue: Pick<Queue, "held">, share: number): Gate {
  const policy = createYielding({ share });
  return {
    async pass(signal) {
      signal.throwIfAborted();
      while (!policy.allows(performance.now(), queue.held > 0)) {
        await new Promise((resolve) => setTimeout(resolve, TICK));
        signal.throwIfAborted();
      }
    },
  };
}

/** Tells a worker to wait while requests are held, and to go on. */
import type { Queue } from "../../generation/queue.ts";
import type { Worker } from "./worker.ts";
import { createYielding } from "./yielding.ts";

/** How often it is asked whether requests are held, ms. */
const TICK = 20;

/**
 * Begins to.
 *
 * @param share least share of the time that the worker gets; see `yielding.ts`
 * @returns ends it
 */
export function shareDevice(worker: Pick<Worker, "tell">, queue: Pick<Queue, "held">, share: number): () => void {
  const policy = createYielding({ share });
  let running = true;
  const timer = setInterval(() => {
    const allowed = policy.allows(performance.now(), queue.held > 0);
    if (allowed !== running) worker.tell(allowed ? "resume" : "pause");
    running = allowed;
  }, TICK);
  return () => clearInterval(timer);
}

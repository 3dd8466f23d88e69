/** A round of distillation in a service's hands, as `GET /jobs/{id}` tells of it. */
import type { ServiceProcess } from "./service_process.ts";

/** What is read of a job. */
export interface SeenJob {
  readonly state: string;
  readonly reason: unknown;
  /** Updates made. */
  readonly update: number;
  /** Updates a second, and seconds of training; null before the first. */
  readonly rate: number | null;
  readonly seconds: number | null;
  /** What its worker trains on; null before it has told. */
  readonly backend: string | null;
}

/** A job as it is now. */
export async function lookAt({ admin }: Pick<ServiceProcess, "admin">, id: string): Promise<SeenJob> {
  const { state, reason, progress, backend } = await admin("GET", `/jobs/${id}`);
  const { update = 0, updatesPerSecond = null, trainedSeconds = null } = (progress ?? {}) as Record<string, number>;
  return {
    state: state as string,
    reason,
    update,
    rate: updatesPerSecond,
    seconds: trainedSeconds,
    backend,
  } as SeenJob;
}

/**
 * Waits until a job is as asked.
 *
 * @param patience most seconds
 * @param onLook hears of each look
 * @throws Error where the job fails, or is not so in time
 */
export async function untilJob(
  service: Pick<ServiceProcess, "admin">,
  id: string,
  done: (job: SeenJob) => boolean,
  patience: number,
  onLook: (job: SeenJob) => void = () => {},
): Promise<SeenJob> {
  const from = performance.now();
  while (true) {
    const job = await lookAt(service, id);
    onLook(job);
    if (done(job)) return job;
    if (job.state === "failed") throw new Error(`the round failed: ${job.reason}`);
    if (performance.now() - from > 1000 * patience) throw new Error(`the round is ${job.state} after ${patience} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What is done with jobs: one is submitted, followed, gone on with. */
import type { RoundOrder } from "../../distillation/order.ts";
import { type Lifecycle, refuseWhenDraining, refuseWhenReadOnly } from "../lifecycle.ts";
import { storing } from "../../diffusion/storage.ts";
import type { JobPlan } from "./plan.ts";
import type { JobStore } from "./store.ts";
import { BusyError, type Supervisor } from "./supervisor.ts";
import { isActive, type Job, type StoredEvent } from "./types.ts";

/** Rounds of distillation. */
export interface Jobs {
  readonly store: JobStore;
  readonly supervisor: Supervisor;
  /** See `plan.ts`. */
  readonly plan: (order: RoundOrder) => Promise<JobPlan>;
}

/**
 * Begins a round.
 *
 * @param traceparent of the request, for its worker; see `Supervisor.submit`
 * @throws ShuttingDownError, ReadOnlyError, BusyError, UnknownModelError, ImpossibleRoundError, TooLargeRoundError, StorageError
 */
export async function submitJob(
  { supervisor, plan }: Jobs,
  order: RoundOrder,
  lifecycle: Lifecycle,
  traceparent?: string,
): Promise<Job> {
  refuseWhenDraining(lifecycle);
  refuseWhenReadOnly(lifecycle);
  if (supervisor.current) throw new BusyError(supervisor.current.id);
  const planned = await plan(order);
  return await storing(() => supervisor.submit(planned, traceparent));
}

/** Ends a job. @throws ReadOnlyError, UnknownJobError, JobStateError, StorageError */
export async function cancelJob({ supervisor }: Jobs, id: string, lifecycle: Lifecycle): Promise<Job> {
  refuseWhenReadOnly(lifecycle);
  return await storing(() => supervisor.cancel(id));
}

/** Goes on with a job. @throws ShuttingDownError, ReadOnlyError, UnknownJobError, JobStateError, BusyError, StorageError */
export async function resumeJob({ supervisor }: Jobs, id: string, lifecycle: Lifecycle): Promise<Job> {
  refuseWhenDraining(lifecycle);
  refuseWhenReadOnly(lifecycle);
  return await storing(() => supervisor.resume(id));
}

/**
 * Events of a job after one that is known (0: all of them), then those to come, until the job has ended.
 *
 * @returns undefined where it has ended and there are none after the one that is known
 * @throws UnknownJobError; ReadOnlyError for one that has not ended, whose events only the service that runs it hears
 */
export function followJob(
  { store, supervisor }: Jobs,
  { id, after, signal }: { id: string; after: number; signal: AbortSignal },
  lifecycle: Lifecycle,
): AsyncGenerator<StoredEvent, void, void> | undefined {
  const { state } = store.get(id);
  if (isActive(state)) refuseWhenReadOnly(lifecycle);
  if (after > 0 && !isActive(state) && store.events(id, { after, limit: 1 }).length === 0) return undefined;
  return supervisor.watch(id, after, signal);
}

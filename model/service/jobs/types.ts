/** A job: a round of distillation that the service runs, from its request to its student in service. */
import { z } from "zod";
import { type RoundEvent, roundEvent } from "../../distillation/events.ts";
import type { Limits } from "../../distillation/order.ts";
import type { RoundSettings } from "../../distillation/settings.ts";
import type { Estimate } from "./estimate.ts";

/**
 * `running` until the worker is done, `cancelling` from the request to stop until it has; `publishing` while the student is
 * put into service. `rejected`: the student is finished but loses more than the job's bound, and is kept in the job's folder.
 */
export const JOB_STATES = [
  "running",
  "cancelling",
  "publishing",
  "done",
  "rejected",
  "failed",
  "cancelled",
] as const;

/** One of {@link JOB_STATES}. */
export type JobState = typeof JOB_STATES[number];

/** States that a job leaves by itself. */
export const isActive = (state: JobState): boolean => ["running", "cancelling", "publishing"].includes(state);

/** What the worker has told of itself. */
export interface WorkerFacts {
  readonly backend: string;
  readonly why: string;
  readonly device: string;
  readonly memoryMiB: number;
}

/** A job, as it is kept. Times in milliseconds since 1970. */
export interface Job {
  readonly id: string;
  readonly state: JobState;
  readonly settings: RoundSettings;
  readonly limits: Limits;
  readonly estimate: Estimate;
  readonly created: number;
  /** When it was last started, and when it ended. */
  readonly started: number;
  readonly ended: number | null;
  /** Why it ended as it did, in words. */
  readonly reason: string | null;
  readonly worker: WorkerFacts | null;
  readonly progress: Extract<RoundEvent, { type: "progress" }> | null;
  /** Process of the worker, where one was started and is not known to have ended. */
  readonly pid: number | null;
  /** Of a round on another machine, its last event that is kept here: which claim of the round told it, and which of that claim's it is, from 1. */
  readonly heard: { readonly claim: number; readonly number: number } | null;
  /** Starts that nobody asked for since the round last got on, and the update that it stood at. */
  readonly restarts: number;
  readonly reached: number;
}

/** What is told of a job: a worker's event, or a change of state. */
export const jobEvent = z.union([
  roundEvent,
  z.strictObject({ type: z.literal("state"), state: z.enum(JOB_STATES), reason: z.string().nullable() }),
]).meta({ id: "JobEvent" });

/** See {@link jobEvent}. */
export type JobEvent = z.infer<typeof jobEvent>;

/** An event as it is kept; ids rise. */
export interface StoredEvent {
  readonly id: number;
  readonly job: string;
  readonly at: number;
  readonly event: JobEvent;
}

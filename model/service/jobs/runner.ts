/**
 * The port between a job and whoever runs its round: a process of this machine (`local_runner.ts`), or a worker on another (`nats_runner.ts`). A
 * supervisor knows a round by its events and its end; where it runs, how it is told to stop, and with whom it shares a device is the runner's
 * business. A round lives in the job's folder: the teacher is there before it starts, its checkpoint when it has ended, and what it has made when its
 * last event is `finished`.
 */
import type { RoundEvent } from "../../distillation/events.ts";
import type { Job } from "./types.ts";

/** Where rounds run: in processes beside the service, or with workers on other machines. */
export const ROUND_PLACES = ["here", "workers"] as const;

/** A round to be run. */
export interface RoundToRun extends Pick<Job, "id" | "settings" | "limits" | "heard"> {
  /** The job's, an absolute path. */
  readonly folder: string;
  /** Of whoever asked for it; see `traceparent.ts`. */
  readonly traceparent?: string;
  /** Told why nobody trains it at the moment, in words, and null when somebody does again. */
  readonly onWait?: (reason: string | null) => void;
}

/** A round that runs. */
export interface RunningRound {
  /** Of its process, by which a later life of the service may see to what is left of it; null where it has none that could be found. */
  readonly pid: number | null;
  /** What it tells, until it tells no more. */
  readonly events: AsyncGenerator<RoundEvent, void, void>;
  /** Which event was told last, for a later life of the service, which is told those after it; null where there will be none to tell. */
  readonly heard: Job["heard"];
  /** Resolves when nothing of it runs any more. Gives why it ended, in words, for a round whose last event does not say. */
  readonly ended: Promise<string>;
  /** Tells it to save a checkpoint and to end, and sees that it does. Does nothing once it has ended. */
  stop(): void;
  /** The service ends: a round that can go on without it does, another is told to stop. Its events end. */
  leave(): void;
  /** Ends it at once. */
  kill(): void;
}

/** Who runs rounds. */
export interface RoundRunner {
  /** Whether it may start any. */
  readonly able: boolean;
  /** Whether rounds go on while no service is there: then {@link start} joins one that does. */
  readonly lasting: boolean;
  /** Starts a round, which goes on from the last checkpoint in its folder where there is one. */
  start(round: RoundToRun): RunningRound;
  /** Sees that what an earlier life of the service started has ended, as far as it can; then the folder is free. */
  clear(left: { readonly pid: number; readonly folder: string }): Promise<void>;
}

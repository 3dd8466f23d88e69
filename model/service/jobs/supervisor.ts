/** Runs jobs, one at a time, wherever their rounds run; brings what they make into service; goes on after a restart. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { methodOf } from "../../distillation/methods/mod.ts";
import { MODEL, readOutcome, RESULT, type RoundOutcome, STUDENT } from "../../distillation/result.ts";
import type { RoundEvent } from "../../distillation/events.ts";
import type { Publisher } from "../publisher.ts";
import { createBell } from "../../diffusion/bell.ts";
import type { JobPlan } from "./plan.ts";
import { clearJobs } from "./retention.ts";
import type { RoundRunner, RunningRound } from "./runner.ts";
import type { JobChanges, JobStore } from "./store.ts";
import { isActive, type Job, type JobState, type StoredEvent } from "./types.ts";

/** The device has a round already. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  constructor(readonly job: string) {
    super(`one round runs at a time, and ${job} does`);
  }
}

/** What is asked of a job cannot be done in the state that it is in. */
export class JobStateError extends Error {
  override readonly name = "JobStateError";
  constructor(readonly job: string, readonly state: JobState, message: string) {
    super(message);
  }
}

/** What a supervisor works with. */
export interface SupervisorOptions {
  readonly store: JobStore;
  /** The data directory, an absolute path. */
  readonly data: string;
  readonly publisher: Pick<Publisher, "publishStudent" | "publishModel">;
  /** Who runs the rounds. */
  readonly runner: RoundRunner;
  /** Jobs that have ended whose folders are kept. Default 20. */
  readonly keepJobs?: number;
  /** Told what an operator may want to know. */
  readonly onNote?: (level: "info" | "warn", message: string, fields: Record<string, unknown>) => void;
  readonly now?: () => number;
}

/** See above. */
export interface Supervisor {
  /** The job that holds the device. */
  readonly current: Job | undefined;
  /** Begins a job. @param traceparent of whoever asks for it, which its first run is told @throws BusyError */
  submit(plan: JobPlan, traceparent?: string): Promise<Job>;
  /** Ends a job's run, which saves a checkpoint first. @throws UnknownJobError, JobStateError */
  cancel(id: string): Job;
  /** Goes on with a job that was cancelled or failed. @throws UnknownJobError, JobStateError, BusyError */
  resume(id: string): Job;
  /** Events of a job with ids above `after`, as they come; ends when the job has, at `stop`, and when the signal is aborted. */
  watch(id: string, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent, void, void>;
  /** Sees to what an earlier life of the service left behind. */
  recover(): Promise<void>;
  /** Leaves the run: one that needs the service is stopped, and goes on when that starts again. Resolves when nothing of it runs here any more. */
  stop(): Promise<void>;
}

/** Starts without progress that a job gets by itself. */
export const MOST_RESTARTS = 3;

/** See {@link Supervisor}. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const {
    store,
    data,
    publisher,
    runner,
    keepJobs = 20,
    onNote = () => {},
    now = Date.now,
  } = options;
  const bell = createBell(), folderOf = (id: string) => join(data, "jobs", id);
  let current: { readonly id: string; run?: RunningRound; over: Promise<void> } | undefined, stopping = false;

  const enter = (id: string, state: JobState, reason: string | null = null): Job => {
    const job = store.change(id, { state, reason, ended: isActive(state) ? null : now() });
    store.append(id, { type: "state", state, reason });
    onNote("info", "job", { job: id, state, ...(reason && { reason }) });
    bell.ring();
    return job;
  };
  const tidy = () => {
    try {
      clearJobs(store, folderOf, keepJobs);
    } catch (error) {
      onNote("warn", "folders of ended jobs could not be removed", { error: String(error) });
    }
  };
  const checkFree = () => {
    if (current) throw new BusyError(current.id);
  };

  /** What an event changes in its job. */
  const changesBy = (id: string, event: RoundEvent): JobChanges => {
    if (event.type === "progress") return { progress: event };
    if (event.type === "stopped" || event.type === "finished") {
      const { progress } = store.get(id), { update, seconds } = event; // progress itself is told now and then
      const whole = event.type === "finished" && { fraction: 1, eta: 0 };
      return progress ? { progress: { ...progress, update, seconds, ...whole } } : {};
    }
    if (event.type !== "started") return {};
    const { backend, why, device, memoryMiB, passedOver } = event;
    if (passedOver) onNote("warn", "checkpoint", { job: id, passedOver });
    return { worker: { backend, why, device, memoryMiB } };
  };
  const note = (id: string, event: RoundEvent, heard: Job["heard"]) => {
    store.append(id, event, { ...changesBy(id, event), heard });
    bell.ring();
  };
  /** Tells why a round waits, and that it does no longer. */
  const waits = (id: string, why: string | null) => {
    const { state, reason } = store.get(id);
    if (state === "running" && reason !== why && !stopping) enter(id, state, why);
  };

  /** Puts what an accepted round made into service. */
  const publish = async (id: string, { settings }: Job, { method, entry, also, why }: RoundOutcome) => {
    enter(id, "publishing");
    try {
      if (methodOf(method).makes === "model") await publisher.publishModel(join(folderOf(id), MODEL));
      else await publisher.publishStudent(settings.model, [entry!, ...also], join(folderOf(id), STUDENT));
    } catch (error) {
      if (!stopping) enter(id, "failed", `it could not be put into service: ${(error as Error).message}`);
      return;
    }
    enter(id, "done", why);
  };
  const conclude = async (id: string) => {
    const outcome = await readOutcome(folderOf(id));
    if (!outcome) return void enter(id, "failed", `the worker left no sound ${RESULT}`);
    if (outcome.accepted) await publish(id, store.get(id), outcome);
    else enter(id, "rejected", outcome.why);
  };

  /** Whether an earlier life was told the end of a round that goes on without a service, and was killed then. */
  const toldBefore = async (id: string) => runner.lasting && await readOutcome(folderOf(id)) !== undefined;

  /** After a run's end. @param why it ended, where its last event does not say */
  const settle = async (id: string, last: RoundEvent | undefined, why: string, heard: Job["heard"]) => {
    const { state } = store.change(id, { pid: null, heard });
    if (state === "cancelling") enter(id, "cancelled");
    else if (stopping) return;
    else if (last?.type === "finished" || (!last && await toldBefore(id))) await conclude(id);
    else if (last?.type === "failed") enter(id, "failed", last.reason);
    else if (last?.type === "stopped") enter(id, "failed", "the worker was told to stop, but not by the service");
    else enter(id, "failed", why);
  };

  const follow = async ({ id, settings, limits, heard }: Job, held: { run?: RunningRound }, traceparent?: string) => {
    const onWait = (reason: string | null) => waits(id, reason);
    const run = held.run = runner.start({ id, settings, limits, heard, folder: folderOf(id), traceparent, onWait });
    store.change(id, { pid: run.pid });
    if (stopping || store.get(id).state === "cancelling") run.stop();
    let last: RoundEvent | undefined;
    for await (const event of run.events) note(id, last = event, run.heard);
    const why = await run.ended;
    held.run = undefined;
    await settle(id, last, why, run.heard);
  };
  /** Leaves nothing of a job that could not begin, as far as that can be done where nothing can be written. */
  const forget = async (id: string) => {
    await Deno.remove(folderOf(id), { recursive: true }).catch(() => {});
    try {
      store.remove(id);
    } catch { /* the next start ends it, as it has no folder */ }
  };
  /** Takes the device for a job's work. */
  const take = (id: string, work: (held: { run?: RunningRound }) => Promise<void>) => {
    const held: NonNullable<typeof current> = { id, over: Promise.resolve() };
    current = held;
    held.over = work(held).catch((error) => {
      held.run?.kill();
      onNote("warn", "job", { job: id, error: String(error) });
      if (!stopping) enter(id, "failed", (error as Error).message);
    }).finally(() => {
      if (!stopping) tidy();
      current = undefined;
      bell.ring();
    });
  };
  const launch = (job: Job, traceparent?: string) => take(job.id, (held) => follow(job, held, traceparent));

  const revive = async (job: Job) => {
    const { id, state, pid } = job;
    if (pid !== null) await runner.clear({ pid, folder: folderOf(id) });
    if (stopping) return;
    store.change(id, { pid: null });
    // It may run, or have ended, or nobody have had it yet: who joins it is told.
    if (runner.lasting && state !== "publishing") return launch(job);
    if (state === "cancelling") return void enter(id, "cancelled");
    if (await readOutcome(folderOf(id))) return take(id, () => conclude(id));
    if (!runner.able) {
      return onNote("warn", "job waits for a service that may start its worker", { job: id });
    }
    const reached = store.events(id, { type: "saved" }).reduce(
      (most, { event }) => event.type === "saved" ? Math.max(most, event.update) : most,
      0,
    );
    const restarts = reached > job.reached ? 1 : job.restarts + 1;
    if (restarts > MOST_RESTARTS) {
      return void enter(id, "failed", `${MOST_RESTARTS} starts in a row did not get beyond update ${reached}`);
    }
    onNote("info", "job goes on", { job: id, update: reached });
    launch(store.change(id, { state: "running", restarts, reached, started: now() }));
  };

  return {
    get current() {
      return current && store.get(current.id);
    },
    async submit({ settings, limits, estimate, prepare }, traceparent) {
      checkFree();
      const id = crypto.randomUUID(), held: NonNullable<typeof current> = { id, over: Promise.resolve() };
      current = held; // before anything is waited for
      try {
        const folder = folderOf(id), at = now();
        await Deno.mkdir(folder, { recursive: true });
        await prepare(folder);
        const job: Job = {
          id,
          state: "running",
          settings,
          limits,
          estimate,
          created: at,
          started: at,
          ended: null,
          reason: null,
          worker: null,
          progress: null,
          pid: null,
          heard: null,
          restarts: 0,
          reached: 0,
        };
        store.add(job);
        enter(id, "running");
        launch(job, traceparent);
        return store.get(id);
      } catch (error) {
        if (current === held) current = undefined;
        await forget(id);
        throw error;
      }
    },
    cancel(id) {
      const { state } = store.get(id);
      if (state === "cancelling") return store.get(id);
      if (state !== "running") {
        throw new JobStateError(id, state, `a job that runs can be cancelled; ${id} is ${state}`);
      }
      const job = enter(id, "cancelling");
      if (current?.id === id && current.run) current.run.stop();
      else if (current?.id !== id) return enter(id, "cancelled");
      return job;
    },
    resume(id) {
      const { state } = store.get(id);
      if (state !== "cancelled" && state !== "failed") {
        throw new JobStateError(id, state, `a job that was cancelled or has failed can go on; ${id} is ${state}`);
      }
      checkFree();
      if (!existsSync(folderOf(id))) {
        throw new JobStateError(
          id,
          state,
          `the folder of ${id} is gone: those of the ${keepJobs} newest jobs are kept`,
        );
      }
      store.change(id, { restarts: 0, started: now() });
      const job = enter(id, "running");
      take(id, async (held) => {
        if (await readOutcome(folderOf(id))) await conclude(id);
        else await follow(job, held);
      });
      return job;
    },
    async *watch(id, after, signal) {
      for (let at = after; !signal.aborted && !stopping;) {
        const ring = bell.next(signal), over = !isActive(store.get(id).state), fresh = store.events(id, { after: at });
        for (const one of fresh) {
          at = one.id;
          yield one;
        }
        if (over) return;
        await ring;
      }
    },
    async recover() {
      tidy();
      for (const job of store.active()) {
        if (stopping) return;
        if (current?.id === job.id) continue; // submitted meanwhile: nothing of an earlier life
        if (current) enter(job.id, "failed", `one round runs at a time, and ${current.id} goes on`);
        else await revive(job).catch((error) => enter(job.id, "failed", (error as Error).message));
      }
    },
    async stop() {
      stopping = true;
      bell.ring(); // whoever watches leaves
      const held = current;
      held?.run?.leave();
      await held?.over;
    },
  };
}

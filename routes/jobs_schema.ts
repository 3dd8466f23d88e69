/** What is told of jobs. */
import { z } from "zod";
import { drawn } from "../model/distillation/events.ts";
import { roundSettings } from "../model/distillation/settings.ts";
import { curvesOf } from "../model/service/jobs/curves.ts";
import { estimateSchema } from "../model/service/jobs/estimate.ts";
import type { JobStore } from "../model/service/jobs/store.ts";
import { type Job, JOB_STATES } from "../model/service/jobs/types.ts";
import { json } from "./endpoint.ts";

const time = z.iso.datetime();

const jobShape = {
  id: z.uuid(),
  state: z.enum(JOB_STATES).describe(
    "running, cancelling and publishing go on by themselves. done: in service. rejected: finished, but it loses more than " +
      "`accept`. cancelled and failed can be resumed",
  ),
  reason: z.string().nullable().describe(
    "Why it ended as it did; of one that runs, why nobody trains it at the moment, where workers train rounds",
  ),
  settings: roundSettings,
  limits: z.strictObject({ minutes: z.number().optional(), updates: z.int().optional() }),
  estimate: estimateSchema,
  progress: z.strictObject({
    update: z.int(),
    fraction: z.number(),
    trainedSeconds: z.number(),
    loss: z.number(),
    updatesPerSecond: z.number(),
    etaSeconds: z.number().describe("Of training; 0 when the round has ended"),
  }).nullable(),
  backend: z.string().nullable().describe("What the worker trains on; null until it has told"),
  device: z.string().nullable(),
  memoryMiB: z.number().nullable().describe("The worker's own, when it began to train"),
  restarts: z.int().describe("Starts after a restart of the service, since the round last got on"),
  createdAt: time,
  startedAt: time,
  endedAt: time.nullable(),
};

/** A job. */
export const jobSchema = z.strictObject(jobShape).meta({ id: "Job" });

/** A job with its curves. */
export const jobDetail = z.strictObject({
  ...jobShape,
  curves: z.strictObject({
    loss: z.array(z.strictObject({ update: z.int(), seconds: z.number(), loss: z.number() })),
    validation: z.array(z.strictObject({
      update: z.int(),
      seconds: z.number(),
      heldOut: z.number().describe("Loss on held-out molecules"),
      moleculeStability: z.number().nullable(),
      validity: z.number().nullable(),
      validUnique: z.number().nullable(),
    })),
  }),
  judged: z.strictObject({ student: drawn, teacher: drawn, accepted: z.boolean(), why: z.string() }).nullable(),
}).meta({ id: "JobDetail" });

/** A page of jobs, newest first. */
export const jobList = z.strictObject({ jobs: z.array(jobSchema), total: z.int() }).meta({ id: "JobList" });

/** A number of the query; of a parameter that is given more than once the first counts. */
export const numberOf = <T extends z.ZodType>(schema: T) =>
  z.preprocess((given) => given === undefined ? undefined : Number([given].flat()[0] ?? NaN), schema);

/** What GET /jobs takes in its query. */
export const pageQuery = z.strictObject({
  limit: numberOf(z.int().min(1).max(200).default(50)),
  offset: numberOf(z.int().min(0).max(1_000_000_000).default(0)),
});

/** The path of a job. Any text is looked for, as what is no id names no job. */
export const jobId = z.object({ id: z.string().meta({ format: "uuid" }) });

/** A job that runs as the answer, which `Location` names. */
export const begun = (description: string) => ({
  description,
  headers: { Location: { description: "The job", schema: { type: "string" as const } } },
  content: json(jobSchema),
});

const iso = (ms: number) => new Date(ms).toISOString();

/** A job as it is told. */
export function describeJob({ progress, worker, ...job }: Job): z.infer<typeof jobSchema> {
  return {
    id: job.id,
    state: job.state,
    reason: job.reason,
    settings: job.settings,
    limits: job.limits,
    estimate: job.estimate,
    progress: progress && {
      update: progress.update,
      fraction: progress.fraction,
      trainedSeconds: progress.seconds,
      loss: progress.loss,
      updatesPerSecond: progress.updatesPerSecond,
      etaSeconds: job.ended === null ? progress.eta : 0,
    },
    backend: worker?.backend ?? null,
    device: worker?.device ?? null,
    memoryMiB: worker?.memoryMiB ?? null,
    restarts: job.restarts,
    createdAt: iso(job.created),
    startedAt: iso(job.started),
    endedAt: job.ended === null ? null : iso(job.ended),
  };
}

/** A job with its curves, from its events. */
export function describeDetail(job: Job, store: Pick<JobStore, "events">): z.infer<typeof jobDetail> {
  const { judged, ...curves } = curvesOf(job.id, store);
  return {
    ...describeJob(job),
    curves,
    judged: judged
      ? { student: judged.student, teacher: judged.teacher, accepted: judged.accepted, why: judged.why }
      : null,
  };
}

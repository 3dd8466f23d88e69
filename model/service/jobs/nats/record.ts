/**
 * How a round on other machines stands: a record that the service and the worker that has the round replace in turns, each only where the other has
 * not meanwhile. It is the one truth: who has the round, what is kept of it, how it ended.
 */
import { z } from "zod";
import { dataSetName } from "../../../../chem/data_sets.ts";
import { sha256 } from "../../../models/card_parts.ts";
import { roundEvent } from "../../../distillation/events.ts";
import { roundSettings } from "../../../distillation/settings.ts";

/** A name of a file, or several that lead to one in folders: none begins with a point, so that no path leads out of a folder. */
const path = z.string().regex(/^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/, "must be a path within a folder");

/** A file of a round's folder, and the name that it is kept by. */
export const keptFile = z.strictObject({ path, stored: path, sha256: sha256.unwrap() });

/** See {@link keptFile}. */
export type KeptFile = z.infer<typeof keptFile>;

/** What is to be done: a worker that cannot give it refuses. */
export const workOrder = z.strictObject({
  job: z.uuid(),
  /** Molstep's. */
  version: z.string(),
  settings: roundSettings,
  limits: z.strictObject({ minutes: z.number().optional(), updates: z.int().optional() }),
  /** Which data set the teacher's card names. */
  dataSet: dataSetName,
  /** Of who asked for it; see `traceparent.ts`. */
  traceparent: z.string().optional(),
  /** Seconds without a heartbeat after which a worker has lost the round. */
  lease: z.number().positive(),
});

/** In the place of a data set's digest where it is not there. */
export const NO_DATA = "none";

/** See above. */
export const roundRecord = z.strictObject({
  order: workOrder,
  state: z.enum(["offered", "claimed", "ended"]),
  /** Whether the service wants whoever has it to save a checkpoint and to end. */
  stop: z.boolean(),
  /** How often it has been claimed, over all lives of the job: the number of the claim that there is, or was last. */
  claim: z.int().min(0),
  /** A word of that claim's own, by which it knows its record; empty while nobody has it. */
  token: z.string(),
  /** Who has it, or had it last. */
  worker: z.string().nullable(),
  /** Heartbeats of the claim. */
  beat: z.int().min(0),
  /** Digest of the data set that it learns on, or {@link NO_DATA}; null until somebody who has a say has claimed it. */
  data: z.string().nullable(),
  /** The files that a claim begins with, and at the end what the round has left. */
  files: z.array(keptFile),
  /** The update of the newest checkpoint that is kept, and how often it has been claimed since, but for claims that were given back. */
  reached: z.int().min(0),
  tries: z.int().min(0),
  /** Why nobody has it, where one had or refused it. */
  reason: z.string().nullable(),
  /** Of one that has ended: its last event, where there is one, to be told after all others; and why, in words. */
  end: z.strictObject({ event: roundEvent.nullable(), why: z.string() }).nullable(),
});

/** See {@link roundRecord}. */
export type RoundRecord = z.infer<typeof roundRecord>;

/** A record, and which of its revisions. */
export interface KeptRecord {
  readonly record: RoundRecord;
  readonly revision: number;
}

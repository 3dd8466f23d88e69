/** Where service and workers of rounds meet: records and events in NATS JetStream. */
import { RetentionPolicy } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import {
  isThere,
  type NatsLink,
  type NatsOptions,
  openedLate,
  openLink,
  prefixOf,
  provideBucket,
  provideStream,
} from "../../../campaigns/nats/connection.ts";
import { replaced } from "../../../campaigns/nats/replace.ts";
import { type RoundEvent, roundEvent } from "../../../distillation/events.ts";
import type { Job } from "../types.ts";
import type { RoundRecord } from "./record.ts";

/** Names of what there is at the server, by prefix. */
const namesOf = (prefix: string) => ({
  /** The bucket of records, by job, and its stream and subjects. */
  bucket: `${prefix}-rounds`,
  records: `KV_${prefix}-rounds`,
  record: (job: string) => `$KV.${prefix}-rounds.${job}`,
  /** Events that the service has not heard yet, or not long ago. */
  stream: `${prefix}-round-events`,
  events: (job: string) => `${prefix}.round-events.${job}.>`,
  event: (job: string, claim: number | "*", number: number | "*") => `${prefix}.round-events.${job}.${claim}.${number}`,
});

/** Which event: see `Job.heard`. */
export type Mark = NonNullable<Job["heard"]>;

/** See above. Calls end with an AwayError while the server cannot be reached. */
export interface RoundExchange {
  /** A round's record, as it was read, and its revision; undefined where there is none. */
  get(job: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined>;
  /** Replaces the record of this revision, 0 where there is none. @returns the new revision; undefined where somebody was faster */
  put(job: string, record: RoundRecord, revision: number): Promise<number | undefined>;
  /** Jobs that have a record. */
  jobs(): Promise<string[]>;
  /** Tells an event; one that is told again is told once. */
  tell(job: string, mark: Mark, event: RoundEvent): Promise<void>;
  /** The event of this mark, where it is told. */
  told(job: string, mark: Mark): Promise<{ readonly event: RoundEvent; drop(): Promise<void> } | undefined>;
  /** Forgets a round: its events, then its record. */
  forget(job: string): Promise<void>;
  close(): Promise<void>;
}

/** What there is at the server. */
type Side = NatsLink<KV> & { readonly names: ReturnType<typeof namesOf> };

async function openSide(options: NatsOptions): Promise<Side> {
  const names = namesOf(prefixOf(options));
  const link = await openLink(options, async (manager, stream) => {
    await provideStream(manager, {
      ...{ name: names.stream, subject: names.event("*", "*", "*"), retention: RetentionPolicy.Limits },
    });
    return await provideBucket(stream, names.bucket);
  });
  return { ...link, names };
}

/** The exchange, opened when it is first asked for anything: whoever has it may begin before the server does. */
export function natsExchange(options: NatsOptions): RoundExchange {
  const { get: open, close } = openedLate(() => openSide(options), ({ connection }) => connection.close());
  return {
    async get(job) {
      const { made, tried } = await open(), entry = await tried(() => made.get(job));
      return entry?.operation === "PUT" ? { value: entry.json(), revision: entry.revision } : undefined;
    },
    async put(job, record, revision) {
      const { made: states, tried } = await open();
      return await replaced({ states, tried }, { key: job, text: JSON.stringify(record), revision });
    },
    async jobs() {
      const { manager, names, tried } = await open();
      const info = await tried(() => manager.streams.info(names.records, { subjects_filter: names.record("*") }));
      return Object.keys(info.state.subjects ?? {}).map((subject) => subject.split(".").at(-1)!).sort();
    },
    async tell(job, { claim, number }, event) {
      const { stream, names, tried } = await open();
      await tried(() => stream.publish(names.event(job, claim, number), JSON.stringify(event))).catch((error) => {
        if (!isThere(error)) throw error;
      });
    },
    async told(job, { claim, number }) {
      const { manager, names, tried } = await open(), subject = names.event(job, claim, number);
      const message = await tried(() => manager.streams.getMessage(names.stream, { last_by_subj: subject }));
      if (!message) return undefined;
      return {
        event: roundEvent.parse(message.json()),
        drop: async () => void await tried(() => manager.streams.deleteMessage(names.stream, message.seq, false)),
      };
    },
    async forget(job) {
      const { manager, names, tried } = await open();
      await tried(() => manager.streams.purge(names.stream, { filter: names.events(job) }));
      await tried(() => manager.streams.purge(names.records, { filter: names.record(job) }));
    },
    close,
  };
}

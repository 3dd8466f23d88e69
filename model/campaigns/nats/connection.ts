/** The connection to NATS, what is made there, and calls that outlast a server that is restarted. */
import {
  AckPolicy,
  type Consumer,
  type ConsumerInfo,
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { AwayError } from "../engine.ts";
import { natsAccess, toldServers } from "./address.ts";
import { type KV, Kvm } from "@nats-io/kv";
import { connect, errors, nanos, type NatsConnection } from "@nats-io/transport-node";

/** What a service or a worker is told of NATS. */
export interface NatsOptions {
  /** `nats://[user:password@ or token@]host[:port]`, or `tls://`; of a cluster several, set apart by commas. */
  readonly servers: string;
  /** How names of streams and subjects begin there: letters, digits and `_`; `molstep` by default. Who shares a server takes different ones. */
  readonly prefix?: string;
  /** Seconds without a heartbeat after which a shard is offered again; kept as it is at the server by default, and 60 in a new one. */
  readonly ackWait?: number;
  /** Shards that all workers together may have, `max_ack_pending`; kept as it is at the server by default, and 20,000 in a new one. */
  readonly inFlight?: number;
  /** Seconds that a call is tried again while the server does not answer; 30 by default. */
  readonly patience?: number;
  /** Waits for a server that is not there yet. */
  readonly wait?: boolean;
}

/** Codes of JetStream's API (https://github.com/nats-io/nats-server/blob/main/server/errors.json). */
const STREAM_NOT_FOUND = 10059, CONSUMER_NOT_FOUND = 10014, NAME_IN_USE = 10058, STORE_FAILED = 10077;

/** Whether an error of the API has one of these codes. */
export const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof JetStreamApiError && codes.includes(error.code);

/** Whether a message was refused as its subject has one: it is there. */
export const isThere = (error: unknown): boolean =>
  hasCode(error, STORE_FAILED) && /maximum messages per subject/.test((error as Error).message);

/** Whether the server may answer later, with streams that are made anew where it has lost them. */
function isPassing(error: unknown): boolean {
  if (isThere(error)) return false;
  if (error instanceof JetStreamApiError) {
    return error.status === 503 || hasCode(error, STREAM_NOT_FOUND, CONSUMER_NOT_FOUND);
  }
  return error instanceof errors.TimeoutError || error instanceof errors.NoRespondersError ||
    error instanceof errors.ConnectionError || error instanceof errors.RequestError;
}

/** Names of what the engine has at the server, by prefix. */
export const namesOf = (prefix: string) => ({
  /** The work queue: a message is a shard that is offered or claimed. */
  stream: `${prefix}-shards`,
  consumer: "workers",
  subject: (campaign: string, shard: number | "*") => `${prefix}.shards.${campaign}.${shard}`,
  /** The bucket: how each shard stands. */
  bucket: `${prefix}-states`,
  /** Its stream and subjects, as the key-value store has them (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md). */
  states: `KV_${prefix}-states`,
  state: (key: string) => `$KV.${prefix}-states.${key}`,
  /** Where it is said that a campaign is cancelled. */
  cancelled: (campaign: string) => `${prefix}.cancelled.${campaign}`,
});

/** A connection, and what is there. */
export interface NatsLink<T> {
  readonly connection: NatsConnection;
  readonly stream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly made: T;
  /** Calls until the server answers. @throws AwayError after the time that is set for it, with the last error as its cause */
  tried<T>(call: () => Promise<T>): Promise<T>;
}

/** What an engine works with. */
export interface NatsSide extends Omit<NatsLink<unknown>, "made"> {
  readonly states: KV;
  readonly consumer: Consumer;
  readonly names: ReturnType<typeof namesOf>;
  /** Milliseconds without a heartbeat after which a shard is offered again. */
  readonly ackWait: number;
}

/** Makes a stream that has one message of a subject at most, where it is not there; what an administrator has set otherwise, as replicas, stays. */
export async function provideStream(
  manager: JetStreamManager,
  stream: { readonly name: string; readonly subject: string; readonly retention: RetentionPolicy },
): Promise<void> {
  const { name, subject, retention } = stream;
  await manager.streams.info(name).catch(async (error) => {
    if (!hasCode(error, STREAM_NOT_FOUND)) throw error;
    await manager.streams.add({
      ...{ name, subjects: [subject], retention, storage: StorageType.File },
      // What is there already is not added again.
      ...{ max_msgs_per_subject: 1, discard: DiscardPolicy.New, discard_new_per_subject: true },
    }).catch((error) => {
      if (!hasCode(error, NAME_IN_USE)) throw error; // another was faster
    });
  });
}

/** Makes the work queue and its consumer where they are not there. */
async function provide(manager: JetStreamManager, names: NatsSide["names"], options: NatsOptions) {
  const { stream, consumer } = names;
  await provideStream(manager, {
    ...{ name: stream, subject: names.subject("*", "*"), retention: RetentionPolicy.Workqueue },
  });
  const { ackWait, inFlight } = options;
  const own = { ...(ackWait && { ack_wait: nanos(1000 * ackWait) }), ...(inFlight && { max_ack_pending: inFlight }) };
  const info = await manager.consumers.info(stream, consumer).catch((error): ConsumerInfo | undefined => {
    if (!hasCode(error, CONSUMER_NOT_FOUND)) throw error;
    return undefined;
  });
  if (!info) {
    return await manager.consumers.add(stream, {
      ...{ durable_name: consumer, ack_policy: AckPolicy.Explicit, ack_wait: nanos(60_000), max_ack_pending: 20_000 },
      // Deliveries are counted with the shard's state: one that a worker gave back is none, which the server cannot know.
      max_deliver: -1,
      ...own,
    });
  }
  const changed = Object.entries(own).some(([key, value]) => info.config[key as keyof typeof own] !== value);
  return changed ? await manager.consumers.update(stream, consumer, own) : info;
}

/** How names begin. @throws RangeError for text that cannot begin one */
export function prefixOf({ prefix = "molstep" }: Pick<NatsOptions, "prefix">): string {
  if (/^\w+$/.test(prefix)) return prefix;
  throw new RangeError(`prefix must be of letters, digits and _; got ${JSON.stringify(prefix)}`);
}

/**
 * Connects.
 *
 * @param make makes what is to be there, where it is not; again where the server has lost it
 * @throws AwayError where there is no server, or one without JetStream, and `wait` is not set
 */
export async function openLink<T>(
  { servers, patience = 30, wait = false }: NatsOptions,
  make: (manager: JetStreamManager, stream: JetStreamClient) => Promise<T>,
): Promise<NatsLink<T>> {
  const told = toldServers(servers);
  const connection = await connect({
    ...natsAccess(servers),
    ...{
      name: "molstep",
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      waitOnFirstConnect: wait,
      ignoreClusterUpdates: true,
    },
  }).catch((error) => {
    throw new AwayError(`NATS at ${told} cannot be reached: ${(error as Error).message}`, { cause: error });
  });
  const stream = jetstream(connection);
  const provided = async () => {
    const manager = await stream.jetstreamManager();
    return { manager, made: await make(manager, stream) };
  };
  const tried = async <T>(call: () => Promise<T>): Promise<T> => {
    const until = performance.now() + 1000 * patience;
    for (let pause = 100;; pause = Math.min(2000, 2 * pause)) {
      try {
        return await call();
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (connection.isClosed() || performance.now() + pause > until) {
          throw new AwayError(`NATS at ${told} does not answer: ${(error as Error).message}`, { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (pause > 500) await provided().catch(() => {}); // the next call tells
      }
    }
  };
  try {
    return { connection, stream, ...await tried(provided), tried };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** What is opened when it is first asked for, and again where that has failed. */
export function openedLate<T>(open: () => Promise<T>, close: (opened: T) => Promise<unknown>) {
  let opening: Promise<T> | undefined, closed = false;
  return {
    /** It. @throws Error where it has been closed; what opening throws */
    get(): Promise<T> {
      if (closed) return Promise.reject(new Error("it is closed"));
      return opening ??= open().catch((error) => {
        opening = undefined;
        throw error;
      });
    },
    async close(): Promise<void> {
      closed = true;
      await opening?.then(close, () => {});
    },
  };
}

/** A bucket of records, of which the newest counts; made where it is not there. */
export const provideBucket = (stream: JetStreamClient, name: string): Promise<KV> =>
  new Kvm(stream).create(name, { history: 1 });

/** Connects as {@link openLink} does, and makes the streams of shards where there are none. */
export async function openNats(options: NatsOptions): Promise<NatsSide> {
  const names = namesOf(prefixOf(options));
  const { made: { config, states }, ...link } = await openLink(options, async (manager, stream) => {
    const { config } = await provide(manager, names, options);
    return { config, states: await provideBucket(stream, names.bucket) };
  });
  try {
    const consumer = await link.tried(() => link.stream.consumers.get(names.stream, names.consumer));
    return { ...link, states, consumer, names, ackWait: Number(config.ack_wait) / 1e6 };
  } catch (error) {
    await link.connection.close();
    throw error;
  }
}

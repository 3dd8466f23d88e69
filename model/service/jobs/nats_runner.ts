/**
 * Runs rounds on other machines: it offers them to workers (`molstep worker --rounds`) over NATS JetStream, hears their events, and brings what they
 * have made into the job's folder. A round goes on while no service is there, and whoever starts it again joins it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { asleep } from "../../../chem/breathe.ts";
import { digestIfThere } from "../../../chem/data_sets.ts";
import type { ShardFiles } from "../../campaigns/shard.ts";
import type { RoundEvent } from "../../distillation/events.ts";
import { RESULT } from "../../distillation/result.ts";
import { readCard } from "../../models/card.ts";
import { VERSION } from "../../models/version.ts";
import { CHECKPOINTS } from "../../training/checkpoint.ts";
import type { Mark, RoundExchange } from "./nats/exchange.ts";
import { fetchFiles, keeperOf } from "./nats/kept_files.ts";
import { type KeptRecord, type RoundRecord, roundRecord } from "./nats/record.ts";
import type { RoundRunner, RoundToRun, RunningRound } from "./runner.ts";
import { TEACHER } from "./snapshot.ts";
import { MOST_RESTARTS } from "./supervisor.ts";
import { untilFree } from "./worker.ts";

/** What a runner of rounds elsewhere works with. */
export interface NatsRunnerOptions {
  readonly exchange: RoundExchange;
  /** Where files of rounds are kept for all machines. */
  readonly files: ShardFiles;
  /** Seconds without a heartbeat after which a round is offered again. Default 60. */
  readonly lease?: number;
  /** How often it is looked how a round stands, ms. Default 1000. */
  readonly pollMs?: number;
  /** SHA-256 of a data set; undefined where it is not there. */
  readonly digest?: (dataSet: string) => Promise<string | undefined>;
  readonly onNote?: (level: "info" | "warn", message: string, fields: Record<string, unknown>) => void;
}

/** See above. */
export function natsRunner(options: NatsRunnerOptions): RoundRunner {
  return {
    ...{ able: true, lasting: true },
    start: (round) => joined(round, options),
    clear: ({ folder }) => untilFree(folder),
  };
}

/** The mark of a round's last event, which the record tells: no claim's, and behind all of this one's. */
const afterLast = (claim: number): Mark => ({ claim: claim + 1, number: 0 });

/** Offers a round, or joins it where it is offered, trained or over. */
function joined(round: RoundToRun, options: NatsRunnerOptions): RunningRound {
  const { exchange, pollMs = 1000, onNote = () => {} } = options, { id, folder } = round;
  const left = new AbortController(), ended = Promise.withResolvers<string>();
  let heard = round.heard, stopping = false, wake = new AbortController();

  const pause = (ms: number) => asleep(ms, AbortSignal.any([left.signal, wake.signal]));
  const wait = (why: string | null) => left.signal.aborted || round.onWait?.(why);

  /** What is told next; undefined where nothing is for now. The record is older than the look: claims before its own, and one that ended, told all. */
  const next = async ({ claim: latest }: RoundRecord) => {
    let { claim, number } = heard ?? { claim: 0, number: 0 };
    for (; claim <= latest; claim++, number = 0) {
      const mark: Mark = { claim, number: number + 1 }, found = await exchange.told(id, mark);
      if (found) return { mark, ...found };
    }
  };

  async function* events(): AsyncGenerator<RoundEvent, void, void> {
    const look = looking(round, options);
    for (let fault = ""; !left.signal.aborted;) {
      try {
        const record = await look(stopping);
        if (!record) return ended.resolve("it was told to stop before anybody had it");
        wait(record.state === "offered" ? record.reason ?? "no worker has it yet" : null);
        const told = await next(record);
        if (told) {
          heard = told.mark;
          yield told.event;
          await told.drop().catch(() => {}); // it goes with the round
          continue;
        }
        if (record.end) {
          const { end: { event, why }, claim } = record;
          if (!heard || heard.claim <= claim) {
            await collect(record, options.files, folder);
            heard = afterLast(claim);
            if (event) yield event;
          }
          await options.files.removeAll(id);
          await exchange.forget(id);
          return ended.resolve(why);
        }
        fault = "";
        await pause(pollMs);
      } catch (error) {
        const { message } = error as Error;
        if (message !== fault) onNote("warn", "round elsewhere", { job: id, error: fault = message });
        wait(message);
        await pause(5 * pollMs);
      }
    }
  }
  const told = (async function* () {
    try {
      yield* events();
    } finally {
      ended.resolve("the service has left it");
    }
  })();
  const stop = () => {
    stopping = true;
    wake.abort();
    wake = new AbortController();
  };
  return {
    pid: null,
    get heard() {
      return heard;
    },
    ...{ events: told, ended: ended.promise, stop },
    leave: () => left.abort(),
    kill() {
      stop();
      looking(round, options)(true).catch((error) =>
        onNote("warn", "round elsewhere", { job: id, error: String(error) })
      );
    },
  };
}

/** Brings what a round has left into the job's folder: of one that is finished the student, of another what it can go on from. */
async function collect({ files: kept, end }: RoundRecord, files: ShardFiles, folder: string): Promise<void> {
  const finished = end?.event?.type === "finished", spent: readonly string[] = finished ? CHECKPOINTS : [];
  const wanted = kept.filter(({ path }) => !path.startsWith(`${TEACHER}/`) && !spent.includes(path));
  await fetchFiles(files, folder, wanted);
}

/** Looks how a round stands, and does what is the service's to do: offers it, takes it from who is silent, ends it where it is told to stop. */
function looking(round: RoundToRun, options: NatsRunnerOptions) {
  const { exchange, lease = 60 } = options, { id } = round;
  let before: KeptRecord | undefined, since = performance.now();
  /** Changes the record, where nobody else has; the next look shows. */
  const change = async ({ record, revision }: KeptRecord, values: Partial<RoundRecord>): Promise<RoundRecord> => {
    const fresh = { ...record, ...values };
    return await exchange.put(id, fresh, revision) === undefined ? record : fresh;
  };
  const end = (kept: KeptRecord, event: RoundEvent | null, why: string) =>
    change(kept, { state: "ended", token: "", end: { event, why } });
  /** @returns the record; undefined where there is none, and none is to be */
  return async (stopping: boolean): Promise<RoundRecord | undefined> => {
    const found = await exchange.get(id).catch((error) => {
      since = performance.now(); // who could not be heard was not silent
      throw error;
    });
    if (!found) {
      return stopping || existsSync(join(round.folder, RESULT))
        ? undefined
        : await offer(round, options, before?.record);
    }
    const read = roundRecord.safeParse(found.value);
    if (!read.success) throw new TypeError(`the record of ${id} cannot be read: ${z.prettifyError(read.error)}`);
    const kept: KeptRecord = { record: read.data, revision: found.revision }, { record } = kept;
    if (before?.revision !== kept.revision) since = performance.now();
    before = kept;
    if (record.state === "ended") return record;
    if (record.state === "offered") {
      if (stopping) return await end(kept, null, "it was told to stop while nobody had it");
      if (record.tries < MOST_RESTARTS) return record.stop ? await change(kept, { stop: false }) : record;
      const reason =
        `${MOST_RESTARTS} claims in a row did not get beyond update ${record.reached}; the last: ${record.reason}`;
      return await end(kept, { type: "failed", reason }, reason);
    }
    if (performance.now() - since > 1000 * lease) {
      return await change(kept, {
        state: "offered",
        token: "",
        reason: `${record.worker} was not heard of for ${lease} s`,
      });
    }
    return stopping && !record.stop ? await change(kept, { stop: true }) : record;
  };
}

/** Offers a round as its folder has it, or as it was before the server lost it. */
async function offer(
  { id, folder, settings, limits, heard, traceparent }: RoundToRun,
  { exchange, files, lease = 60, digest = digestIfThere }: NatsRunnerOptions,
  before?: RoundRecord,
): Promise<RoundRecord> {
  const free = { state: "offered", token: "", stop: false, beat: 0, end: null } as const;
  if (before) {
    const record: RoundRecord = { ...before, ...free, reason: "the server had lost it" };
    await exchange.put(id, record, 0);
    return record;
  }
  const claim = heard?.claim ?? 0, { dataSet } = await readCard(join(folder, TEACHER));
  const keeper = await keeperOf({ files, folder, begin: `${id}-${crypto.randomUUID()}` });
  const record: RoundRecord = {
    order: { job: id, version: VERSION, settings, limits, dataSet, ...(traceparent && { traceparent }), lease },
    ...free,
    ...{ claim, worker: null, data: await digest(dataSet) ?? null, files: await keeper.keep(), reached: 0, tries: 0 },
    reason: null,
  };
  await exchange.put(id, record, 0);
  return record;
}

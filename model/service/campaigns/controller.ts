/**
 * Runs campaigns: offers their shards, collects what is drawn in the order of shards, and ends when enough is found or all is drawn. Each step is
 * committed before the next, and can be repeated: whenever the process is killed, the next start goes on to the same results.
 */
import { join } from "node:path";
import {
  type Campaign,
  type CampaignEvent,
  type CampaignState,
  isActive,
  type StoredEvent,
} from "../../campaigns/campaign.ts";
import { forgetKeys, type Taken } from "../../campaigns/collect.ts";
import type { Collecting } from "../../campaigns/collecting.ts";
import { AwayError, type CampaignEngine, type ShardRecord } from "../../campaigns/engine.ts";
import { drawnAs, shardFile, type ShardFiles, type ShardOrder } from "../../campaigns/shard.ts";
import { type CampaignStore, UnknownCampaignError } from "../../campaigns/store.ts";
import { asleep } from "../../../chem/breathe.ts";
import { type WindowName, windowNames } from "../../../chem/where/windows.ts";
import { createBell } from "../../diffusion/bell.ts";
import { absent } from "../../diffusion/files.ts";
import { isFull } from "../../diffusion/storage.ts";
import { unlessAborted } from "../held.ts";
import { clearCampaigns, markRemoved, type OnNote, sweepFolders } from "./retention.ts";

/** A campaign has to be in another state for what is asked. */
export class CampaignStateError extends Error {
  override readonly name = "CampaignStateError";
  constructor(readonly campaign: string, readonly state: CampaignState, wanted: string) {
    super(`campaign ${campaign} must be ${wanted} for this; it is ${state}`);
  }
}

/** What may end by itself, and is waited for. */
class WaitError extends Error {
  override readonly name = "WaitError";
}

/** What campaigns are run with. */
export interface ControllerOptions {
  readonly store: CampaignStore;
  readonly engine: CampaignEngine;
  readonly files: ShardFiles;
  readonly collecting: Collecting;
  /** Campaigns' folders are in it, by their ids. */
  readonly folder: string;
  /** Bytes that the results of all campaigns may have. */
  readonly mostBytes: number;
  /** Shards of a campaign that are offered beyond those that are collected. */
  readonly window?: number;
  /** Milliseconds until it is tried again, where there is no room. Default 30,000. */
  readonly waitMs?: number;
  /** Campaigns that have ended which are kept; see `retention.ts`. All where absent. */
  readonly keep?: number;
  readonly now?: () => number;
  readonly onNote?: OnNote;
}

/** Who counts what happens to shards. A shard is told once for each time that it happens to it. */
export interface ShardObserver {
  /** It is collected, and committed. @param seconds that its worker took, where it tells */
  collected(campaign: Campaign, taken: Taken, seconds: number | undefined): void;
  /** A try to draw it ended in vain: it is drawn again, or is dead. */
  ended(how: "failed" | "dead"): void;
}

/** See above. */
export interface CampaignController {
  /** Tells an observer of shards from now on. */
  observe(observer: ShardObserver): void;
  /** How many campaigns are in each state, as `get` has them. */
  states(): Partial<Record<CampaignState, number>>;
  /** Begins with one that is kept already. */
  start(campaign: Campaign): void;
  /** Goes on with one that failed: its dead shards are offered again. @throws UnknownCampaignError, CampaignStateError */
  resume(id: string): Promise<Campaign>;
  /** Ends a campaign, and removes all of it. @throws UnknownCampaignError */
  remove(id: string): Promise<void>;
  /** As `store.get`, and the wait that could not be written down. */
  get(id: string): Campaign;
  /** As `get`. */
  seen(campaign: Campaign): Campaign;
  /** The campaign's folder. */
  folderOf(id: string): string;
  /** Events after one, and those to come, until the campaign has ended. Of one that is not there, or is removed meanwhile, the last is `removed`. */
  watch(id: string, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent, void, void>;
  /** Goes on with what an earlier life of the service began, and removes folders of campaigns that are forgotten. */
  recover(): Promise<void>;
  /** Stops; campaigns go on when the service starts again. */
  stop(): Promise<void>;
}

/** Events that are read at once: each has as many reasons as a filter has rules. */
const EVENTS = 100;

/** A campaign's shard. */
export function orderOf({ id, order, seed, draws, settings, means }: Campaign, shard: number): ShardOrder {
  const first = shard * order.shardSize, count = Math.min(order.shardSize, draws - first);
  return { campaign: id, shard, seed, first, count, settings, ...drawnAs(order), ...means };
}

/** Names of the values that a campaign's molecules have. */
export const valuesOf = ({ order: { where } }: Pick<Campaign, "order">): WindowName[] =>
  windowNames.filter((name) => where[name] !== undefined);

/** See {@link CampaignController}. */
export function createController(options: ControllerOptions): CampaignController {
  const { store, engine, files, collecting, folder, mostBytes, window = 4, waitMs = 30_000, keep } = options;
  const { now = Date.now, onNote = () => {} } = options;
  const bell = createBell(), runs = new Map<string, { readonly end: AbortController; readonly over: Promise<void> }>();
  /** Waits that could not be written down, as there was no room for it. */
  const waits = new Map<string, string>();
  /** Removals on their way. */
  const removals = new Map<string, Promise<void>>();
  const observers: ShardObserver[] = [];
  let stopping = false, tidied = Promise.resolve();

  const folderOf = (id: string) => join(folder, id);
  const tell = (id: string, event: CampaignEvent) => {
    store.append(id, event);
    bell.ring();
  };
  const enter = (id: string, state: CampaignState, reason: string | null = null) => {
    const ended = isActive(state) ? null : now();
    store.change(id, { state, reason, ended });
    waits.delete(id);
    tell(id, { type: "state", state, reason });
    onNote(state === "failed" ? "warn" : "info", "campaign", { campaign: id, state, ...(reason && { reason }) });
  };
  const pause = (id: string, reason: string) => {
    if (waits.has(id) || (store.get(id).state === "paused" && store.get(id).reason === reason)) return;
    try {
      enter(id, "paused", reason);
    } catch (error) {
      if (!isFull(error)) throw error;
      waits.set(id, reason);
      onNote("warn", "campaign", { campaign: id, state: "paused", reason });
    }
  };
  const unpause = (id: string) => {
    if (waits.has(id) || store.get(id).state === "paused") enter(id, "running");
  };

  /** Tells observers of tries in vain, each once, however often an engine tells of a shard. */
  const counted = () => {
    const last = new Map<number, string>();
    return ({ shard, state, deliveries, reason }: ShardRecord) => {
      const before = last.get(shard);
      if (before === "dead") return; // what comes after that is older news
      const now = state === "dead" ? state : [state, deliveries, reason].join(" ");
      if (state === "done") last.delete(shard);
      else last.set(shard, now);
      if (now === before || !(state === "dead" || (state === "offered" && reason))) return;
      for (const { ended } of observers) ended(state === "dead" ? "dead" : "failed");
    };
  };

  /** Rings at each news of the campaign's shards, and once a while. */
  const listen = (id: string, signal: AbortSignal) => {
    const news = createBell(), timer = setInterval(news.ring, 1000), count = counted();
    const hear = async () => {
      for await (const record of engine.watch(id, signal)) {
        const { state, reason } = record;
        count(record);
        if (state === "offered" && reason) pause(id, reason);
        news.ring();
      }
    };
    const over = hear().catch((error) => {
      if (!signal.aborted) onNote("warn", "campaign", { campaign: id, error: String(error) });
    }).finally(() => clearInterval(timer));
    return { news, over, count };
  };

  /** The file of a shard that is done; undefined where it is gone: then the shard is drawn again. */
  const fileOf = async (order: ShardOrder) => {
    try {
      return await files.get(shardFile(order));
    } catch (error) {
      absent(error);
      await engine.forget(order.campaign, order.shard + 1);
    }
  };

  /** Keeps what a shard added. @param seconds since the last one */
  const commit = (id: string, taken: Taken, seconds: number, { result }: ShardRecord) => {
    const { progress } = store.get(id), { kept, text, gzip, sdf } = taken, rejected = { ...progress.rejected };
    for (const [reason, count] of Object.entries(taken.rejected)) rejected[reason] = (rejected[reason] ?? 0) + count;
    const next = {
      shards: progress.shards + 1,
      drawn: progress.drawn + taken.drawn,
      passed: progress.passed + taken.passed,
      rejected: Object.fromEntries(Object.entries(rejected).sort(([a], [b]) => a < b ? -1 : 1)),
      kept: progress.kept + kept,
      duplicates: progress.duplicates + taken.duplicates,
      flat: taken.flat,
      text: progress.text + text,
      bytes: { ...progress.bytes, ndjson: progress.bytes.ndjson + gzip, sdf: progress.bytes.sdf + sdf },
      seconds: Math.round(1000 * (progress.seconds + seconds)) / 1000,
    };
    store.commit(id, progress.shards, { rows: kept, text, gzip }, next);
    bell.ring();
    for (const { collected } of observers) collected(store.get(id), taken, result?.seconds);
  };

  const collector = (campaign: Campaign) =>
    collecting.open({
      folder: folderOf(campaign.id),
      formats: campaign.order.formats,
      unique: campaign.order.unique,
      values: valuesOf(campaign),
      sdf: campaign.progress.bytes.sdf,
      parts: store.parts(campaign.id),
    });

  /** Runs a campaign to its end. @throws WaitError, and what may be tried again where it is a full disk */
  async function advance(id: string, signal: AbortSignal): Promise<void> {
    const campaign = store.get(id), { order: { want }, shards } = campaign, begun = new AbortController();
    const collects = await collector(campaign),
      { news, over, count } = listen(id, AbortSignal.any([signal, begun.signal]));
    let offered = campaign.progress.shards, since = now();
    try {
      unpause(id);
      for (;;) {
        signal.throwIfAborted();
        const { progress: { shards: next, kept } } = store.get(id);
        if (next === shards || kept >= want) break;
        const until = Math.min(shards, next + window), heard = news.next(signal);
        if (offered < until) {
          await engine.offer(Array.from({ length: until - offered }, (_, k) => orderOf(campaign, offered + k)));
          offered = until;
        }
        const [record] = await engine.shards(id, { from: next, to: next + 1 });
        if (record?.state === "dead") {
          count(record);
          throw new Error(`shard ${next} is dead, after ${record.deliveries} tries: ${record.reason}`);
        }
        if (record?.state !== "done") {
          await heard;
          continue;
        }
        if (store.bytes >= mostBytes) {
          throw new WaitError(`results of all campaigns have ${store.bytes} bytes; ${mostBytes} are allowed here`);
        }
        const shard = orderOf(campaign, next), file = await fileOf(shard);
        if (!file) {
          offered = next;
          continue;
        }
        const taken = await collects.take(file, want - kept), time = now();
        signal.throwIfAborted();
        commit(id, taken, (time - since) / 1000, record);
        since = time;
        unpause(id);
        await engine.forget(id, next + 1);
        await files.remove(shardFile(shard));
      }
      if (store.get(id).state !== "finishing") enter(id, "finishing");
      await engine.cancel(id);
      await files.removeAll(id);
      // It takes an hour where there are millions, which neither a removal nor the service's end waits for.
      const parquet = await unlessAborted(collects.finish(store.parts(id)), signal), { progress } = store.get(id);
      signal.throwIfAborted();
      store.change(id, { progress: { ...progress, bytes: { ...progress.bytes, parquet } } });
      const enough = progress.kept >= want;
      enter(id, "done", enough ? null : `all ${campaign.draws} molecules were drawn before ${want} were found`);
      await forgetKeys(folderOf(id)).catch((error) =>
        onNote("warn", "campaign", { campaign: id, error: String(error) })
      );
    } finally {
      begun.abort();
      collects.close();
      await over;
    }
  }

  async function run(id: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await advance(id, signal);
      } catch (error) {
        if (signal.aborted) return;
        const why = error instanceof Error ? error.message : String(error), full = isFull(error);
        try {
          if (!full && !(error instanceof WaitError || error instanceof AwayError)) return enter(id, "failed", why);
          pause(id, full ? `there is no room for results: ${why}` : why);
        } catch (error) {
          onNote("warn", "campaign", { campaign: id, error: String(error) });
        }
        await asleep(waitMs, signal);
      }
    }
  }

  const start = ({ id }: Pick<Campaign, "id">) => {
    if (stopping || runs.has(id)) return;
    const end = new AbortController();
    const over = run(id, end.signal).finally(() => {
      if (runs.get(id)?.end === end) runs.delete(id);
      tidy();
    });
    runs.set(id, { end, over });
  };
  const halt = async (id: string) => {
    const one = runs.get(id);
    one?.end.abort(new DOMException("the campaign is stopped", "AbortError"));
    await one?.over;
  };
  const erase = async (id: string) => {
    await halt(id);
    try {
      await engine.cancel(id);
      await markRemoved(folderOf(id));
      store.remove(id);
    } catch (error) {
      if (isActive(store.get(id).state)) start({ id }); // it goes on as if nobody had asked
      throw error;
    }
    waits.delete(id);
    bell.ring();
    await files.removeAll(id);
    await Deno.remove(folderOf(id), { recursive: true }).catch(absent);
    onNote("info", "campaign", { campaign: id, state: "removed" });
  };
  const remove = async (id: string) => {
    store.get(id);
    const removal = removals.get(id) ?? erase(id).finally(() => removals.delete(id));
    removals.set(id, removal);
    await removal;
  };
  /** One after the other, behind whatever ended last. */
  const tidy = () => {
    if (keep === undefined) return;
    tidied = tidied.then(() => clearCampaigns(store, { keep, remove, stopping: () => stopping })).catch((error) =>
      onNote("warn", "campaigns", { error: String(error) })
    );
  };
  const seen = (campaign: Campaign): Campaign => {
    const reason = waits.get(campaign.id);
    return reason === undefined ? campaign : { ...campaign, state: "paused", reason };
  };

  return {
    observe: (observer) => void observers.push(observer),
    states() {
      const states = store.states();
      for (const id of waits.keys()) {
        const { state } = store.get(id);
        states[state]!--;
        states.paused = (states.paused ?? 0) + 1;
      }
      return states;
    },
    start(campaign) {
      tell(campaign.id, { type: "state", state: campaign.state, reason: null });
      start(campaign);
    },
    async resume(id) {
      const { state } = store.get(id);
      if (removals.has(id)) throw new UnknownCampaignError(id);
      if (state !== "failed") throw new CampaignStateError(id, state, "failed");
      await runs.get(id)?.over;
      await engine.revive(id);
      // The next file may be why it failed. It is a function of its order: without it, the shard is drawn again.
      await files.remove(shardFile({ campaign: id, shard: store.get(id).progress.shards }));
      enter(id, "running");
      start({ id });
      return store.get(id);
    },
    remove,
    get: (id) => seen(store.get(id)),
    seen,
    folderOf,
    async *watch(id, after, signal) {
      for (let at = after; !signal.aborted && !stopping;) {
        const ring = bell.next(signal);
        let over: boolean;
        try {
          over = !isActive(store.get(id).state);
        } catch (error) {
          if (!(error instanceof UnknownCampaignError)) throw error;
          yield { id: at + 1, at: now(), event: { type: "removed" } };
          return;
        }
        for (let some; (some = store.events(id, { after: at, limit: EVENTS })).length > 0;) {
          for (const one of some) {
            at = one.id;
            yield one;
          }
        }
        if (over) return;
        await ring;
      }
    },
    async recover() {
      await sweepFolders({ store, files, folder, onNote });
      for (const campaign of store.active()) start(campaign);
      tidy();
    },
    async stop() {
      stopping = true;
      bell.ring();
      await Promise.all([...runs.keys()].map(halt));
      await tidied;
    },
  };
}

/** Campaigns, how far each is, and what happened in it: in SQLite. */
import type { SQLInputValue } from "node:sqlite";
import { z } from "zod";
import { type DatabaseFile, thin } from "../diffusion/sqlite.ts";
import {
  type Campaign,
  CAMPAIGN_STATES,
  type CampaignEvent,
  campaignEvent,
  campaignFacts,
  type CampaignProgress,
  campaignProgress,
  type CampaignState,
  isActive,
  type StoredEvent,
} from "./campaign.ts";

/** No campaign of this id. */
export class UnknownCampaignError extends RangeError {
  override readonly name = "UnknownCampaignError";
  constructor(readonly id: string) {
    super(`there is no campaign ${id}`);
  }
}

/** What of a campaign changes. */
export type CampaignChanges = Partial<Pick<Campaign, "state" | "reason" | "progress" | "ended">>;

/** What a shard added to the NDJSON: molecules, and bytes, as text and as compressed. */
export interface Part {
  readonly rows: number;
  readonly text: number;
  readonly gzip: number;
}

/** A part, and where it begins. */
export interface PlacedPart extends Part {
  readonly rowFrom: number;
  readonly textFrom: number;
  readonly gzipFrom: number;
}

/** See above. */
export interface CampaignStore {
  add(campaign: Campaign): void;
  /** @throws UnknownCampaignError */
  get(id: string): Campaign;
  /** Newest first. */
  list(limit: number, offset: number): Campaign[];
  readonly count: number;
  /** How many campaigns are in each state; states of none are left out. */
  states(): Partial<Record<CampaignState, number>>;
  /** Campaigns that a service has to see to, oldest first. */
  active(): Campaign[];
  /** Ids of campaigns that have ended, without the `keep` which ended last: first the one that ended last of them. */
  ended(keep: number, limit: number): string[];
  /** Bytes of the results of all campaigns. */
  readonly bytes: number;
  /** @throws UnknownCampaignError */
  change(id: string, changes: CampaignChanges): Campaign;
  /** Commits a shard that is collected: its part, how far the campaign is then, and the event that says so. */
  commit(id: string, shard: number, part: Part, progress: CampaignProgress): void;
  /** Compressed bytes of each part, in the order of shards. */
  parts(id: string): number[];
  /** The part that has a row, or a byte of text, and those behind it; those of no rows are left out. */
  partsFrom(id: string, by: "row" | "text", at: number, limit: number): PlacedPart[];
  /** Forgets a campaign, its parts and events. */
  remove(id: string): void;
  /** Keeps an event; of those that tell of progress half are dropped whenever there are too many. */
  append(id: string, event: CampaignEvent): StoredEvent;
  /** The id of a campaign's last event; 0 where it has none. */
  lastEvent(id: string): number;
  /** Events of a campaign with ids above `after`, ascending. */
  events(id: string, options?: { after?: number; limit?: number }): StoredEvent[];
}

const toCampaign = ({ id, state, reason, facts, progress, created, ended }: Record<string, unknown>): Campaign => {
  const read = z.object({
    facts: campaignFacts,
    progress: campaignProgress,
    state: z.enum(CAMPAIGN_STATES),
    reason: z.string().nullable(),
    ended: z.number().nullable(),
  }).safeParse({ state, reason, ended, facts: JSON.parse(String(facts)), progress: JSON.parse(String(progress)) });
  if (!read.success) throw new Error(`the row of campaign ${id} cannot be read: ${z.prettifyError(read.error)}`);
  const { facts: known, ...rest } = read.data;
  return { id: String(id), ...known, ...rest, created: Number(created) };
};

const toEvent = ({ id, at, event }: Record<string, unknown>): StoredEvent => ({
  id: Number(id),
  at: Number(at),
  event: campaignEvent.parse(JSON.parse(String(event))),
});

const toPart = (row: Record<string, unknown>): PlacedPart => ({
  rowFrom: Number(row.row_from),
  rows: Number(row.rows),
  textFrom: Number(row.text_from),
  text: Number(row.text),
  gzipFrom: Number(row.gzip_from),
  gzip: Number(row.gzip),
});

/** @param mostEvents that tell of progress are kept of a campaign */
export function createCampaignStore(
  { open, rows, atomically }: DatabaseFile,
  { mostEvents = 1000, now = Date.now }: { readonly mostEvents?: number; readonly now?: () => number } = {},
): CampaignStore {
  const get = (id: string): Campaign => {
    const [row] = rows("SELECT * FROM campaigns WHERE id = ?", id);
    if (!row) throw new UnknownCampaignError(id);
    return toCampaign(row);
  };
  const append = (id: string, event: CampaignEvent): StoredEvent => {
    const at = now(), all = open();
    const { lastInsertRowid } = all.prepare("INSERT INTO events (campaign, type, at, event) VALUES (?, ?, ?, ?)")
      .run(id, event.type, at, JSON.stringify(event));
    if (event.type === "progress") thin(all, "campaign", id, event.type, mostEvents);
    return { id: Number(lastInsertRowid), at, event };
  };
  return {
    add({ id, state, reason, progress, created, ended, ...facts }) {
      open().prepare(
        "INSERT INTO campaigns (id, state, reason, facts, progress, created, ended) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(id, state, reason, JSON.stringify(facts), JSON.stringify(progress), created, ended);
    },
    get,
    list: (limit, offset) =>
      rows("SELECT * FROM campaigns ORDER BY number DESC LIMIT ? OFFSET ?", limit, offset).map(toCampaign),
    get count() {
      return Number(rows("SELECT count(*) AS n FROM campaigns")[0]?.n ?? 0);
    },
    states: () =>
      Object.fromEntries(
        rows("SELECT state, count(*) AS n FROM campaigns GROUP BY state").map(({ state, n }) => [state, Number(n)]),
      ),
    active: () =>
      rows("SELECT * FROM campaigns WHERE state NOT IN ('done', 'failed') ORDER BY number").map(toCampaign)
        .filter(({ state }) => isActive(state)),
    ended: (keep, limit) =>
      rows(
        "SELECT id FROM campaigns WHERE state IN ('done', 'failed') ORDER BY ended DESC, number DESC LIMIT ? OFFSET ?",
        ...[limit, keep],
      ).map(({ id }) => String(id)),
    get bytes() {
      const sum = ["ndjson", "sdf", "parquet"].map((name) => `json_extract(progress, '$.bytes.${name}')`).join(" + ");
      return Number(rows(`SELECT coalesce(sum(${sum}), 0) AS n FROM campaigns`)[0]?.n ?? 0);
    },
    change(id, changes) {
      const columns = (["state", "reason", "progress", "ended"] as const).filter((column) => column in changes);
      const values = columns.map((column): SQLInputValue =>
        column === "progress" ? JSON.stringify(changes.progress) : changes[column]!
      );
      open().prepare(`UPDATE campaigns SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE id = ?`)
        .run(...values, id);
      return get(id);
    },
    commit: (id, shard, { rows: added, text, gzip }, progress) =>
      atomically((all) => {
        const before = all.prepare("SELECT progress FROM campaigns WHERE id = ?").get(id);
        if (!before) throw new UnknownCampaignError(id);
        const { kept, text: textFrom, bytes } = campaignProgress.parse(JSON.parse(String(before.progress)));
        all.prepare("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
          .run(id, shard, kept, added, textFrom, text, bytes.ndjson, gzip);
        all.prepare("UPDATE campaigns SET progress = ? WHERE id = ?").run(JSON.stringify(progress), id);
        const { rejected: _, ...told } = progress;
        append(id, { type: "progress", ...told });
      }),
    parts: (id) => rows("SELECT gzip FROM parts WHERE campaign = ? ORDER BY shard", id).map(({ gzip }) => Number(gzip)),
    partsFrom(id, by, at, limit) {
      const [from, size] = by === "row" ? ["row_from", "rows"] : ["text_from", "text"];
      return rows(
        `SELECT * FROM parts WHERE campaign = ? AND rows > 0 AND ${from} >= coalesce((
           SELECT max(${from}) FROM parts WHERE campaign = ? AND rows > 0 AND ${from} <= ?
         ), 0) AND ${from} + ${size} > ? ORDER BY ${from} LIMIT ?`,
        ...[id, id, at, at, limit],
      ).map(toPart);
    },
    remove: (id) =>
      atomically((all) => {
        for (const table of ["parts", "events"]) all.prepare(`DELETE FROM ${table} WHERE campaign = ?`).run(id);
        all.prepare("DELETE FROM campaigns WHERE id = ?").run(id);
      }),
    append,
    lastEvent: (id) => Number(rows("SELECT max(id) AS id FROM events WHERE campaign = ?", id)[0]?.id ?? 0),
    events: (id, { after = 0, limit = -1 } = {}) =>
      rows("SELECT * FROM events WHERE campaign = ? AND id > ? ORDER BY id LIMIT ?", id, after, limit).map(toEvent),
  };
}

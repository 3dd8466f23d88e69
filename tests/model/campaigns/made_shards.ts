/** Shards that no model draws, for tests: what passes, and which molecules are equal, follows from seed and index alone. */
import { gzipSync } from "node:zlib";
import { type Campaign, NO_PROGRESS } from "../../../model/campaigns/campaign.ts";
import { campaignOrder } from "../../../model/campaigns/order.ts";
import { type runShard, shardFile, type ShardOrder } from "../../../model/campaigns/shard.ts";
import { countsLine, type ShardCounts, type ShardLine } from "../../../model/campaigns/shard_file.ts";

/** Kinds of molecules there are: few, so that many are found twice. */
export const KINDS = 700;

/** 32 bits of a seed and an index. */
function hash(seed: number, index: number): number {
  let value = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 12)) >>> 0;
}

const letters = (value: number, length: number) =>
  Array.from({ length }, (_, k) => String.fromCharCode(65 + (Math.imul(value + k, 0x9e3779b1) >>> 8) % 26)).join("");

/** The InChIKey of a kind: two of them are stereoisomers each. */
const keyOf = (kind: number) => `${letters(kind - kind % 2, 14)}-${letters(kind + 9999, 8)}SA-N`;

/** The lines and counts of a shard. One molecule in three passes. */
export function madeShard({ seed, first, count }: Pick<ShardOrder, "seed" | "first" | "count">) {
  const lines: ShardLine[] = [], rejected: Record<string, number> = {};
  for (let index = first; index < first + count; index++) {
    const value = hash(seed, index), kind = value % KINDS;
    if (value % 3 > 0) {
      const reason = value % 3 === 1 ? "invalid" : "logP";
      rejected[reason] = (rejected[reason] ?? 0) + 1;
      continue;
    }
    const inchikey = kind === 0 ? null : keyOf(kind), smiles = `C${"C".repeat(kind % 7)}O`;
    lines.push({
      ...{ index, valid: true, stable: true, connected: true, decoding: "valence", smiles, inchikey },
      symbols: ["C", "O"],
      positions: [[0, 0, 0], [0, 0, kind / 1000]],
      bonds: [{ i: 0, j: 1, order: 1 }],
      values: { logP: kind / 100 },
      sdf: `molecule ${index}\n\n\nM  END\n$$$$\n`,
    });
  }
  const counts: ShardCounts = { drawn: count, passed: lines.length, rejected };
  return { lines, counts };
}

/** The file of a shard. */
export function madeFile(order: Pick<ShardOrder, "seed" | "first" | "count">): Uint8Array<ArrayBuffer> {
  const { lines, counts } = madeShard(order);
  return new Uint8Array(gzipSync(lines.map((line) => JSON.stringify(line) + "\n").join("") + countsLine(counts)));
}

/** In the place of `runShard`. */
export const runMade: typeof runShard = async (order, { files }, signal) => {
  signal.throwIfAborted();
  const bytes = madeFile(order);
  await files.put(shardFile(order), bytes);
  return { ...madeShard(order).counts, bytes: bytes.length };
};

/** A campaign that has not begun. */
export function madeCampaign(asked: Record<string, unknown> = {}): Campaign {
  const order = campaignOrder.parse({
    want: 400,
    steps: 4,
    seed: 1,
    shardSize: 256,
    where: { logP: { max: 10 } },
    ...asked,
  });
  const draws = order.maxDraws ?? 12_800;
  return {
    id: crypto.randomUUID(),
    ...{ state: "running", reason: null, order, seed: order.seed ?? 1, draws },
    shards: Math.ceil(draws / order.shardSize),
    settings: {
      ...{ model: "made", sampler: "ddpm", algorithm: "ddpm", steps: 4, grid: { type: "uniform" }, options: {} },
      ...{ decoding: "valence", clamp: 0 },
    },
    means: { version: "1", backend: "cpu", precision: "f32", refine: "none" },
    estimate: {
      trial: { drawn: 16, passed: 5, duplicates: 0, seconds: 1 },
      ...{
        moleculesPerSecond: 16,
        passRate: 0.3,
        passRateInterval: [0.1, 0.6],
        draws: 1200,
        seconds: 75,
        bytes: 100_000,
        enough: true,
      },
      most: { draws, seconds: 800, bytes: 100_000 },
    },
    ...{ progress: NO_PROGRESS, created: 1, ended: null },
  };
}

/** Shards of tests and simulations: orders that nobody has to draw, and files that are a function of them. */
import { gzipSync } from "node:zlib";
import { shardFile, type ShardFiles, type ShardOrder, type ShardResult } from "../../../model/campaigns/shard.ts";
import { inchikeyOf } from "./inchikeys.ts";

/** The order of a shard of 256 molecules. */
export const orderOf = (campaign: string, shard: number): ShardOrder => ({
  ...{ campaign, shard, seed: 1, first: 256 * shard, count: 256, where: {} },
  settings: {
    ...{ model: "qm9", sampler: "ddim", algorithm: "ddim", steps: 4, grid: { type: "uniform" } },
    ...{ options: {}, decoding: "argmax", clamp: 0 },
  },
  ...{ version: "9", backend: "wasm", precision: "f32", refine: "none" },
});

/** Orders of shards from one to another. */
export const ordersOf = (campaign: string, from: number, to: number): ShardOrder[] =>
  Array.from({ length: to - from }, (_, k) => orderOf(campaign, from + k));

/** Methane for every molecule that passed. */
const LINE = {
  ...{ valid: true, stable: true, connected: true, decoding: "argmax", smiles: "C", symbols: ["C"] },
  ...{
    positions: [[0, 0, 0]],
    bonds: [],
    values: {},
    sdf: "methane\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n",
  },
};

/** Makes a shard's file without a model: of four molecules one passes, and of three that pass one has another's key. */
export async function fakeShard(
  { campaign, shard, first, count }: ShardOrder,
  files: ShardFiles,
  line: Readonly<Record<string, unknown>> = LINE,
): Promise<ShardResult> {
  const lines: string[] = [];
  for (let index = first; index < first + count; index += 4) {
    const number = index % 3 === 0 ? Math.floor(index / 5) * 2 : index;
    lines.push(JSON.stringify({ index, inchikey: inchikeyOf(number), ...line }));
  }
  const counts = { drawn: count, passed: lines.length, rejected: { logP: count - lines.length } };
  const bytes = gzipSync([...lines, JSON.stringify(counts)].join("\n") + "\n");
  await files.put(shardFile({ campaign, shard }), bytes);
  return { ...counts, bytes: bytes.length };
}

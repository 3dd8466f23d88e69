/** The file of a shard: a line of JSON for each molecule that passed, in the order of indices, and a last one of counts; in gzip members. */
import { z } from "zod";
import type { MoleculeJson } from "../generation/formats.ts";

/** What became of the molecules of a shard: drawn = passed + the sum of those rejected, by reason. */
export const shardCounts = z.strictObject({
  drawn: z.int().min(0),
  passed: z.int().min(0),
  rejected: z.record(z.string(), z.int().min(1)),
});

/** See {@link shardCounts}. */
export type ShardCounts = z.infer<typeof shardCounts>;

/** A molecule in a shard's file. */
export interface ShardLine extends MoleculeJson {
  /** What the filter's windows asked for. */
  readonly values: Readonly<Record<string, number>>;
  /** The record that an SDF has of it, those values included. */
  readonly sdf: string;
}

/** Reads a file, without its gzip. @throws SyntaxError where it does not end with its counts: it is no whole file */
export function readShard(bytes: Uint8Array): { counts: ShardCounts; lines: ShardLine[] } {
  const texts = new TextDecoder().decode(bytes).trimEnd().split("\n");
  const counts = shardCounts.safeParse(JSON.parse(texts.pop()!));
  if (!counts.success) {
    throw new SyntaxError(`the last line of a shard must be its counts; got ${counts.error.message}`);
  }
  if (counts.data.passed !== texts.length) {
    throw new SyntaxError(`a shard of ${counts.data.passed} molecules must have as many lines; got ${texts.length}`);
  }
  return { counts: counts.data, lines: texts.map((text) => JSON.parse(text)) };
}

/** The last line. */
export const countsLine = (counts: ShardCounts): string => JSON.stringify(counts) + "\n";

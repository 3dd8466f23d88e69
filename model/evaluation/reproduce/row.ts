/** A measured row as a file: what it is a measurement of, and what came out. */
import { join } from "node:path";
import { z } from "zod";
import { evaluationEntry } from "../record.ts";
import type { Evaluation } from "../evaluate.ts";
import { absent, readStored, writeAtomically } from "../../diffusion/files.ts";
import { type PlannedRow, ROW_KINDS } from "./plan.ts";

/** All that decides a row's numbers but the machine's speed: a row of the same key need not be measured again. */
const rowKey = z.strictObject({
  model: z.string(),
  version: z.string(),
  /** The first digits of the SHA-256 of the weights: a version that was forgotten is seen all the same. */
  weights: z.string(),
  sampler: z.string(),
  /** The sampler whose steps a student learned. */
  variant: z.string().nullable(),
  steps: z.int(),
  grid: z.looseObject({ type: z.string() }),
  options: z.record(z.string(), z.unknown()),
  decoding: z.string(),
  clamp: z.number(),
  count: z.int(),
  seed: z.int(),
  batch: z.int(),
  backend: z.string(),
});

export type RowKey = z.infer<typeof rowKey>;

const rowFile = z.looseObject({
  format: z.literal("molstep-reproduced-row"),
  kind: z.enum(ROW_KINDS),
  line: z.string(),
  shipped: z.boolean(),
  key: rowKey,
  evaluation: z.looseObject({
    ...evaluationEntry.shape,
    machine: z.looseObject({ cpu: z.string(), cores: z.number(), memoryGiB: z.number(), os: z.string() }),
    date: z.string(),
    data: z.looseObject({ metrics: z.looseObject({ moleculeStability: z.looseObject({ value: z.number() }) }) })
      .optional(),
  }),
});

/** A measured row. */
export type Row = z.infer<typeof rowFile>;

/** Where and with what a row is measured. */
export interface Setup {
  readonly model: string;
  readonly weights: string;
  readonly batch: number;
  readonly backend: string;
}

/** The key of a planned row. */
export function keyOf({ request: { count, seed, settings }, version, student }: PlannedRow, setup: Setup): RowKey {
  const { sampler, steps, grid, options, decoding, clamp } = settings;
  return {
    model: setup.model,
    version,
    weights: setup.weights,
    sampler,
    variant: student?.entry.variant ?? null,
    steps,
    grid,
    options,
    decoding,
    clamp,
    count,
    seed,
    batch: setup.batch,
    backend: setup.backend,
  };
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 12);
}

/** The first twelve digits of the SHA-256 of a file. */
export const fileDigest = async (path: string): Promise<string> => await digest(await readStored(path));

/** The folder of a table's rows. */
const rowsFolder = (out: string): string => join(out, "rows");

/** The name of a row's file: what a person looks for, then the key. */
export async function rowName(key: RowKey): Promise<string> {
  const text = JSON.stringify(rowKey.parse(key)); // in the schema's order
  const parts = [String(key.steps).padStart(4, "0"), key.variant ? `distilled-${key.variant}` : key.sampler];
  return `${parts.join("-").replace(/[^\w-]+/g, "")}-${await digest(new TextEncoder().encode(text))}.json`;
}

/** Writes a row so that its file is whole or not there. */
export async function writeRow(
  out: string,
  { kind, line, student }: PlannedRow,
  key: RowKey,
  evaluation: Evaluation,
): Promise<Row> {
  const { examples: _, ...kept } = evaluation;
  const row = {
    format: "molstep-reproduced-row",
    kind,
    line,
    shipped: student?.shipped ?? true,
    key,
    evaluation: kept,
  };
  await Deno.mkdir(rowsFolder(out), { recursive: true });
  const path = join(rowsFolder(out), await rowName(key));
  await writeAtomically(path, new TextEncoder().encode(JSON.stringify(row, null, 2) + "\n"));
  return rowFile.parse(JSON.parse(JSON.stringify(row)));
}

/**
 * The rows of a folder, by their files' names.
 *
 * @throws TypeError naming a file that is no row
 */
export async function readRows(out: string): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>(), folder = rowsFolder(out);
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(absent) ?? [];
  for (
    const { name } of entries.filter(({ name }) => name.endsWith(".json")).sort((a, b) => a.name < b.name ? -1 : 1)
  ) {
    const path = join(folder, name);
    let value: unknown;
    try {
      value = JSON.parse(await Deno.readTextFile(path));
    } catch (cause) {
      throw new TypeError(`${path} is not JSON: remove it, and its row is measured again`, { cause });
    }
    const result = rowFile.safeParse(value);
    if (!result.success) {
      throw new TypeError(`${path} is no row: remove it, and it is measured again\n${z.prettifyError(result.error)}`);
    }
    rows.set(name, result.data);
  }
  return rows;
}

/** Measures the rows that a folder lacks. */
import type { Validate } from "../../../chem/validator.ts";
import { evaluate } from "../evaluate.ts";
import type { Reference } from "../evaluate_reference.ts";
import type { Model } from "../../models/load.ts";
import { acceptOrder } from "../../generation/order.ts";
import { generateMolecules } from "../../generation/pipeline.ts";
import { type PlannedRow, workOf } from "./plan.ts";
import { keyOf, readRows, type Row, type RowKey, rowName, writeRow } from "./row.ts";
import type { Student } from "./students.ts";

/** Molecules whose order is settled together: many, so that batches of one size are full. */
const WINDOW = 2048;

/** A planned row with its key. */
export interface KeyedRow extends PlannedRow {
  readonly key: RowKey;
}

/**
 * Keys for planned rows; of two of one key, such as a recommended setting that is also a teacher's row, the first stays.
 *
 * @param weights the digest of a student's weights, or of the undistilled ones
 */
export async function keyRows(
  rows: readonly PlannedRow[],
  model: Pick<Model, "card" | "batch" | "backend">,
  weights: (student?: Student) => Promise<string>,
): Promise<KeyedRow[]> {
  const keyed = new Map<string, KeyedRow>();
  for (const row of rows) {
    const setup = {
      model: model.card.name,
      weights: await weights(row.student),
      batch: model.batch,
      backend: model.backend.name,
    };
    const key = keyOf(row, setup), name = await rowName(key);
    if (!keyed.has(name)) keyed.set(name, { ...row, key });
  }
  return [...keyed.values()];
}

/** The rows that a folder lacks. */
export async function missingRows(rows: readonly KeyedRow[], out: string): Promise<KeyedRow[]> {
  const measured = await readRows(out), missing: KeyedRow[] = [];
  for (const row of rows) if (!measured.has(await rowName(row.key))) missing.push(row);
  return missing;
}

/** What a molecule costs, in milliseconds: for each step, and besides (decoding, judging). */
export interface Cost {
  readonly stepMs: number;
  readonly moleculeMs: number;
}

/** The cost, from a batch of molecules at 4 steps after a short one to warm up. */
export async function timeModel(model: Model, validate: Validate, signal?: AbortSignal): Promise<Cost> {
  const steps = 4, count = model.batch;
  const draw = async (count: number, steps: number) => {
    const order = { count, steps, seed: 0, sampler: "ddim", grid: { type: "uniform" }, clamp: 0 } as const;
    const generation = generateMolecules(model, acceptOrder(model.card, { ...order, decoding: "argmax" }), {
      validate,
      detail: { inchikey: false },
      signal,
      window: count,
    });
    for await (const _ of generation.windows);
    return generation.timings;
  };
  await draw(Math.min(8, count), 1);
  const { sampleMs, decodeMs, validateMs } = await draw(count, steps);
  return { stepMs: sampleMs / (count * steps), moleculeMs: (decodeMs + validateMs) / count };
}

/** Milliseconds that rows take at this cost. */
export const costOf = (rows: readonly PlannedRow[], { stepMs, moleculeMs }: Cost): number =>
  rows.reduce((sum, row) => sum + workOf(row) * stepMs + row.request.count * moleculeMs, 0);

/** How to measure. */
export interface MeasureOptions {
  /** The folder that rows are written to. */
  readonly out: string;
  /** The model that draws a student's molecules; the undistilled one where none is given. It is disposed of by the caller. */
  readonly modelOf: (student?: Student) => Promise<Model>;
  readonly validate: Validate;
  readonly reference?: Reference;
  readonly signal?: AbortSignal;
  /** Called as a row goes on, with the fraction of it that is done. */
  readonly onProgress?: (row: KeyedRow, fraction: number) => void;
  /** Called when a row is on disk. */
  readonly onRow?: (row: Row, planned: KeyedRow) => void | Promise<void>;
}

/**
 * Measures rows one after the other; each is on disk before the next begins, so that an interrupt loses one at most.
 *
 * @throws the signal's reason where it is aborted
 */
export async function measureRows(rows: readonly KeyedRow[], options: MeasureOptions): Promise<void> {
  const { out, modelOf, validate, reference, signal, onProgress, onRow } = options;
  for (const row of rows) {
    signal?.throwIfAborted();
    const { request, key } = row, model = await modelOf(row.student);
    const generation = generateMolecules(model, request, {
      validate,
      detail: { inchikey: false, judge: true },
      signal,
      window: WINDOW,
      onProgress: (fraction) => onProgress?.(row, fraction),
    });
    const evaluation = await evaluate(generation.windows, {
      settings: { ...key },
      reference,
      generationMs: () => generation.timings.sampleMs + generation.timings.decodeMs,
      examples: 0,
      signal,
    });
    await onRow?.(await writeRow(out, row, key, evaluation), row);
  }
}

/** Whether the engine on a GPU computes what the engine on the CPU does: estimates, and whole samplings. */
import { type Computed, whatOf } from "../parity_subject.ts";
import type { EngineName } from "../engine_names.ts";
import type { Parity } from "../subject.ts";
import { startSubject, type SubjectProcess } from "../subject_process.ts";
import type { Result, Row } from "../table.ts";
import { message } from "../throughput.ts";

/** A network and what is compared of it. */
export interface ParityCase {
  readonly name: string;
  readonly network: Parity["network"];
  readonly batch: number;
  readonly computed: readonly Computed[];
}

/** What to compare. */
export interface ParityCheck {
  readonly cases: readonly ParityCase[];
  /** The place that is checked. Default: the engine on a GPU. */
  readonly place?: EngineName;
  /** The first that works here says what is right. Default: the native engine, then the one in WebAssembly. */
  readonly references?: readonly EngineName[];
  /** Most seconds until a network is open, or an answer is there. */
  readonly patience: number;
}

/**
 * Differences allowed, as a share of the largest number of a molecule, and how many molecules must keep to it. In a sampling a graph
 * that is chosen or an order that is taken may turn over by rounding, which takes a molecule elsewhere.
 */
export const ALLOWED = {
  estimates: { difference: 1e-4, share: 1 },
  sampling: { difference: 1e-3, share: 0.9 },
} as const;

/** The largest difference of each molecule's numbers as a share of its largest number; infinite where one is no number. */
export function differences(actual: readonly number[], expected: readonly number[], molecules: number): number[] {
  if (actual.length !== expected.length || expected.length % molecules !== 0) {
    throw new RangeError(`${molecules} molecules must have ${expected.length} numbers; got ${actual.length}`);
  }
  const length = expected.length / molecules;
  return Array.from({ length: molecules }, (_, b) => {
    let largest = 0, apart = 0;
    for (let k = b * length; k < (b + 1) * length; k++) {
      const difference = Math.abs(actual[k] - expected[k]);
      if (!Number.isFinite(difference)) return Infinity;
      apart = Math.max(apart, difference);
      largest = Math.max(largest, Math.abs(expected[k]));
    }
    return apart === 0 ? 0 : apart / largest;
  });
}

/** The row of one computation, from its differences. */
export function rowOf(name: Row, kind: keyof typeof ALLOWED, all: readonly number[]): Row {
  const { difference, share } = ALLOWED[kind], sorted = all.toSorted((a, b) => a - b);
  const agree = all.filter((one) => one <= difference).length / all.length;
  return {
    ...name,
    "median difference": sorted[sorted.length >> 1],
    "largest difference": sorted.at(-1)!,
    allowed: difference,
    "agree %": 100 * agree,
    note: agree >= share ? "" : `WRONG: at least ${100 * share} % must agree`,
  };
}

/** Opens the first place that works. Throws Error with all reasons where none does. */
async function openFirst(network: Parity["network"], places: readonly EngineName[], patience: number) {
  const reasons: string[] = [];
  for (const place of places) {
    try {
      return { place, process: await startSubject({ type: "parity", network, place }, patience) };
    } catch (error) {
      reasons.push(`${place}: ${message(error)}`);
    }
  }
  throw new Error(reasons.join("; "));
}

/** A row for each computation. Throws Error where a place does not work, or does not answer. */
export async function checkParity(
  { cases, place = "webgpu engine", references = ["native engine", "wasm engine"], patience }: ParityCheck,
): Promise<Result> {
  const rows: Row[] = [], why: Record<string, string> = {};
  for (const { name, network, batch, computed } of cases) {
    const opened: SubjectProcess[] = [];
    try {
      const reference = await openFirst(network, references, patience);
      opened.push(reference.process);
      const checked = await openFirst(network, [place], patience);
      opened.push(checked.process);
      why[place] = checked.process.why, why[reference.place] = reference.process.why;
      for (const one of computed) {
        const question = { batch, what: whatOf(one), seconds: 0 };
        const { sample: expected } = await reference.process.measure(question);
        const { sample } = await checked.process.measure(question);
        const kind = "steps" in one ? "sampling" : "estimates", steps = "steps" in one ? one.steps : null;
        const of = { network: name, what: kind, nodes: one.nodes, steps, molecules: batch, beside: reference.place };
        rows.push(rowOf(of, kind, differences(sample, expected, batch)));
      }
    } finally {
      await Promise.all(opened.map((process) => process.close()));
    }
  }
  return { bench: "gpu parity", settings: { place }, why, rows };
}

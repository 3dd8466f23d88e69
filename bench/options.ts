/** What `deno task bench` is told, checked once. */
import { parseArgs } from "node:util";
import { RUNTIMES } from "../model/engines/runtimes.ts";

/** The parts; all but `denoiser` run where none is named. */
export const PARTS = [
  ...["engine", "kernel", "sizes", "molecules", "train", "distill", "start", "memory", "service"] as const,
  "denoiser",
] as const;

/** Those that run where none is named. */
export const DEFAULT_PARTS = PARTS.filter((part) => part !== "denoiser");

/** One of {@link PARTS}. */
export type Part = typeof PARTS[number];

/** Where networks may run; see model/engines/runtimes.ts. */
type Runtime = typeof RUNTIMES[number];

/** Checked options. */
export interface BenchOptions {
  readonly only: readonly Part[];
  /** Least seconds of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Seconds that the rounds of one row may take. */
  readonly limit: number;
  /** Where results go; undefined for the default place, null for nowhere. */
  readonly out: string | null | undefined;
  /** A model's name or folder. */
  readonly model: string;
  /** Undefined: all. */
  readonly backends: readonly Runtime[] | undefined;
  readonly nodes: number;
  readonly batch: number;
  /** Of `memory`: molecules and steps of its request. */
  readonly molecules: number;
  readonly memorySteps: number;
  /** Of `service`: molecules and steps of a request, clients, requests of each. */
  readonly count: number;
  readonly steps: number;
  readonly clients: readonly number[];
  readonly requests: number;
  /** Of `service`: seconds of each load. */
  readonly window: number;
  /** Of `molecules`: numbers of steps. */
  readonly ladder: readonly number[];
}

/** How it is used. */
export const USAGE = `deno task bench [PART ...] [options]
Parts: ${PARTS.join(", ")} (default: all but denoiser). See docs/benchmarks.md.
  --only PARTS       parts, set apart by commas
  --seconds N        least length of a round (default 2)
  --rounds N         rounds of each candidate, in turns (default 3)
  --limit N          seconds that the rounds of one row may take; longer rows are left out (default 20)
  --out FILE         where results go; - for nowhere (default bench/results/<date>-<commit>[-<parts>].json)
  --model NAME       of all but engine, kernel, sizes and train: a model's name or folder (default qm9)
  --backend NAME     ${RUNTIMES.join(", ")}; may be repeated (default all)
  --nodes N, --batch N                                of denoiser (default 9, 64)
  --molecules N, --memory-steps N                     of memory (default 1000, 8)
  --ladder N,N,..                                     of molecules: numbers of steps (default 4,8,16,32,64,128)
  --count N, --steps N, --clients N,N,.., --requests N  of service: molecules and steps of a request, clients, and
                     least number of requests of each (default 16, 16, 1,4,16,64 and 4)
  --window N         of service: seconds of each load (default 10)`;

const CONFIG = {
  only: { type: "string" },
  seconds: { type: "string", default: "2" },
  rounds: { type: "string", default: "3" },
  limit: { type: "string", default: "20" },
  out: { type: "string" },
  model: { type: "string", default: "qm9" },
  backend: { type: "string", multiple: true },
  nodes: { type: "string", default: "9" },
  batch: { type: "string", default: "64" },
  molecules: { type: "string", default: "1000" },
  "memory-steps": { type: "string", default: "8" },
  count: { type: "string", default: "16" },
  steps: { type: "string", default: "16" },
  clients: { type: "string", default: "1,4,16,64" },
  requests: { type: "string", default: "4" },
  window: { type: "string", default: "10" },
  ladder: { type: "string", default: "4,8,16,32,64,128" },
  help: { type: "boolean" },
} as const;

function number(name: string, text: string, integer: boolean): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value) && (!integer || Number.isInteger(value))) return value;
  throw new RangeError(
    `--${name} must be a ${integer ? "whole number" : "number"} above 0; got ${JSON.stringify(text)}`,
  );
}

function chosen<T extends string>(what: string, names: readonly string[], allowed: readonly T[]): T[] {
  const wrong = names.find((name) => !(allowed as readonly string[]).includes(name));
  if (wrong !== undefined) throw new RangeError(`no ${what} ${JSON.stringify(wrong)}; there are ${allowed.join(", ")}`);
  return names as T[];
}

/**
 * Reads the command line; undefined where help is asked for.
 *
 * @throws TypeError for an unknown option, RangeError for a value that is not allowed
 */
export function parseBenchOptions(args: string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: CONFIG });
  if (values.help) return undefined;
  const parts = [...values.only?.split(",") ?? [], ...positionals];
  const whole = (name: keyof typeof values & string, text: string) => number(name, text, true);
  return Object.freeze({
    only: chosen("part", parts.length > 0 ? parts : DEFAULT_PARTS, PARTS),
    seconds: number("seconds", values.seconds, false),
    rounds: whole("rounds", values.rounds),
    limit: number("limit", values.limit, false),
    out: values.out === "-" ? null : values.out,
    model: values.model,
    backends: values.backend && chosen("backend", values.backend, RUNTIMES),
    nodes: whole("nodes", values.nodes),
    batch: whole("batch", values.batch),
    molecules: whole("molecules", values.molecules),
    memorySteps: whole("memory-steps", values["memory-steps"]),
    count: whole("count", values.count),
    steps: whole("steps", values.steps),
    clients: values.clients.split(",").map((text) => whole("clients", text)),
    requests: whole("requests", values.requests),
    window: number("window", values.window, false),
    ladder: values.ladder.split(",").map((text) => whole("ladder", text)),
  });
}

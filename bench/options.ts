/** What `deno task bench` is told, checked once. */
import { z } from "zod";
import { helpText, list, option, type Options, positive, readOptions, repeated, whole } from "../main/options.ts";
import { RUNTIMES } from "../model/engines/runtimes.ts";

/** The parts; all but `denoiser` run where none is named. */
export const PARTS = [
  ...["engine", "kernel", "sizes", "molecules", "train", "distill", "start", "memory", "service", "mmff94"] as const,
  "denoiser",
] as const;

/** Those that run where none is named. */
export const DEFAULT_PARTS = PARTS.filter((part) => part !== "denoiser");

/** One of {@link PARTS}. */
export type Part = typeof PARTS[number];

const OPTIONS = {
  only: option(
    "PARTS",
    `parts, set apart by commas, also as words: ${PARTS.join(", ")} (default all but denoiser)`,
    list(z.enum(PARTS)).prefault(DEFAULT_PARTS.join()),
  ),
  seconds: option("N", "least length of a round (default 2)", positive().default(2)),
  rounds: option("N", "rounds of each candidate, in turns (default 3)", whole(1).default(3)),
  limit: option(
    "N",
    "seconds that the rounds of one row may take; longer rows are left out (default 20)",
    positive().default(20),
  ),
  out: option(
    "FILE",
    "where results go; - for nowhere (default bench/results/<date>-<commit>[-<parts>].json)",
    z.string().optional(),
  ),
  model: option(
    "NAME",
    "of all but engine, kernel, sizes, train and mmff94: a model's name or folder (default qm9)",
    z.string().default("qm9"),
  ),
  backend: repeated("NAME", `${RUNTIMES.join(", ")}; may be repeated (default all)`, list(z.enum(RUNTIMES)).optional()),
  nodes: option("N", "of denoiser (default 9)", whole(1).default(9)),
  batch: option("N", "of denoiser (default 64)", whole(1).default(64)),
  molecules: option("N", "of memory: molecules of its request (default 1000)", whole(1).default(1000)),
  "memory-steps": option("N", "of memory: steps of its request (default 8)", whole(1).default(8)),
  ladder: option(
    "N,N,..",
    "of molecules: numbers of steps (default 4,8,16,32,64,128)",
    list(whole(1)).prefault("4,8,16,32,64,128"),
  ),
  count: option("N", "of service: molecules of a request (default 16)", whole(1).default(16)),
  steps: option("N", "of service: steps of a request (default 16)", whole(1).default(16)),
  clients: option("N,N,..", "of service: clients (default 1,4,16,64)", list(whole(1)).prefault("1,4,16,64")),
  requests: option("N", "of service: least number of requests of each client (default 4)", whole(1).default(4)),
  window: option("N", "of service: seconds of each load (default 10)", positive().default(10)),
} satisfies Options;

/** How it is used. */
export const usage = (): string =>
  helpText("deno task bench [PART ...]", "Measures how fast it is here. See docs/benchmarks.md.", OPTIONS);

/** Checked options. `out` is undefined for the default place, null for nowhere; `backends` undefined for all. */
export type BenchOptions = ReturnType<typeof readBenchOptions>;

/** Reads the command line. @throws UsageError, which says what is wrong */
export function readBenchOptions(args: readonly string[]) {
  const { out, backend: backends, "memory-steps": memorySteps, ...options } = readOptions(args, OPTIONS, "only");
  return { ...options, out: out === "-" ? null : out, backends, memorySteps };
}

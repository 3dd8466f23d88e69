/** Peak memory of a service that answers one large request, and molecules a second there and on the command line. */
import { join } from "node:path";
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { MAIN, startService } from "./service_process.ts";
import { median, pairedRatio, takeTurns } from "./statistics.ts";
import type { Result, Row } from "./table.ts";

/** What to measure. */
interface MemoryBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  /** Ratios are to the first that works. */
  readonly backends: readonly RuntimeChoice[];
  readonly count: number;
  readonly steps: number;
  readonly rounds: number;
}

/**
 * The most memory that a process has had resident, MiB, as the kernel keeps it (proc(5), VmHWM); null where there is no
 * such file.
 */
export async function peakMemory(pid: number): Promise<number | null> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const kibibytes = text.match(/^VmHWM:\s+(\d+) kB$/m)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) / 1024;
}

/** `main.ts generate` to a file. @returns seconds from the process's start to its end */
async function commandLine({ root, model, count, steps }: MemoryBench, backend: RuntimeChoice): Promise<number> {
  const out = await Deno.makeTempFile({ suffix: ".ndjson" });
  try {
    const started = performance.now();
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", MAIN, "generate", "--model", join(root, model), "--backend", backend, "--out", out],
        ...["--count", String(count), "--steps", String(steps), "--seed", "1"],
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim().split("\n").at(-1));
    return (performance.now() - started) / 1000;
  } finally {
    await Deno.remove(out);
  }
}

/** Everything of one round but its rate, by its column's name. */
type Measures = Record<string, number | null>;

/** One round: a fresh service, a small request to warm it up, the large one; then the command line. */
async function measure(options: MemoryBench, backend: RuntimeChoice): Promise<{ rate: number; measures: Measures }> {
  const { count, steps } = options, service = await startService({ ...options, backend });
  try {
    await service.generate({ count: 1, steps, seed: 1 });
    const before = await peakMemory(service.pid), started = performance.now();
    const { returned, timings } = await service.generate({ count, steps, seed: 2 });
    const seconds = (performance.now() - started) / 1000, after = await peakMemory(service.pid);
    if (returned !== count) throw new Error(`${count} molecules asked, ${returned} came`);
    await service.stop();
    const measures = {
      "MiB before": before,
      "peak MiB": after,
      "request s": seconds,
      "sampling s": timings.sampleMs / 1000,
      "decoding s": timings.decodeMs / 1000,
      "validating s": timings.validateMs / 1000,
      "generate molecules/s": count / await commandLine(options, backend),
    };
    return { rate: count / seconds, measures };
  } finally {
    await service.stop();
  }
}

/** Column by column the median; of memory the largest. */
function summarise(rounds: readonly Measures[]): Measures {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((name) => {
      const values = rounds.map((round) => round[name]).filter((value) => value !== null);
      if (values.length === 0) return [name, null];
      return [name, name.includes("MiB") ? Math.max(...values) : median(values)];
    }),
  );
}

const COLUMNS = [
  ...["MiB before", "peak MiB", "request s", "sampling s", "decoding s", "validating s", "generate molecules/s"],
  ...["molecules/s", "ratio"],
];

/** A row a backend; one that does not work here gets a row that says so. */
export async function benchMemory(options: MemoryBench): Promise<Result> {
  const { backends, model, weights, count, steps, rounds } = options;
  const kept = new Map<RuntimeChoice, Measures[]>(backends.map((backend) => [backend, []]));
  const found = await takeTurns(
    backends.map((backend) => ({
      name: backend,
      async round() {
        const { rate, measures } = await measure(options, backend);
        kept.get(backend)!.push(measures);
        return rate;
      },
    })),
    rounds,
  );
  const reference = backends.find((backend) => !(found.get(backend) instanceof Error));
  const rows = backends.map((backend): Row => {
    const rates = found.get(backend)!;
    if (rates instanceof Error) {
      return { backend, ...Object.fromEntries(COLUMNS.map((name) => [name, null])), note: rates.message.slice(0, 160) };
    }
    return {
      backend,
      ...summarise(kept.get(backend)!),
      "molecules/s": median(rates),
      ratio: pairedRatio(rates, found.get(reference!) as number[]),
      note: backend === reference ? "ratios are to this row" : "",
    };
  });
  return { bench: "memory", settings: { model, weights, count, steps, rounds }, rows };
}

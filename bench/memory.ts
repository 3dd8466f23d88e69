/** Peak memory of a service that answers one large request, and molecules a second there and on the command line. */
import { join } from "node:path";
import type { RuntimeChoice } from "../model/runtimes.ts";
import { MAIN, startService } from "./service_process.ts";
import type { Result, Row } from "./table.ts";

/** What to measure. */
export interface MemoryBench {
  /** Folder of models; it must hold `qm9`. */
  readonly root: string;
  readonly backends: readonly RuntimeChoice[];
  readonly count: number;
  readonly steps: number;
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
async function commandLine({ root, count, steps }: MemoryBench, backend: RuntimeChoice): Promise<number> {
  const out = await Deno.makeTempFile({ suffix: ".ndjson" });
  try {
    const started = performance.now();
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", MAIN, "generate", "--model", join(root, "qm9"), "--backend", backend, "--out", out],
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

async function rowOf(options: MemoryBench, backend: RuntimeChoice): Promise<Row> {
  const { count, steps } = options, service = await startService({ ...options, backend });
  try {
    await service.generate({ count: 1, steps, seed: 1 });
    const before = await peakMemory(service.pid), started = performance.now();
    const { returned, timings } = await service.generate({ count, steps, seed: 2 });
    const seconds = (performance.now() - started) / 1000, after = await peakMemory(service.pid);
    await service.stop();
    if (returned !== count) throw new Error(`${count} molecules asked, ${returned} came`);
    return {
      backend,
      "MiB before": before,
      "peak MiB": after,
      "request s": seconds,
      "sampling s": timings.sampleMs / 1000,
      "decoding s": timings.decodeMs / 1000,
      "validating s": timings.validateMs / 1000,
      "molecules/s": count / seconds,
      "command line molecules/s": count / await commandLine(options, backend),
      note: "",
    };
  } finally {
    await service.stop();
  }
}

/** A row a backend; one that does not work here gets a row that says so. */
export async function benchMemory(options: MemoryBench): Promise<Result> {
  const rows: Row[] = [];
  for (const backend of options.backends) {
    rows.push(
      await rowOf(options, backend).catch((error: Error): Row => ({
        backend,
        "MiB before": null,
        "peak MiB": null,
        "request s": null,
        "sampling s": null,
        "decoding s": null,
        "validating s": null,
        "molecules/s": null,
        "command line molecules/s": null,
        note: error.message.slice(0, 100),
      })),
    );
  }
  return { bench: "memory", settings: { count: options.count, steps: options.steps }, rows };
}

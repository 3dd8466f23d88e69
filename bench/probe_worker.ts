/// <reference lib="webworker" />
/** The thread of {@link file://./probe.ts}. */
import type { Sample, Target } from "./probe.ts";

/** Longest wait for an answer, ms: what takes longer counts as this. */
const LONGEST = 20_000;

/** Length of a sample, ms. */
const SECOND = 1000;

let watched = 0;

/** What the kernel says of a process (proc(5)); null where it has ended, or there is no /proc. */
function processOf(pid: number): Pick<Sample, "rssMiB" | "descriptors" | "threads"> | null {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const number = (name: string) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))?.[1]);
    const rssMiB = number("VmRSS") / 1024;
    if (!Number.isFinite(rssMiB)) return null; // it has ended, and nobody has asked how
    return {
      rssMiB,
      threads: number("Threads"),
      descriptors: Array.from(Deno.readDirSync(`/proc/${pid}/fd`)).length,
    };
  } catch {
    return null;
  }
}

/** Milliseconds until GET /health/live was answered; undefined where nobody is there. */
async function ask(url: string): Promise<number | undefined> {
  const since = performance.now();
  try {
    await (await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(LONGEST) })).arrayBuffer();
    return performance.now() - since;
  } catch (error) {
    return (error as Error).name === "TimeoutError" ? LONGEST : undefined;
  }
}

async function watch({ url, pid, everyMs }: Target, id: number): Promise<void> {
  let live: number[] = [], late: number[] = [], from = performance.now(), due = from;
  let asked: { readonly ms: number; readonly late: number } | undefined;
  while (watched === id) {
    due += everyMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    if (watched !== id) return;
    const now = performance.now(), behind = Math.max(0, now - due);
    if (asked) {
      live.push(asked.ms);
      late.push(Math.max(asked.late, behind));
    }
    if (now - from >= SECOND) {
      const found = processOf(pid);
      if (found) self.postMessage({ at: Date.now(), pid, live, late, ...found } satisfies Sample);
      live = [], late = [], from = now;
    }
    const ms = await ask(url);
    asked = ms === undefined ? undefined : { ms, late: behind };
    if (performance.now() > due + everyMs) due = performance.now(); // what was missed is not made up for
  }
}

self.onmessage = ({ data }: MessageEvent<Target | null>) => {
  watched++;
  if (data) watch(data, watched);
};

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

/**
 * Milliseconds for which a process's first thread, that of its event loop, has computed so far, and for which it has waited for a core (proc(5), schedstat);
 * NaN where they are not told.
 */
function spent(pid: number): { readonly computed: number; readonly waited: number } {
  try {
    const [computed, waited] = Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ").map((ns) => Number(ns) / 1e6);
    return { computed, waited };
  } catch {
    return { computed: NaN, waited: NaN };
  }
}

async function watch({ url, pid, everyMs }: Target, id: number): Promise<void> {
  let live: number[] = [], busy: number[] = [], from = performance.now(), due = from, { waited } = spent(pid);
  while (watched === id) {
    due = Math.max(due + everyMs, performance.now()); // what was missed is not made up for
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    if (watched !== id) return;
    const before = spent(pid), ms = await ask(url), after = spent(pid);
    if (watched !== id) return;
    if (ms !== undefined) {
      live.push(ms);
      busy.push(Math.min(ms, after.computed - before.computed));
    }
    const passed = performance.now() - from;
    if (passed < SECOND) continue;
    const found = processOf(pid), waiting = (after.waited - waited) / passed;
    if (found) self.postMessage({ at: Date.now(), pid, live, busy, waiting, ...found } satisfies Sample);
    live = [], busy = [], from = performance.now(), waited = after.waited;
  }
}

self.onmessage = ({ data }: MessageEvent<Target | null>) => {
  watched++;
  if (data) watch(data, watched);
};

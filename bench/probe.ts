/**
 * How a service fares, from a thread of its own, so that nothing else that this process does delays it: how long GET /health/live takes, which the service's
 * event loop has to turn for, and once a second what the kernel says of its process.
 */

/** What to watch. */
export interface Target {
  /** Of the service. */
  readonly url: string;
  readonly pid: number;
  /** From one question to the next, where it was answered in time. */
  readonly everyMs: number;
}

/** A second. */
export interface Sample {
  /** Its end, milliseconds since 1970. */
  readonly at: number;
  readonly pid: number;
  /** Milliseconds of each answer. */
  readonly live: readonly number[];
  /**
   * For how many of these milliseconds the service's main thread was computing. The loop cannot have held an answer up for longer; the rest is the time that
   * other processes had the cores.
   */
  readonly busy: readonly number[];
  /** Share of the time for which the main thread could have computed but had no core, 0 to 1: how busy the machine is with other things. */
  readonly waiting: number;
  /** Resident memory. */
  readonly rssMiB: number;
  /** Files and sockets that are open. */
  readonly descriptors: number;
  readonly threads: number;
}

/** See above. */
export interface Probe {
  /** Watches this from now on; nothing where null. */
  watch(target: Target | null): void;
  close(): void;
}

/** A probe that watches nothing yet. */
export function openProbe(onSample: (sample: Sample) => void): Probe {
  const worker = new Worker(new URL("./probe_worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Sample>) => onSample(data);
  return {
    watch: (target) => worker.postMessage(target),
    close: () => worker.terminate(),
  };
}

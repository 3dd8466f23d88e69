/** How much memory is free to this process: the machine's, or what a container leaves of its limit. */
import process from "node:process";

/** Where control groups tell limit and use, version 2 and 1. */
const GROUPS = [
  ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"],
  ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"],
] as const;

/**
 * The limit without what this process itself has: for a process that may not read /sys, as only one with all permissions may. NaN where there is no
 * limit, which the system tells by a number beyond the machine's memory.
 */
const leftOfLimit = () => {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < Deno.systemMemoryInfo().total ? limit - Deno.memoryUsage().rss : NaN;
};

/** Bytes; undefined where the system does not tell. */
export function availableMemory(
  machine: () => number = () => Deno.systemMemoryInfo().available,
  read: (path: string) => string = Deno.readTextFileSync,
  own: () => number = leftOfLimit,
): number | undefined {
  const free = [
    attempt(machine),
    attempt(own),
    ...GROUPS.map(([limit, use]) => attempt(() => left(read(limit), read(use)))),
  ]
    .filter((bytes): bytes is number => bytes !== undefined && Number.isFinite(bytes) && bytes >= 0);
  return free.length > 0 ? Math.min(...free) : undefined;
}

/** "max" is no limit, and no number. */
const left = (limit: string, use: string) => Number(limit) - Number(use);

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

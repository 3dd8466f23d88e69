/**
 * Ends a worker whose service is gone. As a program, `orphan.ts PID MARK GRACE_MS`, it does so for a service that may not itself
 * (`endPredecessor` of worker.ts).
 */

/**
 * Ends a worker of an earlier life of the service, which may be saving its last checkpoint: asks it to, and kills it where it
 * has not ended in time.
 *
 * @param mark part of its command line, so that a process that has its number now is left alone
 */
export async function endOrphan(
  pid: number,
  mark: string,
  { graceMs = 30_000, pollMs = 50 }: { graceMs?: number; pollMs?: number } = {},
): Promise<void> {
  if (!isOurs(pid, mark)) return;
  const until = Date.now() + graceMs;
  signalTo(pid, "SIGTERM");
  for (let killed = false; isOurs(pid, mark);) {
    if (!killed && Date.now() > until) {
      signalTo(pid, "SIGKILL");
      killed = true;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Whether a process of this number runs and has the mark in its command line. Told by Linux alone, and to who has all permissions. */
function isOurs(pid: number, mark: string): boolean {
  try {
    if (Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)?.startsWith("Z")) return false;
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(mark);
  } catch {
    return false;
  }
}

function signalTo(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
}

if (import.meta.main) {
  const [pid, mark, graceMs] = Deno.args;
  await endOrphan(Number(pid), mark, { graceMs: Number(graceMs) });
}

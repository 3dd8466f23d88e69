/** Deadlines of others, which do not count the time for which this process was held up itself. */

/** Least time for which sockets are looked at once more, ms. */
const LOOK_MS = 20;

/**
 * Judges whoever is late after `ms`, when sockets have been looked at once more. Where this process was held up (a busy machine, a limit of its processor
 * time, a virtual machine that was paused) what is waited for may have come long since, and timers run before it is read; so it is looked for as long as this
 * process was late.
 *
 * @returns forgets it
 */
export function patiently(judge: () => void, ms: number): () => void {
  const due = performance.now() + ms;
  let timer = setTimeout(() => {
    timer = setTimeout(judge, Math.max(LOOK_MS, performance.now() - due));
  }, ms);
  return () => clearTimeout(timer);
}

/**
 * Whether the launcher still runs that started this process. It hands on signals and waits for this process; where it is killed alone, nobody who knows
 * only its number can end this one any more.
 */

/** The launcher's variable: its process number. */
export const LAUNCHER = "MOLSTEP_LAUNCHER";

/** How often one looks, milliseconds. */
const EVERY = 1000;

/**
 * Tells, once, that the launcher has ended: then the system gives this process another parent (on Windows it does not, and nothing is told). Without a
 * launcher nothing is told, whoever the parent is. Holds up nobody's end.
 *
 * @param parent the parent's process number
 * @returns ends the watch
 * @throws TypeError for a variable that is no process number
 */
export function watchLauncher(
  environment: Readonly<Record<string, string | undefined>>,
  onGone: () => void,
  { everyMs = EVERY, parent = () => Deno.ppid }: { readonly everyMs?: number; readonly parent?: () => number } = {},
): () => void {
  const given = environment[LAUNCHER];
  if (!given) return () => {};
  if (!/^[1-9]\d*$/.test(given)) {
    throw new TypeError(
      `${LAUNCHER} must be a process number, which the launcher tells, and is not set by hand; got ${given}`,
    );
  }
  const launcher = Number(given);
  const timer = setInterval(() => {
    if (parent() === launcher) return;
    clearInterval(timer);
    onGone();
  }, everyMs);
  Deno.unrefTimer(timer);
  return () => clearInterval(timer);
}

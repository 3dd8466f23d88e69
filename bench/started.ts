/** Processes that a benchmark has started and not ended, so that whoever is told to stop can end them. */

const running = new Set<() => Promise<void>>();

/** Notes how a process is ended. @returns ends it and forgets it */
export function noteStarted(end: () => Promise<void>): () => Promise<void> {
  running.add(end);
  return () => {
    running.delete(end);
    return end();
  };
}

/** Ends all that run. */
export const endStarted = async (): Promise<void> => void await Promise.allSettled([...running].map((end) => end()));

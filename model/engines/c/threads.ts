/** Most threads of an engine: `THREADS_MAX` of src/engine.c. */
const MOST = 64;

/** Threads, or workers, of an engine where nobody says how many: one a core. */
export const coreThreads = (): number => Math.min(MOST, navigator.hardwareConcurrency);

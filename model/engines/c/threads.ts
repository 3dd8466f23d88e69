import { THREADS_MAX } from "./constants.ts";

/** Threads, or workers, of an engine where nobody says how many: one a core. */
export const coreThreads = (): number => Math.min(THREADS_MAX, navigator.hardwareConcurrency);

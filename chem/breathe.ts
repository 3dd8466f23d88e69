/** Lets the event loop turn amid work on the main thread, so that a server answers meanwhile. */
import { setImmediate } from "node:timers";

/** Lets the event loop turn, with whatever came in meanwhile: it rests until a timer of 0 ms, about one. */
export const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Lets what is ready go on; some 10 us. Sockets are not looked at: while a loop has work, Deno does so every 61st turn only. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Turns the event loop, to be called after each piece of work: so no two pieces are done in one stretch. Once `restMs` have passed since
 * it last did, it {@link breathe}s.
 */
export function breather(restMs = 15): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < restMs) return await turn();
    await breathe();
    last = performance.now();
  };
}

/** Waits so many milliseconds, or until the signal is aborted. */
export const asleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
  });

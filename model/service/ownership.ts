/** Who writes in a data directory: one service at a time. Others serve what is published there until it is theirs. */
import { type FolderLock, lockFolder } from "../diffusion/lock.ts";

/** A service's right to its data directory. */
export interface Ownership {
  /** Why this service may not write there, in words; undefined where it may. */
  readonly refusal: string | undefined;
  /**
   * Tries to get it, again and again, where it was not to be had. Does nothing where it is held.
   *
   * @param onHeld called once, when it is
   */
  wait(onHeld: () => Promise<void>): void;
  /** Gives it up, when `onHeld` has ended where it was called. */
  release(): Promise<void>;
}

/** How often to try, milliseconds. */
const EVERY_MS = 1000;

/** Takes a data directory, or says why it cannot. */
export function ownData(data: string, { everyMs = EVERY_MS } = {}): Ownership {
  let lock: FolderLock | undefined, refusal: string | undefined, timer: ReturnType<typeof setInterval> | undefined;
  let taking: Promise<void> | undefined;
  const attempt = (): boolean => {
    try {
      lock = lockFolder(data);
      refusal = undefined;
    } catch (error) {
      refusal = (error as Error).message;
    }
    return lock !== undefined;
  };
  attempt();
  return {
    get refusal() {
      return refusal;
    },
    wait(onHeld) {
      if (lock || timer !== undefined) return;
      timer = setInterval(() => {
        if (!attempt()) return;
        clearInterval(timer);
        taking = onHeld();
      }, everyMs);
    },
    async release() {
      clearInterval(timer);
      await taking;
      lock?.release();
    },
  };
}

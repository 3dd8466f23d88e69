/** From starting over ready to draining: what a service tells its probes, and how it stops without dropping requests. */

/** The life of the service, as its requests see it. */
export interface Lifecycle {
  /** `starting` until the models to preload are loaded, `draining` from SIGTERM on. */
  readonly state: "starting" | "ready" | "failed" | "draining";
  /** Aborted when requests in flight may run no longer. */
  readonly signal: AbortSignal;
  /** Why the service writes nothing in its data directory, in words; absent where it may. */
  readonly readOnly?: string;
}

/** The data directory is another service's, or cannot be written in. */
export class ReadOnlyError extends Error {
  override readonly name = "ReadOnlyError";
  constructor(why: string) {
    super(`this service writes nothing in its data directory: ${why}`);
  }
}

/** @throws ReadOnlyError where the service may not write in its data directory */
export function refuseWhenReadOnly({ readOnly }: Pick<Lifecycle, "readOnly">): void {
  if (readOnly !== undefined) throw new ReadOnlyError(readOnly);
}

/** The service takes nothing on any more. */
export class ShuttingDownError extends Error {
  override readonly name = "ShuttingDownError";
  constructor() {
    super("the service is shutting down");
  }
}

/** @throws ShuttingDownError where the service is shutting down */
export function refuseWhenDraining({ state }: Lifecycle): void {
  if (state === "draining") throw new ShuttingDownError();
}

/** A lifecycle that can be moved on. */
export interface MovableLifecycle extends Lifecycle {
  /** Moves on; a service that drains stays so. */
  enter(state: Lifecycle["state"]): void;
  /** Aborts what is in flight. */
  abort(reason: string): void;
}

/** A lifecycle at its start. @param owner says why nothing may be written, as long as it may not */
export function createLifecycle(owner: { readonly refusal?: string } = {}): MovableLifecycle {
  const controller = new AbortController();
  let state: Lifecycle["state"] = "starting";
  return {
    get state() {
      return state;
    },
    get readOnly() {
      return owner.refusal;
    },
    signal: controller.signal,
    enter(next) {
      if (state !== "draining") state = next;
    },
    abort: (reason) => controller.abort(new DOMException(reason, "AbortError")),
  };
}

/** How long each part of a shutdown may take, in seconds. */
export interface ShutdownTimes {
  readonly drainSeconds: number;
  readonly shutdownSeconds: number;
}

/**
 * Stops a server: `/health/ready` answers 503; after `drainSeconds`, in which a load balancer takes note, nothing new is
 * accepted; requests in flight have `shutdownSeconds` to finish and are then aborted.
 *
 * @param stop closes the listener and resolves when all requests have ended
 */
export async function shutDown(
  lifecycle: MovableLifecycle,
  stop: () => Promise<void>,
  { drainSeconds, shutdownSeconds }: ShutdownTimes,
): Promise<void> {
  lifecycle.enter("draining");
  if (drainSeconds > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * drainSeconds));
  const late = setTimeout(() => lifecycle.abort("the service is shutting down"), 1000 * shutdownSeconds);
  try {
    await stop();
  } finally {
    clearTimeout(late);
  }
}

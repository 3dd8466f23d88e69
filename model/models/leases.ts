/**
 * Things in memory that are made once, shared, and disposed of when nobody needs them any longer: kept for as long as
 * they are in service, and beyond that until the last lease on them ends.
 */

/** The use of a thing for a while. */
export interface Held<T> {
  /** Rejects where it could not be made. */
  readonly value: Promise<T>;
  /** Ends the lease. May be called more than once. */
  release(): void;
}

/** Shared things by name. */
export interface Leases<T> {
  /** The thing of this name, made by the first caller of all. One that could not be made is tried again by the next. */
  take(name: string): Held<T>;
  /**
   * Puts these names into service, and all others out of it.
   *
   * @returns resolves when all that is out of service now has been disposed of, or put back
   */
  keep(names: Iterable<string>): Promise<void>;
  /** Whether the thing of this name is there or being made. */
  has(name: string): boolean;
  /** Disposes of all there is, leased or not. */
  dispose(): void;
}

interface Shared<T> {
  readonly value: Promise<T>;
  held: number;
  /** Resolved when it is disposed of, or in service again. */
  gone: PromiseWithResolvers<void>;
}

/** @param make makes the thing of a name */
export function createLeases<T extends { dispose(): void }>(make: (name: string) => Promise<T>): Leases<T> {
  const all = new Map<string, Shared<T>>();
  let kept: ReadonlySet<string> = new Set();

  const drop = (name: string, one: Shared<T>) => {
    if (all.get(name) === one) all.delete(name);
    one.value.then((value) => value.dispose()).catch(() => {}).finally(() => one.gone.resolve());
  };
  const settle = (name: string, one: Shared<T>) => {
    if (one.held === 0 && !kept.has(name) && all.get(name) === one) drop(name, one);
  };
  const start = (name: string): Shared<T> => {
    const one: Shared<T> = { value: make(name), held: 0, gone: Promise.withResolvers() };
    one.value.catch(() => all.get(name) === one && drop(name, one));
    all.set(name, one);
    return one;
  };

  return {
    take(name) {
      const one = all.get(name) ?? start(name);
      one.held++;
      let mine = true;
      return {
        value: one.value,
        release() {
          if (!mine) return;
          mine = false;
          one.held--;
          settle(name, one);
        },
      };
    },
    keep(names) {
      kept = new Set(names);
      for (const [name, one] of all) {
        if (!kept.has(name)) continue;
        one.gone.resolve();
        one.gone = Promise.withResolvers();
      }
      const leaving = [...all].filter(([name]) => !kept.has(name)), ends = leaving.map(([, { gone }]) => gone.promise);
      for (const [name, one] of leaving) settle(name, one);
      return Promise.all(ends).then(() => {});
    },
    has: (name) => all.has(name),
    dispose() {
      for (const [name, one] of [...all]) drop(name, one);
    },
  };
}

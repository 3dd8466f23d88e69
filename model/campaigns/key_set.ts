/** Which molecules a campaign has found already. */
export interface KeySet {
  /**
   * Adds keys, one after the other.
   *
   * @returns of each, whether it was not there before; the second of two equal ones was
   */
  add(keys: readonly string[]): boolean[] | Promise<boolean[]>;
  /** Lets go of memory and files. */
  close(): void | Promise<void>;
}

/** Keys in memory, some 100 bytes each: for tests, and campaigns that want little. */
export function createKeySet(): KeySet {
  const seen = new Set<string>();
  return {
    add: (keys) =>
      keys.map((key) => {
        const { size } = seen;
        return seen.add(key).size > size;
      }),
    close: () => seen.clear(),
  };
}

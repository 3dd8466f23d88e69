/** What a request has of the device. */

/** Time on the device, given to one request. */
export interface Turn {
  /** Gives the device away where this turn's slice of time is over and others wait, and resolves when it is back. */
  yield(): Promise<void>;
  /** The device is this turn's. */
  readonly held: boolean;
  /**
   * Gives the device away, and stands in line again, where others wait and the slice is over or one of them is a request that has
   * had no turn yet. Resolves nothing: `held` tells.
   */
  pass(): void;
  /** Resolves when the device is this turn's, or `until` is. @throws the signal's reason where it is aborted */
  wait(until?: Promise<unknown>): Promise<void>;
  /** Goes to the end of the line, as it has been served on another's turn. */
  served(): void;
  /** As the place's. */
  readonly waitedMs: number;
}

/** Milliseconds since the epoch, which all threads count from. */
export const clock = (): number => performance.timeOrigin + performance.now();

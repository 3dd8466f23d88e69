/** Rates of candidates that take turns, and what is said of them. */

/** The middle value; the mean of the middle two where their number is even. Throws RangeError where there are none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("a median needs at least one value; none given");
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** So many of the places 0 to `length` - 1, evenly from all of them; all where that are fewer. */
export function evenly(length: number, count: number): number[] {
  const wanted = Math.min(count, length);
  return Array.from({ length: wanted }, (_, k) => Math.floor(k * length / wanted));
}

/** (largest - smallest) / median: how far the rounds lie apart. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/**
 * The median over rounds of a / b. Rounds k of both ran side by side, so what slowed the machine in that round
 * cancels, which it does not in a ratio of medians.
 */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new RangeError(`both must have as many rounds; got ${a.length} and ${b.length}`);
  return median(a.map((value, k) => value / b[k]));
}

/** Largest |a - b| as a share of the largest |b|. */
export function relativeDifference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new RangeError(`both must have as many values; got ${a.length} and ${b.length}`);
  const largest = Math.max(...b.map(Math.abs));
  // NaN where a value is: Math.max keeps it, so that a broken result cannot pass for an equal one.
  return Math.max(...a.map((value, k) => Math.abs(value - b[k]))) / largest;
}

/** Mean and standard error. */
export function meanError(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return { mean, error: Math.sqrt(square / values.length) };
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, k) => sum + value * b[k], 0);

/** The angle between two arrays, degrees. */
export function angle(a: Float32Array, b: Float32Array): number {
  return Math.acos(Math.min(1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))) * 180 / Math.PI;
}

/** The mean squared difference of two arrays, as a share of the second's mean square. */
export function nmse(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, k) => sum + (value - b[k]) ** 2, 0) / dot(b, b);
}

/** Something that can be measured for one round. */
export interface Candidate {
  readonly name: string;
  /** One round; resolves to its rate. */
  round(): Promise<number>;
}

/**
 * Rounds in turns, A B C A B C ..., so that a machine that grows slower or faster does so for all.
 *
 * @returns of each candidate the rates of its rounds, or the error that ended them
 */
export async function takeTurns(
  candidates: readonly Candidate[],
  rounds: number,
): Promise<Map<string, number[] | Error>> {
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new RangeError(`rounds must be at least 1; got ${rounds}`);
  const results = new Map<string, number[] | Error>(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, round: run } of candidates) {
      const rates = results.get(name)!;
      if (rates instanceof Error) continue;
      try {
        rates.push(await run());
      } catch (error) {
        results.set(name, error instanceof Error ? error : new Error(String(error)));
      }
    }
  }
  return results;
}

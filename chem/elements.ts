/** The elements of QM9, and of every model here: hydrogen, carbon, nitrogen, oxygen, fluorine. */

export interface Element {
  readonly symbol: string;
  readonly atomicNumber: number;
  /** Standard atomic weight (IUPAC 2021, abridged), in dalton. */
  readonly mass: number;
  /** The sum of bond orders that makes a neutral atom stable in EDM's sense. */
  readonly valence: number;
}

/** In the order of EDM's QM9 one-hot: H, C, N, O, F. */
export const ELEMENTS: readonly Element[] = Object.freeze([
  { symbol: "H", atomicNumber: 1, mass: 1.008, valence: 1 },
  { symbol: "C", atomicNumber: 6, mass: 12.011, valence: 4 },
  { symbol: "N", atomicNumber: 7, mass: 14.007, valence: 3 },
  { symbol: "O", atomicNumber: 8, mass: 15.999, valence: 2 },
  { symbol: "F", atomicNumber: 9, mass: 18.998, valence: 1 },
]);

/**
 * The place of an element in {@link ELEMENTS}, 0 to 4.
 *
 * @throws RangeError for an atomic number other than 1, 6, 7, 8, 9
 */
export function elementIndex(atomicNumber: number): number {
  if (atomicNumber === 1) return 0;
  if (atomicNumber >= 6 && atomicNumber <= 9) return atomicNumber - 5;
  throw new RangeError(`Atomic number: allowed are 1 (H), 6 (C), 7 (N), 8 (O), 9 (F); given is ${atomicNumber}`);
}

/** @throws RangeError for an atomic number other than 1, 6, 7, 8, 9 */
export function elementOf(atomicNumber: number): Element {
  return ELEMENTS[elementIndex(atomicNumber)];
}

/** @throws RangeError for an atomic number other than 1, 6, 7, 8, 9 */
export function symbolOf(atomicNumber: number): string {
  return elementOf(atomicNumber).symbol;
}

/** @throws RangeError for a symbol other than H, C, N, O, F */
export function atomicNumberOf(symbol: string): number {
  const element = ELEMENTS.find((candidate) => candidate.symbol === symbol);
  if (!element) throw new RangeError(`Element: allowed are H, C, N, O, F; given is ${JSON.stringify(symbol)}`);
  return element.atomicNumber;
}

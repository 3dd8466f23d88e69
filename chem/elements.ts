/** Elements by atomic number and by symbol, in a chemistry (`chemistry.ts`); EDM's where none is given. */
import { CHEMISTRIES, type Chemistry, EDM, type Element } from "./chemistry.ts";

/**
 * The place of an element in a chemistry's list.
 *
 * @throws RangeError for an atomic number that the chemistry lacks
 */
export function elementIndex(atomicNumber: number, { places, elements }: Chemistry = EDM): number {
  const place = places[atomicNumber];
  if (place < elements.length) return place;
  const allowed = elements.map(({ atomicNumber, symbol }) => `${atomicNumber} (${symbol})`).join(", ");
  throw new RangeError(`the atomic number must be one of ${allowed}; got ${atomicNumber}`);
}

/** @throws RangeError for an atomic number that the chemistry lacks */
export function elementOf(atomicNumber: number, chemistry: Chemistry = EDM): Element {
  return chemistry.elements[elementIndex(atomicNumber, chemistry)];
}

/** Symbols of the elements of all chemistries, by atomic number: an element is called the same in each. */
const SYMBOLS: string[] = [];
for (const { elements } of Object.values(CHEMISTRIES)) {
  for (const { atomicNumber, symbol } of elements) SYMBOLS[atomicNumber] = symbol;
}

/** @throws RangeError for an atomic number that no chemistry has */
export function symbolOf(atomicNumber: number): string {
  const symbol = SYMBOLS[atomicNumber];
  if (symbol) return symbol;
  const allowed = Object.entries(SYMBOLS).map(([number, symbol]) => `${number} (${symbol})`).join(", ");
  throw new RangeError(`the atomic number must be one of ${allowed}; got ${atomicNumber}`);
}

/** The symbol; of an element that no chemistry has, its number: `#11`. */
export const labelOf = (atomicNumber: number): string => SYMBOLS[atomicNumber] ?? `#${atomicNumber}`;

/** @throws RangeError for a symbol that the chemistry lacks */
export function atomicNumberOf(symbol: string, { elements }: Chemistry = EDM): number {
  const element = elements.find((candidate) => candidate.symbol === symbol);
  if (element) return element.atomicNumber;
  const allowed = elements.map(({ symbol }) => symbol).join(", ");
  throw new RangeError(`the element must be one of ${allowed}; got ${JSON.stringify(symbol)}`);
}

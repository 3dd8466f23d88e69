/** How molecules are told in words and numbers. */
import { words } from "./schema.js";

/**
 * A molecule as the service gives it (`Molecule` of its OpenAPI document).
 * @typedef {{
 *   index: number, valid: boolean, stable: boolean, connected: boolean, smiles: string | null, inchikey: string | null,
 *   symbols: string[], positions: [number, number, number][], bonds?: {i: number, j: number, order: number}[],
 *   descriptors?: Record<string, number> | null, sdf?: string, sound?: boolean, faults?: string[] | null,
 *   strain?: {before: number, after: number} | null, refined?: boolean, unrefined?: string, rmsd?: number, decoding: string,
 * }} Molecule
 */

/** A number as short as it may be read. */
export const short = (/** @type {number} */ value) =>
  Number.isInteger(value)
    ? value.toLocaleString("en-US")
    : value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);

export const percent = (/** @type {number} */ share) =>
  `${(100 * share).toFixed(share > 0 && share < 1 && (share > 0.99 || share < 0.1) ? 1 : 0)} %`;

/** `C6H12O` with its numbers set low. Carbon and hydrogen first, as Hill has it. @param {string[]} symbols */
export function formulaOf(symbols) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const symbol of symbols) counts[symbol] = (counts[symbol] ?? 0) + 1;
  const first = "C" in counts ? ["C", "H"] : [];
  const order = [
    ...first.filter((symbol) => symbol in counts),
    ...Object.keys(counts).filter((symbol) => !first.includes(symbol)).sort(),
  ];
  const low = (/** @type {number} */ count) => [...String(count)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]).join("");
  return order.map((symbol) => symbol + (counts[symbol] > 1 ? low(counts[symbol]) : "")).join("");
}

/**
 * What is to be said of a molecule at a glance, and how good it is.
 *
 * @param {Molecule} molecule
 * @returns {{text: string, tone: "good" | "fair" | "poor", about: string}}
 */
export function verdictOf({ valid, sound, faults, connected }) {
  if (!valid) return { text: "Not valid", tone: "poor", about: "RDKit refuses the bonds that its distances mean" };
  if (!connected) return { text: "In fragments", tone: "poor", about: "It is of more than one fragment" };
  if (sound) return { text: "Sound", tone: "good", about: "Valid, of one fragment, and without a fault of geometry" };
  if (sound === false) {
    return {
      text: faults?.length ? words(faults[0]) + (faults.length > 1 ? ` +${faults.length - 1}` : "") : "Not sound",
      tone: "fair",
      about: (faults ?? []).map(words).join(", "),
    };
  }
  return { text: "Valid", tone: "good", about: "RDKit accepts it" };
}

/** Strain in words: of the positions drawn and, where they were refined, of those given. @param {Molecule} molecule */
export const strainText = ({ strain }) =>
  strain ? `${strain.before.toFixed(1)} → ${strain.after.toFixed(1)} kcal/mol` : undefined;

/** Saves text as a file. @param {string} name @param {BlobPart} text @param {string} type */
export function save(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type })), link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

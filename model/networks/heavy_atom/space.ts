/** The heavy-atom latent: what a node and a pair of nodes hold. See docs/design.md. */
import { type Chemistry, EDM, valencesOf } from "../../../chem/chemistry.ts";
import { labelOf } from "../../../chem/elements.ts";
import { QM9_CLASSES } from "../../../chem/qm9.ts";
import type { BondSums, HeavyAtomClass, LatentSpace } from "../../diffusion/types.ts";

export { QM9_CLASSES };

/** Angstrom in a model unit of length. */
export const ANGSTROM = 1.6;

/** The value that stands for "1" in a one-hot latent. */
export const ONE_HOT = 0.5;

/** Most hydrogens on one heavy atom. */
export const MAX_HYDROGENS = 4;

/** Bond orders of a pair: none, 1, 2, 3. */
export const ORDERS = 4;

/** An aromatic bond's place among a pair's features, in latents that have it as an order of its own. */
export const AROMATIC = 4;

/** How the hydrogen that u points to is chosen of an atom's several: drawn, or by `canonical_hydrogen.ts`. */
export const HYDROGEN_CHOICES = ["random", "canonical"] as const;

/** One of {@link HYDROGEN_CHOICES}. */
export type HydrogenChoice = typeof HYDROGEN_CHOICES[number];

/** How molecules are written as latents, beside their classes; a card's and a run's words. */
export interface LatentForm {
  /** Whether aromatic bonds are an order of their own, the fifth; else they are single and double. */
  readonly aromatic?: boolean;
  /** Default random. Reading is the same for all. */
  readonly hydrogen?: HydrogenChoice;
  /** Whether the data's molecules are neutral on the whole, so that graphs which are sought by valence are to be. Default false. */
  readonly neutral?: boolean;
}

/** Only what is said of the form, without defaults, so that cards and settings of before stay as they were. */
export const formOf = (
  { aromatic, hydrogen, neutral }: LatentForm,
): { aromatic?: true; hydrogen?: "canonical"; neutral?: true } => ({
  ...aromatic && { aromatic },
  ...hydrogen === "canonical" && { hydrogen },
  ...neutral && { neutral },
});

/** The formal charge of each class, where those of a molecule of this form are to add up to nothing. */
export const chargesOf = (classes: readonly HeavyAtomClass[], { neutral }: LatentForm = {}): number[] | undefined =>
  neutral ? classes.map(([, , charge = 0]) => charge) : undefined;

/** Features of a pair. */
export const ordersOf = ({ aromatic }: Pick<LatentForm, "aromatic"> = {}): number => aromatic ? ORDERS + 1 : ORDERS;

/** A class in words: `N+2H`, `N(+1)+3H`. */
export const classLabel = ([element, hydrogens, charge = 0]: HeavyAtomClass): string =>
  `${labelOf(element)}${charge === 0 ? "" : `(${charge > 0 ? "+" : ""}${charge})`}+${hydrogens}H`;

/**
 * For each class, the sums of bond orders to heavy atoms that its element's valences leave beside its hydrogens.
 *
 * @throws RangeError for a class without any
 */
export function bondSumsOf(classes: readonly HeavyAtomClass[], chemistry: Chemistry = EDM): BondSums {
  return classes.map((kind) => {
    const [element, hydrogens, charge = 0] = kind;
    const sums = valencesOf(element, charge, chemistry).map((valence) => valence - hydrogens).filter((sum) => sum >= 0);
    if (sums.length > 0) return sums;
    const has = JSON.stringify(chemistry.elements[chemistry.places[element]]?.valences ?? {});
    throw new RangeError(
      `class ${classLabel(kind)}: the chemistry ${chemistry.name} has the valences ${has} by charge`,
    );
  });
}

/**
 * Vectors of a node: its position; s, the sum of the unit vectors to its hydrogens; u, the unit vector to one of them.
 * Scalars: its class. Pairs: the bond order.
 */
export function heavyAtomSpace(classes: { readonly length: number } = QM9_CLASSES, form: LatentForm = {}): LatentSpace {
  return { vectors: 3, scalars: classes.length, pairs: ordersOf(form) };
}

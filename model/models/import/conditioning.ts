/**
 * What EDM's and GeoLDM's `--conditioning` means: which properties, and the numbers of the data by which they are told, which a checkpoint does not have.
 * Their `compute_mean_mad` (`qm9/utils.py`) takes mean and mean absolute deviation over the training split of the data set `qm9`, but over the validation split
 * of `qm9_second_half`, whatever is learned from. Before that it takes from heat capacities what QM9's reference has for the free atoms (`subtract_thermo`), which is the
 * same for all five elements. The numbers here are QM9's, computed again as that is; a test holds that they are.
 */
import { z } from "zod";
import { PROPERTIES, type PropertyName } from "../../../chem/properties.ts";
import type { toldSpec } from "../card_parts.ts";

/** Their data sets: all of the training split, and the half that conditional models learn from (`chem/halves.ts`). */
export const DATA_SETS = ["qm9", "qm9_second_half"] as const;

/** Their names of the properties. */
export const CONDITIONING = {
  alpha: "alpha",
  gap: "gap",
  homo: "homo",
  lumo: "lumo",
  mu: "mu",
  Cv: "cv",
} as const satisfies Readonly<Record<string, PropertyName>>;

/** What `--conditioning` may name. */
export const conditioning = z.array(z.enum(Object.keys(CONDITIONING) as (keyof typeof CONDITIONING)[], {
  error: ({ input }) => `must be of ${Object.keys(CONDITIONING).join(", ")}; got ${JSON.stringify(input)}`,
}));

/** Heat capacity of a free atom, cal/(mol K), in QM9's `atomref.txt` (Ramakrishnan et al. 2014): 3/2 R. */
export const FREE_ATOM_CV = 2.981;

/** [mean, mean absolute deviation, least, greatest], the first two of Cv without that of the free atoms, in the units of `chem/properties.ts`. */
type Numbers = readonly [number, number, number, number];

/** Numbers of each data set. */
export const NUMBERS: Readonly<Record<typeof DATA_SETS[number], Readonly<Record<PropertyName, Numbers>>>> = {
  qm9: {
    alpha: [75.2661, 6.2882, 9.46, 143.53],
    gap: [6.85793, 1.07573, 1.14288, 16.9282],
    homo: [-6.53693, 0.44054, -11.6628, -2.7674],
    lumo: [0.321013, 1.05249, -4.76199, 5.2654],
    mu: [2.67468, 1.16812, 0, 25.2022],
    cv: [-22.1316, 4.90746, 6.278, 46.961],
  },
  qm9_second_half: {
    alpha: [75.3734, 6.27277, 9.46, 132.47],
    gap: [6.86318, 1.0619, 1.14288, 16.9282],
    homo: [-6.53859, 0.439575, -11.6628, -3.22999],
    lumo: [0.324581, 1.03377, -4.68036, 5.2654],
    mu: [2.67509, 1.17573, 0, 25.2022],
    cv: [-22.1666, 4.88855, 6.278, 46.961],
  },
};

/**
 * The conditions of a card, in the order of the network's inputs.
 *
 * @param names of the argument `conditioning`; at least one
 * @throws RangeError for another data set than {@link DATA_SETS}: their code has no numbers for it either; for heat capacities of molecules without hydrogens,
 * as these are told by the number of all atoms
 */
export function conditionsOfArguments(
  names: readonly (keyof typeof CONDITIONING)[],
  { dataset, remove_h }: { readonly dataset: string; readonly remove_h: boolean },
): z.infer<typeof toldSpec> {
  const numbers = NUMBERS[dataset as typeof DATA_SETS[number]];
  if (!numbers) {
    throw new RangeError(`the data set of a conditional model must be ${DATA_SETS.join(" or ")}; got ${dataset}`);
  }
  if (remove_h && names.includes("Cv")) {
    throw new RangeError("Cv must be of molecules with hydrogens, of which each atom's share is taken; got remove_h");
  }
  return names.map((theirs) => {
    const name = CONDITIONING[theirs], [mean, deviation, least, greatest] = numbers[name];
    return {
      name,
      unit: PROPERTIES[name].unit,
      mean,
      deviation,
      range: [least, greatest],
      ...name === "cv" && { perAtom: FREE_ATOM_CV },
    };
  });
}

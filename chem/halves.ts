/** The halves of a training split: what draws molecules learns from one, what judges them by their properties from the other. */
import { numpyPermutation } from "./numpy_permutation.ts";

/** Rows of a data set, none of them in both. */
export interface Halves {
  /** What a regressor of properties learns from. */
  readonly regressor: Int32Array;
  /** What a conditional model learns from. */
  readonly generator: Int32Array;
}

/**
 * EDM's halves (Hoogeboom et al. 2022, section 5.2: 50,000 molecules of QM9 each): rows in the data's order, permuted by NumPy's
 * `RandomState(42)` and cut in the middle; the first half is the regressor's.
 */
export function halvesOf(train: Int32Array): Halves {
  const rows = train.toSorted(), order = numpyPermutation(42, rows.length).map((place) => rows[place]);
  const middle = Math.floor(rows.length / 2);
  return { regressor: order.slice(0, middle), generator: order.slice(middle) };
}

/** Properties as a regressor learns them: what is left of them beside a sum over the atoms' classes, in units of its spread. */
import { PROPERTY_NAMES } from "../../../chem/properties.ts";
import { solve } from "../../diffusion/linear.ts";
import type { Example } from "../../networks/heavy_atom/examples.ts";

/** How labels follow from values, by property in the order of {@link PROPERTY_NAMES}. */
export interface Labelling {
  /** What each class of heavy atoms adds, least squares over the training half, `[classes]`; zeros for mu, which is no sum. */
  readonly atoms: readonly (readonly number[])[];
  /** Standard deviation of what is left. */
  readonly scales: readonly number[];
}

/** Numbers of atoms of each class. */
export function composition({ classes: kinds }: Pick<Example, "classes">, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const kind of kinds) counts[kind]++;
  return counts;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
};

/**
 * The labelling of a training half.
 *
 * @param compositions `[molecules][classes]`
 * @param values `[molecules][6]`
 */
export function fitLabels(compositions: readonly Float64Array[], values: readonly (readonly number[])[]): Labelling {
  const classes = compositions[0].length, all = compositions.length;
  const atoms = PROPERTY_NAMES.map((name, p) => {
    if (name === "mu") return Array<number>(classes).fill(0);
    // A ridge far below a molecule's weight: a class may be absent.
    const A = Array.from({ length: classes }, (_, i) => new Float64Array(classes).fill(1e-3, i, i + 1));
    const b = new Float64Array(classes);
    compositions.forEach((counts, m) => {
      for (let i = 0; i < classes; i++) {
        if (counts[i] === 0) continue;
        b[i] += counts[i] * values[m][p];
        for (let j = 0; j < classes; j++) A[i][j] += counts[i] * counts[j];
      }
    });
    return [...solve(A, b)];
  });
  const scales = PROPERTY_NAMES.map((_, p) => {
    const left = compositions.map((counts, m) => values[m][p] - dot(atoms[p], counts));
    const mean = left.reduce((sum, one) => sum + one, 0) / all;
    return Math.sqrt(left.reduce((sum, one) => sum + (one - mean) ** 2, 0) / all);
  });
  return { atoms, scales };
}

/** Labels `[6]` of a molecule's values. */
export const toLabels = ({ atoms, scales }: Labelling, counts: Float64Array, values: readonly number[]): number[] =>
  values.map((value, p) => (value - dot(atoms[p], counts)) / scales[p]);

/** Values `[6]` of labels. */
export const toValues = ({ atoms, scales }: Labelling, counts: Float64Array, labels: ArrayLike<number>): number[] =>
  atoms.map((each, p) => labels[p] * scales[p] + dot(each, counts));

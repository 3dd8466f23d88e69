/** How a molecule's mass is spread in space. */
import { CHEMISTRIES } from "../chemistry.ts";
import { eigenvalues } from "../jacobi.ts";
import type { Molecule } from "../molecule.ts";

/** Atomic weights by atomic number, dalton: of all chemistries, as an element weighs the same in each. */
const MASSES: number[] = [];
for (const { elements } of Object.values(CHEMISTRIES)) {
  for (const { atomicNumber, mass } of elements) MASSES[atomicNumber] = mass;
}

/** The names of what {@link momentsOf} gives. */
export const MOMENTS = [
  "radiusOfGyration",
  "principalMoment1",
  "principalMoment2",
  "principalMoment3",
  "momentRatio1",
  "momentRatio2",
] as const;

/**
 * The radius of gyration, angstrom: the square root of the mean square distance from the centre of mass, atoms weighted by mass, hydrogens included.
 * The principal moments of inertia, Da times square angstrom, ascending. Their ratios to the largest (Sauer and Schwarz, J. Chem. Inf. Comput. Sci. 43, 987,
 * 2003): 0 and 1 of a rod, 0.5 and 0.5 of a disc, 1 and 1 of a ball; NaN of a lone atom.
 */
export type Moments = Record<typeof MOMENTS[number], number>;

/** @throws RangeError for an element that no chemistry has */
export function momentsOf({ atomicNumbers, positions }: Molecule): Moments {
  let mass = 0;
  const centre = [0, 0, 0];
  const masses = Float64Array.from(atomicNumbers, (number) => {
    const own = MASSES[number];
    if (own === undefined) throw new RangeError(`the atomic number must be of a known element; got ${number}`);
    return own;
  });
  masses.forEach((own, i) => {
    mass += own;
    for (let axis = 0; axis < 3; axis++) centre[axis] += own * positions[3 * i + axis];
  });
  const tensor = new Float64Array(9);
  masses.forEach((own, i) => {
    const [x, y, z] = centre.map((sum, axis) => positions[3 * i + axis] - sum / mass);
    tensor[0] += own * (y * y + z * z);
    tensor[4] += own * (x * x + z * z);
    tensor[8] += own * (x * x + y * y);
    tensor[1] -= own * x * y;
    tensor[2] -= own * x * z;
    tensor[5] -= own * y * z;
  });
  tensor[3] = tensor[1], tensor[6] = tensor[2], tensor[7] = tensor[5];
  const [one, two, three] = eigenvalues(tensor, 3).map((value) => Math.max(0, value)).sort((a, b) => a - b);
  return {
    radiusOfGyration: Math.sqrt((one + two + three) / (2 * mass)),
    principalMoment1: one,
    principalMoment2: two,
    principalMoment3: three,
    momentRatio1: one / three,
    momentRatio2: two / three,
  };
}

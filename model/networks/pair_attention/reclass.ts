/**
 * A network that knows the classes of one data set, as one to begin with for another's: what it is told and says of a class that both have stays. A class that it lacks
 * begins as the nearest that it has, and is said e^-2 times as often: of the nearest element (the same, else one of the same group, else carbon), with the nearest
 * number of hydrogens, then the nearest charge. Coordinates are not classes' concern, so its geometry is of use for elements that it has never seen.
 */
import type { HeavyAtomClass } from "../../diffusion/types.ts";
import type { Values } from "./initialise.ts";

type Given = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Rows of what the network is told of a class, and columns of what it says. */
const TOLD = "input.weight", SAID = ["scalars.weight", "scalars.bias"];

/** Logit by which a class that the network lacks is said less than the one that it begins as. */
const RARER = 2;

/** Elements of a group, by atomic numbers; each begins as the first that is known. */
const GROUPS = [[5, 13], [6, 14], [7, 15, 33], [8, 16, 34], [9, 17, 35, 53]];

/** How far one class is from another. */
function distance([element, hydrogens, charge = 0]: HeavyAtomClass, [other, count, own = 0]: HeavyAtomClass): number {
  const group = GROUPS.find((one) => one.includes(element)) ?? [];
  const elements = element === other ? 0 : group.includes(other) ? 1 : other === 6 ? 2 : 3;
  return 100 * elements + 10 * Math.abs(hydrogens - count) + Math.abs(charge - own);
}

/**
 * The values for the classes `to` of those for `from`. Both must be heavy-atom classes; other tensors are as they were.
 *
 * @throws RangeError where the values are not of so many classes as `from`
 */
export function reclassed(
  given: Given,
  from: readonly HeavyAtomClass[],
  to: readonly HeavyAtomClass[],
): Map<string, Values> {
  const said = given.get(SAID[1])?.shape[0];
  if (said !== from.length) {
    throw new RangeError(`weights must be of the ${from.length} classes of their card; got ${said ?? "none"}`);
  }
  const places = to.map((kind) =>
    from.reduce((a, other, k) => distance(kind, other) < distance(kind, from[a]) ? k : a, 0)
  );
  const lacking = to.map((kind, k) => distance(kind, from[places[k]]) > 0);
  return new Map([...given].map(([name, { shape, data }]) => {
    const columns = shape.at(-1)!;
    if (name === TOLD) {
      const row = (k: number) => data.subarray(k * columns, (k + 1) * columns),
        beyond = data.subarray(from.length * columns);
      const out = new Float32Array(to.length * columns + beyond.length);
      places.forEach((place, k) => out.set(row(place), k * columns));
      out.set(beyond, to.length * columns);
      return [name, { shape: [to.length + shape[0] - from.length, columns], data: out }];
    }
    if (!SAID.includes(name)) return [name, { shape: [...shape], data }];
    const out = Float32Array.from({ length: data.length / from.length * to.length }, (_, k) => {
      const column = k % to.length, value = data[Math.floor(k / to.length) * columns + places[column]];
      return name === SAID[1] && lacking[column] ? value - RARER : value;
    });
    return [name, { shape: [...shape.slice(0, -1), to.length], data: out }];
  }));
}

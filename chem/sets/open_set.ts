/** Opens a prepared set. */
import type { DataSet, NodeClass } from "../data_set.ts";
import { agreeing, checkSplit, offsetsOf, readCompact, rowOf } from "../compact.ts";
import { moleculeOf, readAbout, SET_FILES } from "./form.ts";

/**
 * Reads a whole set that `prepareSet` wrote; of 84,000 drug-like molecules some 40 MB.
 *
 * @throws {Deno.errors.NotFound} naming the file that is not there
 * @throws {TypeError} naming the file that is damaged, cut short, or does not agree with the others
 */
export async function openSet(folder: string): Promise<DataSet> {
  const about = await readAbout(folder);
  if (about === undefined) {
    throw new Deno.errors.NotFound(
      `no prepared set at ${folder}; \`deno task data\` with --sdf or --compact makes one`,
    );
  }
  const { name, description, splitWords, chemistry, unitsPerAngstrom, classes } = about;
  const { read } = await readCompact(folder, SET_FILES, { label: `the set ${name}`, format: "molstep-set" });
  const atomCounts = read("atomCounts"), atomicNumbers = read("atomicNumbers"), charges = read("charges");
  const positions = read("positions"), bondCounts = read("bondCounts"), bonds = read("bonds");
  const split = { train: read("train"), valid: read("valid"), test: read("test") }, count = atomCounts.length;
  const atomsFrom = offsetsOf(atomCounts), bondsFrom = offsetsOf(bondCounts), atoms = atomsFrom[count];
  const agree = agreeing(folder, SET_FILES.atomCounts.name);
  agree(SET_FILES.bondCounts.name, bondCounts.length, count, "molecules");
  agree(SET_FILES.atomicNumbers.name, atomicNumbers.length, atoms, "atoms");
  agree(SET_FILES.charges.name, charges.length, atoms, "atoms");
  agree(SET_FILES.positions.name, positions.length / 3, atoms, "atoms");
  agreeing(folder, SET_FILES.bondCounts.name)(SET_FILES.bonds.name, bonds.length / 3, bondsFrom[count], "bonds");
  checkSplit(split, count, folder);
  const checked = rowOf(count);
  return {
    name,
    label: name,
    description,
    splitWords,
    chemistry,
    classes: classes as readonly NodeClass[],
    atomCounts,
    split,
    molecule(row) {
      const from = atomsFrom[checked(row)], to = atomsFrom[row + 1];
      return moleculeOf({
        atomicNumbers: atomicNumbers.slice(from, to),
        charges: charges.slice(from, to),
        positions: positions.subarray(3 * from, 3 * to),
        bonds: bonds.subarray(3 * bondsFrom[row], 3 * bondsFrom[row + 1]),
      }, unitsPerAngstrom);
    },
  };
}

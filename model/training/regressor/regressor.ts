/** A trained regressor: properties of molecules, real or drawn. */
import { CHEMISTRIES } from "../../../chem/chemistry.ts";
import type { Molecule } from "../../../chem/molecule.ts";
import { QM9_WORDS } from "../../../chem/qm9.ts";
import { PROPERTY_NAMES } from "../../../chem/properties.ts";
import type { PartOptions } from "../../engines/placing.ts";
import { placePairAttention } from "../../models/pair_attention_place.ts";
import { readWeights } from "../../models/weights.ts";
import { type Example, toExample } from "../../networks/heavy_atom/examples.ts";
import { QM9_CLASSES } from "../../networks/heavy_atom/space.ts";
import { bySize, cleanGroup, REGRESSOR_SPACE } from "./batches.ts";
import { composition, toValues } from "./labels.ts";
import { readProperties } from "./readout.ts";
import { REGRESSOR_CARD, REGRESSOR_FILE, regressorCard } from "./run.ts";

/** A regressor in memory. */
export interface Regressor {
  readonly backend: string;
  /** Values `[examples][6]`, in the order of `PROPERTY_NAMES` and in their units. */
  values(examples: readonly Example[]): Promise<number[][]>;
  dispose(): void;
}

/** Molecules of a call. */
const AT_ONCE = 256;

/** A molecule as a regressor looks at it; undefined where it has an atom of no class. */
export function readable(molecule: Molecule): Example | undefined {
  try {
    return toExample(molecule, QM9_CLASSES, CHEMISTRIES[QM9_WORDS.chemistry]);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Opens the regressor of a folder that `deno task regressor` wrote.
 *
 * @throws Deno.errors.NotFound where it is not there; ZodError for a card that is none
 */
export async function openRegressor(folder: string, options: PartOptions): Promise<Regressor> {
  const card = regressorCard.parse(JSON.parse(await Deno.readTextFile(`${folder}/${REGRESSOR_CARD}`)));
  const tensors = await readWeights(`${folder}/${REGRESSOR_FILE}`), { width, blocks } = card;
  // Of vectors the network's own part alone; see readout.ts.
  const schedule = () => ({ alpha: 0, sigma: 1, logSnr: -Infinity });
  const engine = { space: REGRESSOR_SPACE, sizes: { width, blocks }, schedule };
  const { part: network, backend } = await placePairAttention(engine, tensors, options);
  return {
    backend: backend.name,
    async values(examples) {
      const out = Array<number[]>(examples.length);
      for (const { places } of bySize(examples)) {
        for (let from = 0; from < places.length; from += AT_ONCE) {
          const some = places.slice(from, from + AT_ONCE), group = cleanGroup(some.map((place) => examples[place]));
          const said = await network.predict(group.z, group.shape, group.conditions);
          const { values } = readProperties(said, group, REGRESSOR_SPACE), count = PROPERTY_NAMES.length;
          some.forEach((place, b) => {
            const counts = composition(examples[place], QM9_CLASSES.length);
            out[place] = toValues(card, counts, values.subarray(b * count, (b + 1) * count));
          });
        }
      }
      return out;
    },
    dispose: () => network.dispose(),
  };
}

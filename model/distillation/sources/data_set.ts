/** Clean latents of a data set's molecules, and what networks are told of them. */
import type { DataSet } from "../../../chem/data_set.ts";
import { halvesOf } from "../../../chem/halves.ts";
import type { Card } from "../../models/card.ts";
import { conditionsOf } from "../../models/told.ts";
import type { ScaleRange } from "../../networks/pair_attention/scale.ts";
import { hasProperties, toldOf } from "../../training/conditions.ts";
import { loadExamples } from "../../training/data.ts";
import { heavyAtomSource } from "../heavy_atom_source.ts";
import { tellOf } from "./told.ts";
import type { Supplies } from "./where.ts";

/** Molecules of the held-out loss. */
const HELD_OUT_ROWS = 4000;

/** What a round takes of a data set. */
export interface DataSupplyOptions {
  /** Most molecules to learn from; all where absent. */
  readonly most?: number;
  /** The guidance scales that a student is told, of a model that is told properties. */
  readonly scales?: ScaleRange;
}

/**
 * The training split and, held out, some of the validation split. Of a model that is told properties, the half of the training split that it learned from, with them.
 *
 * @throws RangeError for a model that does not count heavy atoms, or is told properties that the data set has not
 */
export function dataSupplies(card: Card, data: DataSet, { most = Infinity, scales }: DataSupplyOptions): Supplies {
  const { autoencoder } = card, entries = conditionsOf(card), conditional = entries.length > 0;
  if (autoencoder.type !== "heavy-atom") throw new RangeError(`${card.name} does not count heavy atoms`);
  if (conditional && !hasProperties(data)) throw new RangeError(`${data.name} has no ${propertiesInWords(card)}`);
  const { classes } = autoencoder, { train, valid } = data.split, all = conditional ? halvesOf(train).generator : train;
  const supply = (part: Int32Array, words: string) => {
    const { examples, rows } = loadExamples(data, part, classes, autoencoder);
    const description = `${examples.count} molecules of ${data.label}'s ${words}`;
    const tell = conditional && hasProperties(data) ? tellOf(toldOf(data, rows, entries), scales) : undefined;
    return heavyAtomSource(examples, classes.length, description, autoencoder, tell);
  };
  const rows = all.subarray(0, Math.min(most, all.length)), words = conditional ? "generator's half" : "training split";
  return {
    source: supply(rows, words),
    // A small set may have none to hold out.
    heldOut: valid.length > 0 ? supply(valid.subarray(0, HELD_OUT_ROWS), "validation split") : supply(rows, words),
  };
}

/** The properties that a card's model is told, for errors. */
export const propertiesInWords = (card: Pick<Card, "denoiser">): string =>
  conditionsOf(card).map(({ name }) => name).join(", ");

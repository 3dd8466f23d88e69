/** A tiny model that draws conformers: its network is told the graph. */
import { ANGSTROM, heavyAtomSpace, ONE_HOT } from "../../model/networks/heavy_atom/space.ts";
import { DRUGLIKE_CLASSES } from "../chem/druglike.ts";
import type { CardChanges } from "./tiny_model.ts";

/** Of drug-like molecules of 2 to 12 heavy atoms, with aromatic bonds as an order; its network is not told. */
export const UNTOLD_GRAPH: CardChanges = {
  name: "tiny",
  chemistry: "druglike",
  coupling: "aligned",
  sizes: { "2": 1, "12": 1 },
  space: heavyAtomSpace(DRUGLIKE_CLASSES, { aromatic: true }),
  autoencoder: {
    ...{ type: "heavy-atom", scale: ANGSTROM, oneHot: ONE_HOT, decoding: "valence", aromatic: true },
    classes: DRUGLIKE_CLASSES.map((kind): [number, number, number?] => [...kind]),
  },
};

/** The same, told. */
export const TOLD_GRAPH: CardChanges = {
  ...UNTOLD_GRAPH,
  denoiser: { type: "pair-attention", width: 16, blocks: 1, graph: true, file: "denoiser.safetensors" },
};

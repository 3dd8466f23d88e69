/** The parameters of an EGNN: names, shapes, first values. The network is told in `egnn.ts`. */
import type { ParameterSpec } from "./pair_attention/parameters.ts";

/** What an EGNN is made of; the names in GeoLDM's and EDM's `args` are told in `card.ts`. */
export interface EgnnSizes {
  readonly width: number;
  readonly blocks: number;
  readonly attention: boolean;
  readonly tanh: boolean;
  readonly normConstant: number;
  readonly invariantLayers: number;
  readonly sinEmbedding: boolean;
  readonly normalisationFactor: number;
  readonly aggregation: "sum" | "mean";
  readonly coordinateRange: number;
}

/** What the released GeoLDM and EDM models for QM9 have in common, whatever their width and depth. */
export const RELEASED_EGNN: Readonly<Omit<EgnnSizes, "width" | "blocks">> = Object.freeze({
  attention: true,
  tanh: true,
  normConstant: 1,
  invariantLayers: 1,
  sinEmbedding: false,
  normalisationFactor: 1,
  aggregation: "sum",
  coordinateRange: 15,
});

/** Frequencies of the sinusoidal distance features: floor(log_4 2000) + 1. */
export const FREQUENCIES = 6;

/** Features of one distance: its square, or sines and cosines. */
function distanceFeatures({ sinEmbedding }: Pick<EgnnSizes, "sinEmbedding">): number {
  return sinEmbedding ? 2 * FREQUENCIES : 1;
}

/** Uniform in +-1/sqrt(inputs), as PyTorch's nn.Linear starts. */
function layer(list: ParameterSpec[], optimiser: ParameterSpec["optimiser"] = "adamw") {
  return (name: string, shape: readonly number[], inputs = shape[0], gain = 1) =>
    list.push({ name, shape, init: { kind: "uniform", scale: gain / Math.sqrt(inputs) }, optimiser });
}

/** A linear layer's two parameters, `<name>.weight [in, out]` and `<name>.bias [out]`. */
export function linearParameters(name: string, inputs: number, outputs: number): ParameterSpec[] {
  const list: ParameterSpec[] = [], add = layer(list);
  add(`${name}.weight`, [inputs, outputs]);
  add(`${name}.bias`, [outputs], inputs);
  return list;
}

/**
 * All parameters, weights `[in, out]`.
 *
 * A pair layer's first matrix acts on [h_i, h_j, distances]; it is kept as its three parts, `source`, `target` and
 * `distances`, since the network applies the first two to nodes instead of pairs.
 */
export function egnnParameters(prefix: string, inputs: number, outputs: number, sizes: EgnnSizes): ParameterSpec[] {
  const { width: F, blocks, attention, invariantLayers } = sizes, D = 2 * distanceFeatures(sizes);
  const list: ParameterSpec[] = [...linearParameters(`${prefix}embedding`, inputs, F)], add = layer(list);
  const pairs = (at: string) => {
    add(`${at}.source`, [F, F], 2 * F + D);
    add(`${at}.target`, [F, F], 2 * F + D);
    add(`${at}.distances`, [D, F], 2 * F + D);
    add(`${at}.bias`, [F], 2 * F + D);
    list.push(...linearParameters(`${at}.hidden`, F, F));
  };
  for (let b = 0; b < blocks; b++) {
    for (let l = 0; l < invariantLayers; l++) {
      const at = `${prefix}blocks.${b}.messages.${l}`;
      pairs(at);
      if (attention) list.push(...linearParameters(`${at}.attention`, F, 1));
      list.push(...linearParameters(`${at}.node`, 2 * F, F), ...linearParameters(`${at}.update`, F, F));
    }
    const at = `${prefix}blocks.${b}.coordinates`;
    pairs(at);
    // Xavier's bound for F inputs and 1 output with gain 0.001.
    add(`${at}.out`, [F, 1], F + 1, 0.001 * Math.sqrt(6));
  }
  list.push(...linearParameters(`${prefix}embedding_out`, F, outputs));
  return list;
}

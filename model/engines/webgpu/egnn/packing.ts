/** Weights of an EGNN as its kernels read them: padded to tiles, and products of one input joined. */
import { type EgnnNetworkOptions, egnnSpecs } from "../../../networks/egnn_network.ts";
import { flatten, unflatten } from "../../c/parameters.ts";
import type { Parameters } from "../packing.ts";
import { padWeight, TILE_COLUMNS } from "../products.ts";
import { roundUp } from "../round_up.ts";

/** What edge layers follow a state of the nodes, and so read projections of it. */
export type Followed = "messages" | "coordinates" | "both";

/** The state after the embedding (`block` -1), or after a layer of messages; what follows it. */
export function followed(
  { blocks, invariantLayers }: Pick<EgnnNetworkOptions["sizes"], "blocks" | "invariantLayers">,
  block: number,
  layer = 0,
): Followed {
  if (block < 0 || layer < invariantLayers - 1) return "messages";
  return block < blocks - 1 ? "both" : "coordinates";
}

/** Name of the joined projections after a state. */
export const projectionsAfter = (block: number, layer = 0): string =>
  block < 0 ? "embedding.projections" : `blocks.${block}.messages.${layer}.projections`;

/**
 * The weights by name. Those under `products` multiply rows; `<edge layer>.constants` are [of d; of d0; the hidden layer's bias; the
 * gate's weights] and a quad with the gate's bias.
 *
 * @throws RangeError where parameters are missing or of other shapes
 */
export function packEgnn(
  options: EgnnNetworkOptions,
  parameters: Parameters,
): { readonly products: Map<string, Float32Array>; readonly others: Map<string, Float32Array> } {
  const { inputs, prefix } = options, { width: F, blocks, invariantLayers, attention } = options.sizes;
  const specs = egnnSpecs(options), named = unflatten(specs, flatten(specs, parameters, prefix));
  const data = (name: string) => named.get(name)!.data;
  const products = new Map<string, Float32Array>(), others = new Map<string, Float32Array>();
  const product = (name: string, weight: Float32Array, bias: Float32Array, terms: number) => {
    const padded = new Float32Array(roundUp(bias.length, TILE_COLUMNS));
    padded.set(bias);
    products.set(name, padWeight(weight, terms, bias.length));
    others.set(`${name}.bias`, padded);
  };
  const linear = (name: string, terms: number) => product(name, data(`${name}.weight`), data(`${name}.bias`), terms);
  /** [source + bias | target] of some edge layers side by side. */
  const projections = (name: string, layers: readonly string[]) => {
    const columns = 2 * F * layers.length, weight = new Float32Array(F * columns), bias = new Float32Array(columns);
    layers.forEach((at, l) => {
      bias.set(data(`${at}.bias`), 2 * F * l);
      for (const [half, part] of ["source", "target"].entries()) {
        const matrix = data(`${at}.${part}`);
        for (let k = 0; k < F; k++) weight.set(matrix.subarray(k * F, (k + 1) * F), k * columns + (2 * l + half) * F);
      }
    });
    product(name, weight, bias, F);
  };
  const edges = (at: string, gate: { weight: string; bias?: string } | undefined) => {
    products.set(`${at}.hidden`, data(`${at}.hidden.weight`));
    const constants = new Float32Array(4 * F + 4);
    constants.set(data(`${at}.distances`));
    constants.set(data(`${at}.hidden.bias`), 2 * F);
    if (gate) constants.set(data(gate.weight), 3 * F);
    if (gate?.bias) constants.set(data(gate.bias), 4 * F);
    others.set(`${at}.constants`, constants);
  };
  const following = (block: number, layer: number) => {
    const messages = layer < invariantLayers - 1
      ? `blocks.${block}.messages.${layer + 1}`
      : `blocks.${block + 1}.messages.0`;
    const layers = { messages: [messages], coordinates: [`blocks.${block}.coordinates`] };
    const what = followed(options.sizes, block, layer);
    projections(
      projectionsAfter(block, layer),
      what === "both" ? [...layers.coordinates, ...layers.messages] : layers[what],
    );
  };

  linear("embedding", inputs);
  following(-1, invariantLayers - 1);
  for (let b = 0; b < blocks; b++) {
    for (let l = 0; l < invariantLayers; l++) {
      const at = `blocks.${b}.messages.${l}`;
      edges(at, attention ? { weight: `${at}.attention.weight`, bias: `${at}.attention.bias` } : undefined);
      linear(`${at}.node`, 2 * F);
      linear(`${at}.update`, F);
      following(b, l);
    }
    edges(`blocks.${b}.coordinates`, { weight: `blocks.${b}.coordinates.out` });
  }
  linear("embedding_out", F);
  return { products, others };
}

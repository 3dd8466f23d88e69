/** GeoLDM's encoder and decoder on the engine; the mathematics is that of `networks.ts`. */
import { centredPositions, type EgnnNetwork, type EgnnNetworkOptions } from "../networks/egnn_network.ts";
import { flatten } from "../engines/c/parameters.ts";
import { linearParameters } from "../networks/egnn_parameters.ts";
import { checkLatents } from "../diffusion/latent.ts";
import type { Tensors } from "../engines/placing.ts";
import type { GeoldmNetworks } from "../networks/geoldm/autoencoder.ts";
import { atomFeatures, type GeoldmSizes } from "../networks/geoldm/networks.ts";

/** The two EGNNs as the engine takes them: the encoder's and the decoder's. */
export function geoldmNetworks(sizes: GeoldmSizes): [encoder: EgnnNetworkOptions, decoder: EgnnNetworkOptions] {
  const { width, encoderBlocks, decoderBlocks, latentScalars, conditions = [] } = sizes, C = conditions.length;
  const features = atomFeatures(sizes);
  return [
    { sizes: { ...sizes, blocks: encoderBlocks }, inputs: features + C, outputs: width, prefix: "encoder." },
    { sizes: { ...sizes, blocks: decoderBlocks }, inputs: latentScalars + C, outputs: features, prefix: "decoder." },
  ];
}

/** x W + b of one row: weights `[in, out]`, then biases, in one array. */
function affine(x: Float32Array, parameters: Float32Array): Float32Array {
  const n = parameters.length / (x.length + 1), out = parameters.slice(x.length * n);
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < n; j++) out[j] += x[i] * parameters[i * n + j];
  }
  return out;
}

/**
 * @param networks of {@link geoldmNetworks}; disposed of with the result
 * @param tensors see `geoldmParameters`
 */
export function engineNetworks(
  sizes: GeoldmSizes,
  [encoder, decoder]: readonly EgnnNetwork[],
  tensors: Tensors,
): GeoldmNetworks {
  const { width: F, latentScalars: k, conditions = [] } = sizes, width = 3 + k, told = k + conditions.length;
  const [first, second] = [F, 2 * k + 1].map((outputs, layer) => {
    const name = `encoder.final.${layer}`;
    return flatten(linearParameters(name, F, outputs), tensors);
  });
  return {
    async encode(x, h, shape) {
      const out = await encoder.run({ h, x }, shape), rows = shape.batch * shape.nodes;
      const means = new Float32Array(rows * width), positions = centredPositions(out.x, shape);
      for (let row = 0; row < rows; row++) {
        const hidden = affine(out.h.subarray(row * F, (row + 1) * F), first).map((v) => v / (1 + Math.exp(-v)));
        means.set(positions.subarray(row * 3, row * 3 + 3), row * width);
        // [ log variance of the positions | means of the k features | their log variances ]
        means.set(affine(hidden, second).subarray(1, 1 + k), row * width + 3);
      }
      return means;
    },
    async decode(z, shape) {
      checkLatents(z, { vectors: 1, scalars: told, pairs: 0 }, shape);
      const rows = shape.batch * shape.nodes, h = new Float32Array(rows * told), x = new Float32Array(rows * 3);
      for (let row = 0; row < rows; row++) {
        const at = row * (3 + told);
        x.set(z.subarray(at, at + 3), row * 3);
        h.set(z.subarray(at + 3, at + 3 + told), row * told);
      }
      const out = await decoder.run({ h, x }, shape);
      return { positions: centredPositions(out.x, shape), features: out.h };
    },
    dispose() {
      encoder.dispose();
      decoder.dispose();
    },
  };
}

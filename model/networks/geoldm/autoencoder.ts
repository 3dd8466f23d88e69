/** GeoLDM's variational autoencoder between molecules and latents of one position and k scalars an atom. */
import type { Molecule } from "../../../chem/molecule.ts";
import { atomFeatureArrays, likeliestElements } from "../atom_features.ts";
import { contextRows, type ToldValues, withContext } from "../egnn_context.ts";
import type { Tf } from "../tf.ts";
import { checkLatents, drawNoise } from "../../diffusion/latent.ts";
import { toTensors } from "../pair_attention/denoiser.ts";
import type { StoredTensor } from "../../diffusion/safetensors.ts";
import type { Autoencoder, BatchShape, LatentSpace } from "../../diffusion/types.ts";
import { atomFeatures, decodeLatents, encodeMeans, geoldmParameters, type GeoldmSizes } from "./networks.ts";

/** The posterior's fixed deviation in the released code, about sigma_0 of the schedule with precision 1e-5. */
export const POSTERIOR_DEVIATION = 0.0032;

/** What the decoder says of a batch. */
export interface Decoded {
  /** `[B,N,3]`, angstrom. */
  readonly positions: Float32Array;
  /** Type logits, and the charge where the model has it, `[B,N,features]`. */
  readonly features: Float32Array;
}

/** The autoencoder, and the arrays behind `encode` and `decode`. */
export interface GeoldmAutoencoder extends Autoencoder {
  /** The posterior's means `[B, L]` of molecules of one size. */
  encodeMeans(molecules: readonly Molecule[], properties?: ToldValues): Promise<Float32Array>;
  decodeArrays(z: Float32Array, shape: BatchShape, properties?: ToldValues): Promise<Decoded>;
}

/** The two networks, wherever they run. C: properties that they are told. */
export interface GeoldmNetworks {
  /** @param x `[B,N,3]`, centred; h `[B,N,features+C]`. @returns the posterior's means `[B,N,3+k]` */
  encode(x: Float32Array, h: Float32Array, shape: BatchShape): Promise<Float32Array>;
  /** @param z `[B,N,3+k+C]` */
  decode(z: Float32Array, shape: BatchShape): Promise<Decoded>;
  dispose(): void;
}

/** Both on TensorFlow.js. */
function tensorNetworks(
  tf: Tf,
  sizes: GeoldmSizes,
  params: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): GeoldmNetworks {
  const tensors = toTensors(tf, geoldmParameters(sizes), params), C = sizes.conditions?.length ?? 0;
  return {
    async encode(x, h, { batch, nodes }) {
      const out = tf.tidy(() =>
        encodeMeans(
          tf,
          tensors,
          sizes,
          tf.tensor3d(x, [batch, nodes, 3]),
          tf.tensor3d(h, [batch, nodes, atomFeatures(sizes) + C]),
        )
      );
      try {
        return await out.data() as Float32Array;
      } finally {
        out.dispose();
      }
    },
    async decode(z, { batch, nodes }) {
      const width = 3 + sizes.latentScalars + C;
      const { x, h } = tf.tidy(() => decodeLatents(tf, tensors, sizes, tf.tensor3d(z, [batch, nodes, width])));
      try {
        const [positions, values] = await Promise.all([x.data(), h.data()]);
        return { positions: positions as Float32Array, features: values as Float32Array };
      } finally {
        tf.dispose([x, h]);
      }
    },
    dispose() {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}

/**
 * The autoencoder on TensorFlow.js.
 *
 * @param params see `geoldmParameters`
 */
export function createGeoldmAutoencoder(
  tf: Tf,
  sizes: GeoldmSizes,
  params: ReadonlyMap<string, Pick<StoredTensor, "shape" | "data">>,
): GeoldmAutoencoder {
  return geoldmAutoencoder(sizes, tensorNetworks(tf, sizes, params));
}

/**
 * The autoencoder of these networks, which it disposes of.
 *
 * The released code scales neither positions nor features in the autoencoder, so `normalize_factors` are not used here.
 * Without charges the released code drops the last type when it decodes (its own comment says so); this one does not.
 */
export function geoldmAutoencoder(sizes: GeoldmSizes, networks: GeoldmNetworks): GeoldmAutoencoder {
  const space: LatentSpace = { vectors: 1, scalars: sizes.latentScalars, pairs: 0 }, stride = atomFeatures(sizes);
  const told = (rows: Float32Array, shape: BatchShape, properties: ToldValues) =>
    withContext(rows, contextRows(properties, shape, sizes.conditions), shape);
  const means = async (molecules: readonly Molecule[], properties?: ToldValues): Promise<Float32Array> => {
    const { positions, features, nodes } = atomFeatureArrays(molecules, sizes);
    const shape = { batch: molecules.length, nodes };
    return await networks.encode(positions, told(features, shape, properties), shape);
  };
  const decodeArrays = async (z: Float32Array, shape: BatchShape, properties?: ToldValues): Promise<Decoded> => {
    checkLatents(z, space, shape);
    return await networks.decode(told(z, shape, properties), shape);
  };
  return {
    space,
    counts: "atoms",
    encodeMeans: means,
    decodeArrays,
    async encode(molecules, random, properties) {
      if (random.length !== molecules.length) {
        throw new RangeError(`random streams must be ${molecules.length}, one a molecule; got ${random.length}`);
      }
      const z = Float32Array.from(await means(molecules, properties));
      const noise = drawNoise(space, { batch: molecules.length, nodes: molecules[0].atomicNumbers.length }, random);
      for (let i = 0; i < z.length; i++) z[i] += POSTERIOR_DEVIATION * noise[i];
      return z;
    },
    async decode(z, shape, _random, { properties } = {}) {
      const decoded = await decodeArrays(z, shape, properties), { nodes } = shape;
      const atomicNumbers = likeliestElements(decoded.features, sizes, { stride });
      return Array.from({ length: shape.batch }, (_, b) => ({
        atomicNumbers: atomicNumbers.slice(b * nodes, (b + 1) * nodes),
        positions: decoded.positions.slice(3 * b * nodes, 3 * (b + 1) * nodes),
      }));
    },
    dispose: () => networks.dispose(),
  };
}

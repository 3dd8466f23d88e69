/** Puts GeoLDM's autoencoder where it runs best: on the engine, or on TensorFlow.js. */
import { placeEgnns } from "../engine/egnn_place.ts";
import type { PartOptions, Placed, Tensors } from "../parts.ts";
import { createGeoldmAutoencoder, type GeoldmAutoencoder, geoldmAutoencoder } from "./autoencoder.ts";
import { engineNetworks, geoldmNetworks } from "./engine_networks.ts";
import type { GeoldmSizes } from "./networks.ts";

/** See `engine/place.ts`. Throws Error where what was asked for does not work here. */
export function placeGeoldmAutoencoder(
  sizes: GeoldmSizes,
  tensors: Tensors,
  options: PartOptions,
): Promise<Placed<GeoldmAutoencoder>> {
  return placeEgnns<GeoldmAutoencoder>(geoldmNetworks(sizes), tensors, {
    onEngine: (networks) => geoldmAutoencoder(sizes, engineNetworks(sizes, networks, tensors)),
    onTensors: ({ tf }) => createGeoldmAutoencoder(tf, sizes, tensors),
  }, options);
}

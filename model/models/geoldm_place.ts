/** Puts GeoLDM's autoencoder where it runs best: on the engine, or on TensorFlow.js. */
import { placeEgnns } from "../engines/egnn_place.ts";
import type { PartOptions, Placed, Tensors } from "../engines/placing.ts";
import { createGeoldmAutoencoder, type GeoldmAutoencoder, geoldmAutoencoder } from "../networks/geoldm/autoencoder.ts";
import { engineNetworks, geoldmNetworks } from "./geoldm_engine_networks.ts";
import type { GeoldmSizes } from "../networks/geoldm/networks.ts";

/** See `engines/place.ts`. Throws Error where what was asked for does not work here. */
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

/** Several decodings of the same latents: for measuring what a decoding does, and nothing else, to the molecules. */
import type { Molecule } from "../../chem/molecule.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { Model } from "../models/load.ts";

/** A model that also decodes otherwise what it decodes. */
export interface AlsoDecoded {
  /** The model; what it gives is what it would have given. */
  readonly model: Model;
  /** Molecules by the other decodings, in the order in which their batches were decoded. */
  readonly others: ReadonlyMap<Decoding, Molecule[]>;
}

/** @param decodings those beside the one that a request asks for */
export function alsoDecode(model: Model, decodings: readonly Decoding[]): AlsoDecoded {
  const others = new Map<Decoding, Molecule[]>(decodings.map((decoding) => [decoding, []]));
  const { autoencoder } = model;
  const decode: Model["autoencoder"]["decode"] = async (z, shape, random, options) => {
    const { signal } = options ?? {};
    for (const [decoding, molecules] of others) {
      molecules.push(...await autoencoder.decode(z, shape, random, { decoding, signal }));
    }
    return await autoencoder.decode(z, shape, random, options);
  };
  // All else stays what it is: who samples looks for more than there was when this was written.
  const observed: Model["autoencoder"] = Object.create(autoencoder, { decode: { value: decode, enumerable: true } });
  return { model: Object.create(model, { autoencoder: { value: observed, enumerable: true } }), others };
}

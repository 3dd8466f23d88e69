/** Several decodings of the same latents: for measuring what a decoding does, and nothing else, to the molecules. */
import { type Decoding, repairs } from "../diffusion/decodings.ts";
import type { GeneratedMolecule } from "../generation/pipeline.ts";
import type { Model } from "../models/load.ts";

/** A molecule, and whether it was repaired, where the decoding may repair. */
export type OtherMolecule = Pick<GeneratedMolecule, "molecule" | "repaired">;

/** A model that also decodes otherwise what it decodes. */
export interface AlsoDecoded {
  /** The model; what it gives is what it would have given. */
  readonly model: Model;
  /** Molecules by the other decodings, in the order in which their batches were decoded. */
  readonly others: ReadonlyMap<Decoding, OtherMolecule[]>;
}

/** @param decodings those beside the one that a request asks for */
export function alsoDecode(model: Model, decodings: readonly Decoding[]): AlsoDecoded {
  const others = new Map<Decoding, OtherMolecule[]>(decodings.map((decoding) => [decoding, []]));
  const { autoencoder } = model;
  const decode: Model["autoencoder"]["decode"] = async (z, shape, random, options) => {
    const { signal, fixed, properties } = options ?? {};
    for (const [decoding, molecules] of others) {
      const repaired = new Set<number>(), onRepaired = (place: number) => void repaired.add(place);
      const decoded = await autoencoder.decode(z, shape, random, { decoding, fixed, properties, signal, onRepaired });
      molecules.push(...decoded.map((molecule, k) => ({
        molecule,
        ...(repairs(decoding) && { repaired: repaired.has(k) }),
      })));
    }
    return await autoencoder.decode(z, shape, random, options);
  };
  // All else stays what it is: who samples looks for more than there was when this was written.
  const observed: Model["autoencoder"] = Object.create(autoencoder, { decode: { value: decode, enumerable: true } });
  return { model: Object.create(model, { autoencoder: { value: observed, enumerable: true } }), others };
}

/** The heavy-atom codec: a deterministic autoencoder of molecules, but for the draw of u. */
import { checkLatents, latentLength } from "../../diffusion/latent.ts";
import type { Autoencoder, BatchShape } from "../../diffusion/types.ts";
import { clampToValence } from "./clamp.ts";
import { readLatent } from "./decode.ts";
import { IDENTITY, writeLatent } from "./encode.ts";
import { toExample } from "./examples.ts";
import { heavyAtomSpace, QM9_CLASSES } from "./space.ts";
import { type HeavyAtomClass } from "../../diffusion/types.ts";

/** @param options.classes what a heavy atom can be: the card's list */
export function createHeavyAtomAutoencoder(
  { classes = QM9_CLASSES }: { classes?: readonly HeavyAtomClass[] } = {},
): Autoencoder {
  if (classes.length === 0) throw new RangeError("a heavy-atom codec needs at least one class; none given");
  const space = heavyAtomSpace(classes);
  return {
    space,
    counts: "heavyAtoms",
    encode(molecules, random) {
      if (random.length !== molecules.length) {
        throw new RangeError(`one random stream a molecule: ${molecules.length} asked, ${random.length} given`);
      }
      const examples = molecules.map((molecule) => toExample(molecule, classes)), nodes = examples[0]?.nodes ?? 0;
      const other = examples.find((example) => example.nodes !== nodes);
      if (other) throw new RangeError(`a batch holds one size: ${nodes} heavy atoms asked, ${other.nodes} given`);
      const length = latentLength(space, nodes), z = new Float32Array(examples.length * length);
      examples.forEach((example, b) => writeLatent(example, classes.length, IDENTITY, random[b], z, b * length));
      return Promise.resolve(z);
    },
    decode(z: Float32Array, { batch, nodes }: BatchShape, _random, decoding = "argmax") {
      const length = latentLength(space, nodes);
      checkLatents(z, space, { batch, nodes });
      return Promise.resolve(
        Array.from({ length: batch }, (_, b) => readLatent(z, nodes, classes, b * length, decoding)),
      );
    },
    clamp: (x0, shape) => void clampToValence(x0, shape, classes),
    classes,
    dispose() {},
  };
}

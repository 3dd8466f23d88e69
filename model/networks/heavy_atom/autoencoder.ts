/** The heavy-atom codec: a deterministic autoencoder of molecules, but for the draw of u. */
import { type Chemistry, EDM } from "../../../chem/chemistry.ts";
import { checkLatents, latentLength } from "../../diffusion/latent.ts";
import type { Autoencoder, BatchShape } from "../../diffusion/types.ts";
import { clampInTurns, clampMolecule } from "./clamp.ts";
import { readLatent } from "./decode.ts";
import { fixPart, intoFrame, startAbout } from "./fix.ts";
import { createDecoders, type DecoderOptions } from "./decoders.ts";
import { IDENTITY, writeLatent } from "./encode.ts";
import { toExample } from "./examples.ts";
import { bondSumsOf, chargesOf, heavyAtomSpace, type LatentForm, QM9_CLASSES } from "./space.ts";
import { type HeavyAtomClass } from "../../diffusion/types.ts";

/** What a codec is made of. */
export interface HeavyAtomOptions extends Pick<DecoderOptions, "read" | "workers" | "onFault"> {
  /** What a heavy atom can be: the card's list. */
  readonly classes?: readonly HeavyAtomClass[];
  readonly chemistry?: Chemistry;
  /** How molecules are written. */
  readonly form?: LatentForm;
  /** Clamps a molecule on this thread. Default `clampMolecule`. */
  readonly clamp?: typeof clampMolecule;
}

/**
 * Decodes and clamps on the thread that asks, a molecule between two turns of its event loop, but for searches of graphs, which workers do
 * where there may be any.
 *
 * @throws RangeError for no classes, or one that the chemistry has no valence for
 */
export function createHeavyAtomAutoencoder(
  { classes = QM9_CLASSES, chemistry = EDM, form, read = readLatent, clamp = clampMolecule, ...pool }:
    HeavyAtomOptions = {},
): Autoencoder {
  if (classes.length === 0) throw new RangeError("classes of a heavy-atom codec must be at least 1; got 0");
  const space = heavyAtomSpace(classes, form), bondSums = bondSumsOf(classes, chemistry);
  const charges = chargesOf(classes, form);
  const sizes = { classes: classes.length, features: space.pairs };
  const decoders = createDecoders({ classes, chemistry, form, read, ...pool });
  return {
    space,
    counts: "heavyAtoms",
    encode(molecules, random) {
      if (random.length !== molecules.length) {
        throw new RangeError(`random streams must be ${molecules.length}, one a molecule; got ${random.length}`);
      }
      const examples = molecules.map((molecule) => toExample(molecule, classes, chemistry, form)),
        nodes = examples[0]?.nodes ?? 0;
      const other = examples.find((example) => example.nodes !== nodes);
      if (other) {
        throw new RangeError(`molecules of a batch must be of one size, ${nodes} heavy atoms; got ${other.nodes}`);
      }
      const length = latentLength(space, nodes), z = new Float32Array(examples.length * length);
      examples.forEach((example, b) => writeLatent(example, classes.length, IDENTITY, random[b], z, b * length, form));
      return Promise.resolve(z);
    },
    async decode(z: Float32Array, shape: BatchShape, _random, options = {}) {
      checkLatents(z, space, shape);
      const { fixed } = options;
      if (!fixed) return await decoders.decode(z, shape, options);
      const turned = z.slice();
      intoFrame(turned, shape, fixed.part, sizes);
      return await decoders.decode(turned, shape, options);
    },
    warm: decoders.warm,
    clamp: (x0, shape, { signal, fixed } = {}) =>
      clampInTurns(x0, shape, bondSums, {
        ...{ signal, clamp, features: space.pairs },
        // A part that is given may have a charge of its own.
        charges: fixed ? undefined : charges,
      }),
    fix: (x, shape, part, of) => (of === "start" ? startAbout : fixPart)(x, shape, part, sizes),
    bondSums,
    charges,
    chemistry,
    dispose: () => decoders.close(),
  };
}

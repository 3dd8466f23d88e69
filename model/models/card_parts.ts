/** What a card says of the two parts of a model: the denoiser and the autoencoder. */
import { z } from "zod";
import type { Chemistry } from "../../chem/chemistry.ts";
import { PROPERTY_NAMES } from "../../chem/properties.ts";
import { elementOf } from "../../chem/elements.ts";
import { DECODINGS } from "../diffusion/decodings.ts";
import { strict } from "../diffusion/strict.ts";
import type { LatentSpace } from "../diffusion/types.ts";
import { LOWEST_FREQUENCY } from "../networks/pair_attention/parameters.ts";
import { scaleRange } from "../networks/pair_attention/scale.ts";
import { bondSumsOf, heavyAtomSpace, HYDROGEN_CHOICES } from "../networks/heavy_atom/space.ts";

/** A positive whole number. */
export const count = z.int().min(1);
/** A file beside the card: a bare name, so that a card cannot reach out of its folder. */
export const file = z.string().regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors$/,
  "must be the bare name of a .safetensors file",
);
/** What that file's bytes must be: SHA-256. A card that is older than digests has none. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits").optional();
const element = z.int().min(1).max(118);

/** What GeoLDM's and EDM's EGNNs are told (in their `args`: the name in brackets). */
const egnn = {
  /** [nf] */
  width: count,
  /** [attention] */
  attention: z.boolean(),
  /** [tanh] */
  tanh: z.boolean(),
  /** [norm_constant] added to a distance before a difference vector is divided by it. */
  normConstant: z.number().min(0),
  /** [inv_sublayers] message layers before each coordinate update. */
  invariantLayers: count,
  /** [sin_embedding] distances as sines and cosines. */
  sinEmbedding: z.boolean(),
  /** [normalization_factor] divides sums over neighbours. */
  normalisationFactor: z.number().positive(),
  /** [aggregation_method] */
  aggregation: z.enum(["sum", "mean"]),
  /** The networks' fixed 15: a coordinate update's bound with tanh, shared out over the blocks. */
  coordinateRange: z.number().positive().default(15),
};

/** [normalize_factors] what positions, one-hot types and charges are divided by. */
const normalisers = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

/** The highest frequency of a network's time features. */
export const frequencySpec = z.number().min(LOWEST_FREQUENCY).max(10_000);

/** A property that a network is told: what is taken from a value, what the rest is divided by, and the least and greatest of what the network learned from. */
const condition = {
  name: z.enum(PROPERTY_NAMES),
  unit: z.string().min(1),
  mean: z.number(),
  deviation: z.number().positive(),
  range: z.tuple([z.number(), z.number()]),
};

const once = [
  (conditions: readonly { readonly name: string }[]) =>
    new Set(conditions.map(({ name }) => name)).size === conditions.length,
  { error: "must name each property once" },
] as const;

/** Properties that a network is told, with mean and standard deviation over what it learned from. */
export const conditionsSpec = z.array(strict(condition)).min(1).refine(...once);

/** The same of EDM's and GeoLDM's networks, whose authors take mean absolute deviations. */
export const toldSpec = z.array(strict({
  ...condition,
  /** What is taken from a value for each atom, before the mean. */
  perAtom: z.number().optional(),
})).min(1).refine(...once);

/** The denoiser: its kind, sizes and file. */
export const denoiser = z.discriminatedUnion("type", [
  strict({
    type: z.literal("pair-attention"),
    width: count.multipleOf(16),
    blocks: count,
    /** Whether pairs are told the distances of the network's own estimate on the way. */
    estimates: z.literal(true).optional(),
    /** The highest frequency of the time's features; 192 where absent. */
    frequency: frequencySpec.optional(),
    /** Properties that molecules can be asked to have; none where absent. */
    conditions: conditionsSpec.optional(),
    /** The guidance scales that it is told, where it says a guided estimate in one call. */
    guidance: scaleRange.optional(),
    /** Whether graphs can be given to it, so that it draws positions alone. */
    graph: z.literal(true).optional(),
    /** The block, from 0, that its weaker self goes without, by which estimates can be guided (`networks/heavy_atom/autoguide.ts`); there is none where absent. */
    weakWithout: z.int().min(0).optional(),
    file,
    sha256,
  }),
  strict({
    type: z.literal("egnn"),
    ...egnn,
    /** [n_layers] */
    blocks: count,
    /** [condition_time] */
    conditionTime: z.boolean(),
    /** What the network gives: the noise, the clean latent, or alpha noise - sigma x0. */
    parametrisation: z.enum(["eps", "x0", "v"]),
    /** [conditioning] Properties that molecules must be asked to have, in the order of the network's inputs; none where absent. */
    conditions: toldSpec.optional(),
    file,
    sha256,
  }),
]);

/** The autoencoder: its kind, what it is told, and its file where it has one. */
export const autoencoder = z.discriminatedUnion("type", [
  strict({
    type: z.literal("heavy-atom"),
    /** [atomic number, hydrogens, formal charge if it has one] of each class, in the order of the one-hot scalars. */
    classes: z.array(z.tuple([element, z.int().min(0).max(4), z.int().min(-4).max(4).optional()])).min(1),
    /** Angstrom a model unit. */
    scale: z.number().positive(),
    /** The value of a "1" in one-hot scalars and pairs. */
    oneHot: z.number().positive(),
    /** How latents are decoded where a request does not say. */
    decoding: z.enum(DECODINGS).default("argmax"),
    /** Whether aromatic bonds are an order of their own, a fifth feature of pairs. */
    aromatic: z.literal(true).optional(),
    /** Whether the data's molecules are neutral on the whole: graphs that are sought by valence are then so, too. */
    neutral: z.literal(true).optional(),
    /** Which of an atom's hydrogens u points to; drawn where absent. */
    hydrogen: z.enum(HYDROGEN_CHOICES).optional(),
  }),
  strict({
    type: z.literal("geoldm"),
    ...egnn,
    /** Encoder's and decoder's blocks: 1 and [n_layers]. */
    encoderBlocks: count.default(1),
    decoderBlocks: count,
    /** Atomic numbers in the order of the one-hot types. */
    elements: z.array(element).min(1),
    /** [include_charges] */
    includeCharges: z.boolean(),
    /** [latent_nf] */
    latentScalars: count,
    normalisers,
    /** [context_node_nf] Whether both networks are told the denoiser's conditions, too. */
    told: z.literal(true).optional(),
    /** [kl_weight]; of use in training only. */
    klWeight: z.number().min(0).optional(),
    file,
    sha256,
  }),
  strict({
    type: z.literal("identity"),
    elements: z.array(element).min(1),
    includeCharges: z.boolean(),
    normalisers,
  }),
]);

/** The latent space that an autoencoder makes. */
export function spaceOf(part: z.infer<typeof autoencoder>): LatentSpace {
  switch (part.type) {
    case "heavy-atom":
      return heavyAtomSpace(part.classes, part);
    case "geoldm":
      return { vectors: 1, scalars: part.latentScalars, pairs: 0 };
    case "identity":
      return { vectors: 1, scalars: part.elements.length + (part.includeCharges ? 1 : 0), pairs: 0 };
  }
}

/**
 * Throws RangeError where an autoencoder speaks of elements, or of classes, that a chemistry has not.
 */
export function checkElements(part: z.infer<typeof autoencoder>, chemistry: Chemistry): void {
  if (part.type === "heavy-atom") bondSumsOf(part.classes, chemistry);
  else for (const element of part.elements) elementOf(element, chemistry);
}

/** GeoLDM's and EDM's command-line arguments (their `main_qm9.py` and `main_geom_drugs.py`) as parts of a card; what cannot be done is refused. */
import { z } from "zod";
import { type ChemistryName, GEOM } from "../../../chem/chemistry.ts";
import { QM9_ELEMENTS } from "../../../chem/qm9.ts";
import type { CardInput } from "../card.ts";
import { conditioning } from "./conditioning.ts";
import { GEOM_SIZES } from "./geom_sizes.ts";
import type { Value } from "./pickle.ts";

const count = z.int().min(1);

/** The arguments that shape the model. Others (batch size, learning rate, paths, ...) do not matter here. */
const schema = z.object({
  model: z.literal("egnn_dynamics"),
  probabilistic_model: z.literal("diffusion").default("diffusion"),
  dataset: z.string(),
  remove_h: z.boolean().default(false),
  conditioning: conditioning.default([]),
  context_node_nf: z.int().min(0).default(0),
  diffusion_steps: count,
  diffusion_noise_schedule: z.string().regex(/^polynomial_[0-9.]+$/, "only polynomial schedules are supported"),
  diffusion_noise_precision: z.number(),
  nf: count,
  n_layers: count,
  inv_sublayers: count.default(1),
  attention: z.boolean(),
  tanh: z.boolean(),
  norm_constant: z.number().min(0).default(0),
  sin_embedding: z.boolean().default(false),
  // What the peers' own loaders assume where these two are missing.
  normalization_factor: z.number().positive().default(1),
  aggregation_method: z.enum(["sum", "mean"]).default("sum"),
  condition_time: z.boolean().default(true),
  include_charges: z.boolean(),
  normalize_factors: z.array(z.number().positive()).length(3).default([1, 4, 10]),
  latent_nf: count.optional(),
  kl_weight: z.number().optional(),
}).refine(({ conditioning, context_node_nf }) => conditioning.length === context_node_nf, {
  error: ({ input }) => {
    const { conditioning, context_node_nf } = input as { conditioning: string[]; context_node_nf: number };
    return `must be ${conditioning.length}, one for each of conditioning; got ${context_node_nf}`;
  },
  path: ["context_node_nf"],
});

/** The arguments, checked. */
export type Arguments = z.infer<typeof schema>;

/**
 * Checks the fields of `args.pickle`.
 *
 * @throws TypeError with every argument that is missing or not supported
 */
export function parseArguments(fields: ReadonlyMap<string, Value>): Arguments {
  const known = Object.keys(schema.shape).filter((name) => fields.has(name));
  // argparse.Namespace keeps eval(...)-parsed flags as 0 and 1 in places.
  const value = Object.fromEntries(known.map((name) => [name, fields.get(name)]));
  for (const name of ["remove_h", "attention", "tanh", "sin_embedding", "condition_time", "include_charges"]) {
    if (value[name] === 0 || value[name] === 1) value[name] = value[name] === 1;
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new TypeError(`these arguments cannot be imported:\n${z.prettifyError(result.error)}`);
  return result.data;
}

/** QM9 with hydrogens, EDM's train split (100,000 molecules): molecules of each number of atoms. */
const QM9_SIZES: Record<string, number> = Object.freeze({
  3: 1,
  4: 4,
  5: 5,
  6: 9,
  7: 16,
  8: 49,
  9: 124,
  10: 362,
  11: 807,
  12: 1689,
  13: 3060,
  14: 5136,
  15: 7796,
  16: 10644,
  17: 13025,
  18: 13364,
  19: 13832,
  20: 9482,
  21: 9970,
  22: 3393,
  23: 4848,
  24: 539,
  25: 1506,
  26: 48,
  27: 266,
  29: 25,
});

/** QM9 with hydrogens, the half of that split which conditional models learn from (`chem/halves.ts`), as their `configs/datasets_config.py` has it. */
const QM9_SECOND_HALF_SIZES: Record<string, number> = Object.freeze({
  3: 1,
  4: 3,
  5: 3,
  6: 5,
  7: 7,
  8: 25,
  9: 62,
  10: 178,
  11: 412,
  12: 845,
  13: 1541,
  14: 2587,
  15: 3865,
  16: 5344,
  17: 6461,
  18: 6695,
  19: 6944,
  20: 4794,
  21: 4962,
  22: 1701,
  23: 2380,
  24: 267,
  25: 754,
  26: 17,
  27: 132,
  29: 15,
});

/** The same of the whole split without hydrogens. */
const QM9_HEAVY_SIZES: Record<string, number> = Object.freeze({
  1: 2,
  2: 5,
  3: 7,
  4: 25,
  5: 91,
  6: 475,
  7: 2404,
  8: 13625,
  9: 83366,
});

/** Types and sizes of a data set. */
export interface DataSet {
  /** As the card has it. */
  readonly name: string;
  /** As people have it. */
  readonly label: string;
  readonly chemistry: ChemistryName;
  /** Atomic numbers in the order of the one-hot types. */
  readonly elements: number[];
  /** Molecules of each size. */
  readonly sizes: Record<string, number>;
}

/** GEOM-Drugs, which their code has no types and sizes of without hydrogens either. */
function geom({ dataset, remove_h }: Arguments): DataSet {
  if (remove_h) throw new RangeError(`the data set ${dataset} must be with hydrogens; got remove_h`);
  const elements = GEOM.elements.map(({ atomicNumber }) => atomicNumber);
  return { name: "geom", label: "GEOM-Drugs", chemistry: "geom", elements, sizes: { ...GEOM_SIZES } };
}

/**
 * What the arguments' data set implies.
 *
 * @throws RangeError for another one than QM9 and GEOM-Drugs, with what is missing: its types and sizes are not in the checkpoint; for GEOM-Drugs and QM9's second
 * half without hydrogens, which their code has no sizes for
 */
export function dataSetOf(args: Arguments): DataSet {
  const { dataset, remove_h } = args, qm9 = { name: "qm9", label: "QM9", chemistry: "edm" } as const;
  if (dataset === "geom") return geom(args);
  if (!dataset.startsWith("qm9")) {
    throw new RangeError(
      `the data set must be qm9 or geom; got ${dataset}: missing are its elements in the order of its types, and its numbers of ` +
        "molecules of each size, which are not in the checkpoint",
    );
  }
  if (dataset === "qm9_second_half") {
    if (remove_h) throw new RangeError(`the data set ${dataset} must be with hydrogens; got remove_h`);
    return { ...qm9, elements: [...QM9_ELEMENTS], sizes: { ...QM9_SECOND_HALF_SIZES } };
  }
  return remove_h
    ? { ...qm9, elements: QM9_ELEMENTS.slice(1), sizes: { ...QM9_HEAVY_SIZES } }
    : { ...qm9, elements: [...QM9_ELEMENTS], sizes: { ...QM9_SIZES } };
}

/** The options that all EGNNs of a model share. */
export function egnnOptions(args: Arguments) {
  return {
    width: args.nf,
    attention: args.attention,
    tanh: args.tanh,
    normConstant: args.norm_constant,
    invariantLayers: args.inv_sublayers,
    sinEmbedding: args.sin_embedding,
    normalisationFactor: args.normalization_factor,
    aggregation: args.aggregation_method,
    // Fixed in both code bases, and the same in every block.
    coordinateRange: 15,
  };
}

/** The noise schedule. */
export function scheduleOf(args: Arguments) {
  return {
    type: "polynomial",
    power: Number(args.diffusion_noise_schedule.slice("polynomial_".length)),
    precision: args.diffusion_noise_precision,
    timesteps: args.diffusion_steps,
  } satisfies CardInput["schedule"];
}

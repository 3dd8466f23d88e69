/**
 * The parameters of the pair-attention denoiser: names, shapes, order. Everything that holds its weights (the
 * TensorFlow.js graph, the engine's flat array, the checkpoint) follows this one list. The network itself is told in docs/denoiser.md and
 * written in `network.ts`.
 */
import type { PropertyName } from "../../../chem/properties.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { ScaleRange } from "./scale.ts";

/** Sizes of a pair-attention denoiser. */
export interface PairAttentionSizes {
  /** Channels of a node; a multiple of 16. */
  readonly width: number;
  /** Number of blocks. */
  readonly blocks: number;
  /** Features of the number of steps in the input (`levels.ts`); none where absent. */
  readonly levels?: number;
  /** Whether pairs are told the distances of the network's own estimate on the way (docs/denoiser.md); not where absent. */
  readonly estimates?: boolean;
  /** The highest frequency of the time's features (`conditions.ts`); {@link HIGHEST_FREQUENCY} where absent. */
  readonly frequency?: number;
  /** Properties that the network is told (`properties.ts`); none where absent. */
  readonly conditions?: readonly PropertyCondition[];
  /** Whether it is told how far to be guided to them (`scale.ts`); not where absent. */
  readonly scale?: true;
  /**
   * Whether it is told that the graph is given: that classes and bond orders are clean, at time 0, while vectors are at the time that it is told. So one network draws new
   * molecules and positions for a known one. Not where absent.
   */
  readonly graph?: true;
  /** The block that its weaker self goes without, from 0 (`heavy_atom/autoguide.ts`); there is none where absent. */
  readonly weakWithout?: number;
}

/** A property that a network is told, and how its values are standardised. */
export interface PropertyCondition {
  readonly name: PropertyName;
  readonly mean: number;
  readonly deviation: number;
}

/** What decides the features of a network's conditions. */
export type ConditionSizes = Pick<
  PairAttentionSizes,
  "levels" | "frequency" | "conditions" | "scale" | "graph" | "weakWithout"
>;

/** Those sizes alone. */
export const conditionSizes = (
  { levels, frequency, conditions, scale, graph, weakWithout }: ConditionSizes,
): ConditionSizes => ({ levels, frequency, conditions, scale, graph, weakWithout });

/** Rows of the first layer beside those of scalars and time: one of a given graph, two of each property, one of the guidance scale, and of the number of steps. */
export const toldRows = ({ levels = 0, conditions = [], scale, graph }: ConditionSizes): number =>
  (graph ? 1 : 0) + 2 * conditions.length + (scale ? 1 : 0) + levels;

/** Most of these rows that the engines have room for. */
export const MOST_TOLD = 16;

/** What a card or a run's settings say of the network's sizes. */
export type PairAttentionEntry =
  & Pick<
    PairAttentionSizes,
    "width" | "blocks" | "estimates" | "frequency" | "conditions" | "graph" | "weakWithout"
  >
  & { readonly guidance?: ScaleRange };

/** What the network of a file is told beyond what its card's denoiser is: a student's number of steps, in `levels` features, and a guidance scale. */
export interface ToldBeside {
  readonly levels?: number;
  readonly guidance?: ScaleRange;
}

/** The sizes of the network that an entry names, told what its file's is. */
export const sizesOf = (
  { width, blocks, estimates, frequency, conditions, guidance, graph, weakWithout }: PairAttentionEntry,
  { levels = 0, guidance: own = guidance }: ToldBeside = {},
): PairAttentionSizes => ({
  width,
  blocks,
  levels,
  ...estimates && { estimates },
  ...frequency && { frequency },
  ...conditions && { conditions: conditions.map(({ name, mean, deviation }) => ({ name, mean, deviation })) },
  ...own && { scale: true },
  ...graph && { graph },
  ...weakWithout !== undefined && { weakWithout },
});

/** Fixed sizes: 16 lanes of a vector register hold all heads, or all coordinate sets, of a pair. */
export const HEADS = 16, SETS = 16, PAIR_WIDTH = 32, DISTANCES = 8, TIMES = 16, EXPANSION = 3;

/** Angular frequencies of the time's features: the lowest, and the highest unless a network has another. */
export const LOWEST_FREQUENCY = 1.5, HIGHEST_FREQUENCY = 192;

/** Scalars of a node and features of a pair that the engines have room for, at most. */
export const MOST_SCALARS = 128, MOST_PAIRS = 8;

/** One parameter tensor. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Initial values: uniform in +-bound, normal of this deviation, or zeros; `identity` is added for `mix`. */
  readonly init: { readonly kind: "uniform" | "normal" | "zeros" | "identity"; readonly scale: number };
  /** Muon for the matrices of the blocks, AdamW for everything else. */
  readonly optimiser: "muon" | "adamw";
  /** Whether an option adds it: at its first values, zeros, the network says what it says without. */
  readonly added?: true;
}

/** Every parameter in storage order. A weight is `[in, out]`, so y = x W + b; `qkv.weight` is `[3, in, out]`. */
export function pairAttentionParameters(
  space: LatentSpace,
  { width: f, blocks, estimates = false, ...told }: PairAttentionSizes,
): ParameterSpec[] {
  const { vectors: V, scalars: K, pairs: P } = space;
  const R = DISTANCES + P, e = PAIR_WIDTH, C = SETS, hidden = EXPANSION * f;
  const list: ParameterSpec[] = [];
  const add = (name: string, shape: number[], kind: ParameterSpec["init"]["kind"], scale: number, muon = false) =>
    list.push({ name, shape, init: { kind, scale }, optimiser: muon ? "muon" : "adamw" });
  /** A linear layer with bias, initialised as PyTorch's nn.Linear: uniform in +-1/sqrt(in). */
  const linear = (name: string, input: number, output: number, { muon = false, bias = true, zero = false } = {}) => {
    add(`${name}.weight`, [input, output], zero ? "zeros" : "uniform", 1 / Math.sqrt(input), muon);
    if (bias) add(`${name}.bias`, [output], "uniform", 1 / Math.sqrt(input));
  };
  /** Of the distances of the network's own estimate: at first they say nothing. */
  const estimate = (at: string, muon: boolean) => {
    const shape = [DISTANCES, e], init = { kind: "zeros", scale: 0 } as const, optimiser = muon ? "muon" : "adamw";
    if (estimates) list.push({ name: `${at}.estimate.weight`, shape, init, optimiser, added: true });
  };
  linear("input", K + TIMES + toldRows(told), f);
  add("coordinates.in", [V, C], "normal", 0.7);
  for (let b = 0; b < blocks; b++) {
    const at = `blocks.${b}`;
    add(`${at}.qkv.weight`, [3, f, f], "uniform", 1 / Math.sqrt(f), true);
    add(`${at}.qkv.bias`, [3, f], "uniform", 1 / Math.sqrt(f));
    linear(`${at}.edge`, f + C, 2 * e, { muon: true });
    linear(`${at}.radial`, R + 2 * C, e, { muon: true, bias: false });
    estimate(at, true);
    linear(`${at}.pair`, e, e + HEADS + C, { muon: true });
    linear(`${at}.out`, f + e, f, { muon: true, zero: true });
    linear(`${at}.up`, f + C, hidden, { muon: true });
    linear(`${at}.down`, hidden, f + C, { muon: true, zero: true });
    add(`${at}.mix`, [C, C], "identity", 0.05);
  }
  linear("scalars", f, K);
  linear("bonds.node", f, e);
  linear("bonds.pair", R + C, e);
  estimate("bonds", false);
  linear("bonds.out", e, P);
  add("coordinates.out", [C, V], "normal", 0.1);
  return list;
}

/** Number of floats in all parameters. */
export function parameterCount(list: readonly ParameterSpec[]): number {
  return list.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/**
 * The likeliest molecular graph under a latent's class and bond-order probabilities, among those that obey valence.
 *
 * A latent of the last denoiser call holds probabilities (times `ONE_HOT`) for each atom's class and each pair's order.
 * Taking the largest of each one by one can break a valence; the most probable assignment in which every heavy atom's
 * bond orders and hydrogens add up to a valence of its element and charge is found by a search (`valence_search.ts`).
 *
 * Of latents in which aromatic bonds are an order of their own (of five features a pair), the likeliest words and single and double bonds that
 * fit them are sought together: an aromatic bond may be either. So in the search single and double bonds are as likely as the likelier of
 * themselves and aromatic.
 */
import type { BondSums } from "../../diffusion/types.ts";
import { kekulise } from "./aromatic.ts";
import { AROMATIC, ORDERS } from "./space.ts";
import { costsOf } from "./valence_costs.ts";
import { cheapestSound } from "./valence_search.ts";

/** What a latent says of the heavy atoms. */
export interface Graph {
  /** Index of each heavy atom's class, `[N]`. */
  readonly kinds: Uint8Array;
  /** Bond orders `[N, N]`, symmetric; of {@link argmaxGraph} {@link AROMATIC} among them, where the latent has it. */
  readonly orders: Uint8Array;
  /** What the latent says of the pairs, `[N, N]`: the orders, or {@link AROMATIC} in their place. Absent where that is no order of its own. */
  readonly words?: Uint8Array;
  /** Of {@link valenceGraph}, and absent where false: the likeliest classes and orders would not do, as {@link needsSearch} has it. */
  readonly searched?: true;
}

/** How far the search goes before it gives up. Counts, never times: the same latent has the same graph on any machine. */
export interface GraphSearch {
  /** Whether classes and orders that are all but out of question stay so, and there is no graph where it takes one of them. Default false. */
  readonly near?: boolean;
  /** Features of a pair in the latent: 4, or 5 with aromatic bonds. Default 4. */
  readonly features?: number;
  /** Formal charge of each class, where those of a graph are to add up to nothing (`chargesOf`): where none is found that do, they need not. */
  readonly charges?: readonly number[];
  /** Changes looked at, which is what takes the time. Default {@link MOST_CHANGES}. */
  readonly most?: number;
}

/**
 * Changes that a search looks at at most where nothing else is asked. What was measured: docs/design.md.
 */
export const MOST_CHANGES = 10_000;

/**
 * Nats by which a class or bond order may be less probable than the likeliest, where a search begins: a draft has thousands that are not in question. Where no graph is to be had of
 * these, as in drafts that are all but sure of what breaks a valence, the others are let in.
 */
const NEAR = 18;

/** Index of the largest of `z[from, from + count)`. */
function argmax(z: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if (z[from + k] > z[from + best]) best = k;
  return best;
}

/**
 * Class and order of largest probability each, whatever valence says.
 *
 * @param classes the classes, or anything as long as their list
 */
export function argmaxGraph(
  z: Float32Array,
  nodes: number,
  classes: { readonly length: number },
  at = 0,
  features = ORDERS,
): Graph {
  const K = classes.length, width = 9 + K, pairs = at + nodes * width;
  const kinds = new Uint8Array(nodes), orders = new Uint8Array(nodes * nodes);
  for (let i = 0; i < nodes; i++) {
    kinds[i] = argmax(z, at + i * width + 9, K);
    for (let j = 0; j < i; j++) {
      orders[i * nodes + j] = orders[j * nodes + i] = argmax(z, pairs + (i * nodes + j) * features, features);
    }
  }
  return { kinds, orders };
}

/**
 * As {@link argmaxGraph}, with single and double bonds for aromatic ones, as valence has them where it can.
 *
 * @param bondSums what valence leaves each class: `bondSumsOf`
 */
export function draftGraph(z: Float32Array, nodes: number, bondSums: BondSums, at = 0, features = ORDERS): Graph {
  const graph = argmaxGraph(z, nodes, bondSums, at, features), { kinds, orders: words } = graph;
  if (features === ORDERS) return graph;
  return { kinds, orders: kekulise(words, Array.from(kinds, (kind) => bondSums[kind])), words };
}

/** The words that orders stand for: aromatic where the latent has that rather than the single or double bond. */
function wordsOf(z: Float32Array, orders: Uint8Array, pairs: number, features: number): Uint8Array {
  return orders.map((order, k) => {
    const pair = pairs + k * features;
    return (order === 1 || order === 2) && z[pair + AROMATIC] > z[pair + order] ? AROMATIC : order;
  });
}

/** Whether each atom's bonds add up to what its class may have. */
function obeysValence({ kinds, orders }: Graph, bondSums: BondSums): boolean {
  const nodes = kinds.length;
  return kinds.every((kind, i) => {
    let bonds = 0;
    for (let j = 0; j < nodes; j++) bonds += orders[i * nodes + j];
    return bondSums[kind].includes(bonds);
  });
}

/** The charges of a graph, added up. @param charges of each class */
export const netCharge = ({ kinds }: Pick<Graph, "kinds">, charges: readonly number[]): number =>
  kinds.reduce((sum, kind) => sum + charges[kind], 0);

const isNeutral = (graph: Graph, charges: readonly number[] | undefined) => !charges || netCharge(graph, charges) === 0;

/** Whether the likeliest class and orders, each by itself, violate a valence or leave a charge: {@link valenceGraph} has to search then. */
export function needsSearch(
  z: Float32Array,
  nodes: number,
  bondSums: BondSums,
  at = 0,
  features = ORDERS,
  charges?: readonly number[],
): boolean {
  const draft = draftGraph(z, nodes, bondSums, at, features);
  return !obeysValence(draft, bondSums) || !isNeutral(draft, charges);
}

/**
 * The most probable graph that obeys valence at every heavy atom, or undefined where none is found within the limits. With `charges` the most probable of
 * those that are neutral on the whole, or, where none is found, of all.
 */
export function valenceGraph(
  z: Float32Array,
  nodes: number,
  bondSums: BondSums,
  at = 0,
  search: GraphSearch = {},
): Graph | undefined {
  const { near: nearAlone = false, most = MOST_CHANGES, features = ORDERS, charges } = search;
  const draft = draftGraph(z, nodes, bondSums, at, features);
  if (obeysValence(draft, bondSums) && isNeutral(draft, charges)) return draft;
  const within = (deepest: number) =>
    cheapestSound(costsOf(z, nodes, bondSums, at, { deepest, features, charges }), draft, most);
  const near = within(NEAR), found = near === "none" && !nearAlone ? within(Infinity) : near;
  if (typeof found === "string") {
    return charges && valenceGraph(z, nodes, bondSums, at, { ...search, charges: undefined });
  }
  const graph: Graph = { ...found, searched: true };
  if (features === ORDERS) return graph;
  return { ...graph, words: wordsOf(z, graph.orders, at + nodes * (9 + bondSums.length), features) };
}

/**
 * The likeliest molecular graph under a latent's class and bond-order probabilities, among those that obey valence.
 *
 * A latent of the last denoiser call holds probabilities (times `ONE_HOT`) for each atom's class and each pair's order.
 * Taking the largest of each one by one can break a valence; the most probable assignment in which every heavy atom's
 * bond orders and hydrogens add up to a valence of its element and charge is found by an A* search from the one-by-one choice.
 *
 * Of latents in which aromatic bonds are an order of their own (of five features a pair), the likeliest words and single and double bonds that
 * fit them are sought together: an aromatic bond may be either. So in the search single and double bonds are as likely as the likelier of
 * themselves and aromatic.
 */
import type { BondSums } from "../../diffusion/types.ts";
import { createHeap } from "./heap.ts";
import { kekulise } from "./aromatic.ts";
import { AROMATIC, ORDERS } from "./space.ts";

/** What a latent says of the heavy atoms. */
export interface Graph {
  /** Index of each heavy atom's class, `[N]`. */
  readonly kinds: Uint8Array;
  /** Bond orders `[N, N]`, symmetric; of {@link argmaxGraph} {@link AROMATIC} among them, where the latent has it. */
  readonly orders: Uint8Array;
  /** What the latent says of the pairs, `[N, N]`: the orders, or {@link AROMATIC} in their place. Absent where that is no order of its own. */
  readonly words?: Uint8Array;
  /** Of {@link valenceGraph}, and absent where false: the likeliest classes and orders violated a valence, as {@link needsSearch} has it. */
  readonly searched?: true;
}

/** How far the search goes before it gives up. Counts, never times: the same latent has the same graph on any machine. */
export interface GraphSearch {
  /** Nats by which a changed class or bond order may be less probable than the best. */
  readonly deepest?: number;
  /** States looked at. Default 2000. */
  readonly limit?: number;
  /** Features of a pair in the latent: 4, or 5 with aromatic bonds. Default 4. */
  readonly features?: number;
  /** States made, which is what takes the time: each that is looked at makes one for each change of an atom. Default {@link MOST_STATES}. */
  readonly most?: number;
}

/**
 * States that a search makes at most where nothing else is asked. Drafts of few steps, far from any graph, would have it make hundreds of
 * thousands, a second's worth. What was measured: docs/design.md.
 */
export const MOST_STATES = 10_000;

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

/** What the latent says of order k at the pair whose features begin at `pair`. */
function said(z: Float32Array, pair: number, k: number, features: number): number {
  return features > ORDERS && (k === 1 || k === 2) ? Math.max(z[pair + k], z[pair + AROMATIC]) : z[pair + k];
}

/** The words that orders stand for: aromatic where the latent has that rather than the single or double bond. */
function wordsOf(z: Float32Array, orders: Uint8Array, pairs: number, features: number): Uint8Array {
  return orders.map((order, k) => {
    const pair = pairs + k * features;
    return (order === 1 || order === 2) && z[pair + AROMATIC] > z[pair + order] ? AROMATIC : order;
  });
}

/** What an atom can be: a class with one of the sums of bond orders that it may have. */
interface Kind {
  readonly index: number;
  readonly sum: number;
}

/** One change of the graph: an atom's kind, or a pair's order. */
interface Flip {
  /** Which variable: atoms first, then pairs. */
  readonly variable: number;
  /** Its new value: a place among the kinds, or an order. */
  readonly value: number;
  /** Nats that it costs. */
  readonly cost: number;
  /** Atoms whose sum of bonds and hydrogens, less the valence, it changes, and by how much. */
  readonly i: number;
  readonly j: number;
  readonly byI: number;
  readonly byJ: number;
  /** Two random 26-bit words: a set of changes is named by the exclusive or of theirs. */
  readonly name1: number;
  readonly name2: number;
}

/** A change without its name, and with it. @param values more than any value */
function named(flip: Omit<Flip, "name1" | "name2">, values: number): Flip {
  let h = Math.imul(flip.variable * values + flip.value + 1, 0x9e3779b1);
  const word = () => {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^= h >>> 16) >>> 6;
  };
  return { ...flip, name1: word(), name2: word() };
}

/** A graph on the way: what is changed so far, and by how much each atom is over its valence. */
interface State {
  /** A* order: what is paid and a lower bound on what is still to be. */
  readonly bound: number;
  /** Known of those that have been looked at. */
  excess?: Int16Array;
  readonly name1: number;
  readonly name2: number;
  readonly flip?: Flip;
  readonly before?: State;
}

/** Nats between two values. */
const nats = (best: number, other: number) => Math.log(Math.max(best, 1e-9)) - Math.log(Math.max(other, 1e-9));

/** A graph on which a search starts: orders, and each atom's place among the kinds. */
interface Start {
  readonly graph: Graph;
  readonly kinds: readonly Kind[];
  readonly first: readonly number[];
}

/** Every change that costs at most `deepest`, by the atoms that it touches, cheapest first. */
function listFlips(
  z: Float32Array,
  { graph, kinds, first }: Start,
  { K, at, deepest, features }: { K: number; at: number; deepest: number; features: number },
) {
  const nodes = first.length, width = 9 + K, pairs = at + nodes * width, values = Math.max(16, kinds.length);
  const touching: Flip[][] = Array.from({ length: nodes }, () => []);
  for (let i = 0; i < nodes; i++) {
    const from = at + i * width + 9, best = kinds[first[i]];
    for (let k = 0; k < kinds.length; k++) {
      const cost = nats(z[from + best.index], z[from + kinds[k].index]);
      if (k === first[i] || cost > deepest) continue;
      const byI = best.sum - kinds[k].sum;
      touching[i].push(named({ variable: i, value: k, cost, i, j: i, byI, byJ: 0 }, values));
    }
    for (let j = 0; j < i; j++) {
      const pair = pairs + (i * nodes + j) * features, order = graph.orders[i * nodes + j];
      for (let k = 0; k < ORDERS; k++) {
        const cost = nats(said(z, pair, order, features), said(z, pair, k, features));
        if (k === order || cost > deepest) continue;
        const variable = nodes + i * nodes + j, by = k - order;
        const flip = named({ variable, value: k, cost, i, j, byI: by, byJ: by }, values);
        touching[i].push(flip);
        touching[j].push(flip);
      }
    }
  }
  for (const flips of touching) flips.sort((a, b) => a.cost - b.cost);
  return touching;
}

/** The kinds, each atom's of its class whose sum is nearest to its bonds', and by how much these exceed that. */
function start(graph: Graph, bondSums: BondSums): Start & { readonly excess: Int16Array } {
  const kinds = bondSums.flatMap((sums, index) => sums.map((sum) => ({ index, sum }))), nodes = graph.kinds.length;
  const excess = new Int16Array(nodes);
  const first = Array.from(graph.kinds, (index, i) => {
    let bonds = 0, best = -1;
    for (let j = 0; j < nodes; j++) bonds += graph.orders[i * nodes + j];
    const away = (k: number) => Math.abs(bonds - kinds[k].sum);
    for (let k = 0; k < kinds.length; k++) {
      if (kinds[k].index === index && (best < 0 || away(k) < away(best))) best = k;
    }
    excess[i] = bonds - kinds[best].sum;
    return best;
  });
  return { graph, kinds, first, excess };
}

/** By how much each atom is over its valence after a change. */
function changedExcess(before: Int16Array, { i, j, byI, byJ }: Flip): Int16Array {
  const excess = before.slice();
  excess[i] += byI, excess[j] += byJ;
  return excess;
}

/** Whether the likeliest class and orders, each by itself, violate a valence: {@link valenceGraph} has to search then. */
export const needsSearch = (z: Float32Array, nodes: number, bondSums: BondSums, at = 0, features = ORDERS): boolean =>
  start(draftGraph(z, nodes, bondSums, at, features), bondSums).excess.some((e) => e !== 0);

/** Whether a variable is changed on the way to a state. */
function changed(state: State | undefined, variable: number): boolean {
  for (; state?.flip; state = state.before) if (state.flip.variable === variable) return true;
  return false;
}

/**
 * The most probable graph that obeys valence at every heavy atom, or undefined where none is found within the limits.
 *
 * Any solution changes something at the first violated atom, so its class and its pairs are the only branches; no variable
 * is changed twice on a path. An atom of several valences has a kind for each, and changes between them for nothing. A change touches two atoms at most: half the sum, over the violated atoms, of the cheapest
 * change at each is a lower bound on what is still to be paid.
 */
export function valenceGraph(
  z: Float32Array,
  nodes: number,
  bondSums: BondSums,
  at = 0,
  { deepest = 18, limit = 2000, most = MOST_STATES, features = ORDERS }: GraphSearch = {},
): Graph | undefined {
  const graph = draftGraph(z, nodes, bondSums, at, features), from = start(graph, bondSums), { excess } = from;
  if (excess.every((e) => e === 0)) return graph;
  const touching = listFlips(z, from, { K: bondSums.length, at, deepest, features });
  const cheapest = touching.map((flips) => flips[0]?.cost ?? Infinity);
  /** What an atom's being violated adds to the lower bound. */
  const due = (value: number, i: number) => value === 0 ? 0 : cheapest[i] / 2;
  const open = createHeap<State>((a, b) => a.bound - b.bound), seen = new Set<number>();
  open.push({ bound: excess.reduce((sum, value, i) => sum + due(value, i), 0), excess, name1: 0, name2: 0 });
  for (let looked = 0; looked < limit; looked++) {
    const state = open.pop();
    if (!state || state.bound === Infinity) return undefined;
    const excess = state.excess ??= changedExcess(state.before!.excess!, state.flip!);
    const violated = excess.findIndex((e) => e !== 0);
    if (violated < 0) {
      const found: Graph = { ...withFlips(from, state), searched: true }, pairs = at + nodes * (9 + bondSums.length);
      return features === ORDERS ? found : { ...found, words: wordsOf(z, found.orders, pairs, features) };
    }
    for (const flip of touching[violated]) {
      if (changed(state, flip.variable)) continue;
      const name1 = state.name1 ^ flip.name1, name2 = state.name2 ^ flip.name2, name = name1 * 2 ** 26 + name2;
      if (seen.has(name)) continue;
      if (seen.size === most) return undefined;
      seen.add(name);
      const { i, j, byI, byJ } = flip;
      let bound = state.bound + flip.cost - due(excess[i], i) - (j === i ? 0 : due(excess[j], j));
      bound += due(excess[i] + byI, i) + (j === i ? 0 : due(excess[j] + byJ, j));
      open.push({ bound, name1, name2, flip, before: state });
    }
  }
  return undefined;
}

/** The graph with a state's changes made. */
function withFlips({ graph, kinds: all }: Start, last: State): Graph {
  const kinds = graph.kinds.slice(), orders = graph.orders.slice(), nodes = kinds.length;
  for (let state: State | undefined = last; state?.flip; state = state.before) {
    const { variable, value, i, j } = state.flip;
    if (variable < nodes) kinds[i] = all[value].index;
    else orders[i * nodes + j] = orders[j * nodes + i] = value;
  }
  return { kinds, orders };
}

/**
 * The likeliest molecular graph under a latent's class and bond-order probabilities, among those that obey valence.
 *
 * A latent of the last denoiser call holds probabilities (times `ONE_HOT`) for each atom's class and each pair's order.
 * Taking the largest of each one by one can break a valence; the most probable assignment in which every heavy atom's
 * bond orders and hydrogens add up to its element's valence is found by a uniform-cost search from the one-by-one choice.
 */
import { elementOf } from "../../chem/elements.ts";
import { type HeavyAtomClass, ORDERS } from "./space.ts";

/** What a latent says of the heavy atoms. */
export interface Graph {
  /** Index of each heavy atom's class, `[N]`. */
  readonly kinds: Uint8Array;
  /** Bond orders `[N, N]`, symmetric. */
  readonly orders: Uint8Array;
}

/** One variable's values in falling probability: `cost[k]` is how many nats value k is below the best. */
interface Choice {
  readonly values: readonly number[];
  readonly costs: readonly number[];
}

/** How far the search goes before it gives up and the one-by-one choice stands. */
export interface GraphSearch {
  /** Nats by which a changed class or bond order may be less probable than the best. */
  readonly deepest?: number;
  /** States looked at. */
  readonly limit?: number;
}

function choice(z: Float32Array, from: number, count: number, deepest: number): Choice {
  const order = Array.from({ length: count }, (_, k) => k).sort((a, b) => z[from + b] - z[from + a] || a - b);
  const best = Math.log(Math.max(z[from + order[0]], 1e-9));
  const costs = order.map((k) => best - Math.log(Math.max(z[from + k], 1e-9)));
  const kept = order.filter((_, k) => costs[k] <= deepest);
  return { values: kept, costs: costs.slice(0, kept.length) };
}

/** A state: which variables are changed, and to what (places in their choices). */
interface State {
  readonly cost: number;
  readonly changes: ReadonlyMap<number, number>;
}

/** A binary heap of states by cost. */
function queue() {
  const heap: State[] = [];
  return {
    push(state: State) {
      let k = heap.push(state) - 1;
      while (k > 0 && heap[(k - 1) >> 1].cost > heap[k].cost) {
        const parent = (k - 1) >> 1;
        [heap[k], heap[parent]] = [heap[parent], heap[k]];
        k = parent;
      }
    },
    pop(): State | undefined {
      const top = heap[0], last = heap.pop();
      if (last === undefined || heap.length === 0) return top;
      heap[0] = last;
      for (let k = 0;;) {
        let least = k;
        for (const child of [2 * k + 1, 2 * k + 2]) {
          if (child < heap.length && heap[child].cost < heap[least].cost) least = child;
        }
        if (least === k) return top;
        [heap[k], heap[least]] = [heap[least], heap[k]];
        k = least;
      }
    },
  };
}

/** Class and order of largest probability each, whatever valence says. */
export function argmaxGraph(
  z: Float32Array,
  nodes: number,
  classes: readonly HeavyAtomClass[],
  at = 0,
): Graph {
  const { kinds, orders } = choices(z, nodes, classes.length, at, 0);
  return assignment(nodes, kinds, orders, new Map());
}

function choices(z: Float32Array, nodes: number, K: number, at: number, deepest: number) {
  const width = 9 + K, pairs = at + nodes * width;
  const kinds = Array.from({ length: nodes }, (_, i) => choice(z, at + i * width + 9, K, deepest));
  const orders: Choice[] = [];
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < i; j++) orders.push(choice(z, pairs + (i * nodes + j) * ORDERS, ORDERS, deepest));
  }
  return { kinds, orders };
}

/** Number of the variable of pair (i, j): the classes come first, then the pairs i > j. */
const pairVariable = (nodes: number, i: number, j: number) =>
  nodes + (i > j ? i * (i - 1) / 2 + j : j * (j - 1) / 2 + i);

function assignment(
  nodes: number,
  kinds: readonly Choice[],
  orders: readonly Choice[],
  changes: ReadonlyMap<number, number>,
): Graph {
  const graph = { kinds: new Uint8Array(nodes), orders: new Uint8Array(nodes * nodes) };
  for (let i = 0; i < nodes; i++) {
    graph.kinds[i] = kinds[i].values[changes.get(i) ?? 0];
    for (let j = 0; j < i; j++) {
      const variable = pairVariable(nodes, i, j);
      graph.orders[i * nodes + j] = graph.orders[j * nodes + i] = orders[variable - nodes]
        .values[changes.get(variable) ?? 0];
    }
  }
  return graph;
}

/** The first heavy atom whose bonds and hydrogens miss its valence, or -1. */
function firstViolated({ kinds, orders }: Graph, classes: readonly HeavyAtomClass[]): number {
  const nodes = kinds.length;
  for (let i = 0; i < nodes; i++) {
    const [element, hydrogens] = classes[kinds[i]];
    let sum = hydrogens;
    for (let j = 0; j < nodes; j++) sum += orders[i * nodes + j];
    if (sum !== elementOf(element).valence) return i;
  }
  return -1;
}

/**
 * The most probable graph that obeys valence at every heavy atom, or undefined where none is found within the limits.
 *
 * Uniform-cost search: any solution changes something at the first violated atom, so its class and its pairs are the
 * only branches; no variable is changed twice on a path.
 */
export function valenceGraph(
  z: Float32Array,
  nodes: number,
  classes: readonly HeavyAtomClass[],
  at = 0,
  { deepest = 18, limit = 4000 }: GraphSearch = {},
): Graph | undefined {
  const { kinds, orders } = choices(z, nodes, classes.length, at, deepest);
  const open = queue(), seen = new Set<string>();
  open.push({ cost: 0, changes: new Map() });
  for (let looked = 0; looked < limit; looked++) {
    const state = open.pop();
    if (!state) return undefined;
    const graph = assignment(nodes, kinds, orders, state.changes);
    const violated = firstViolated(graph, classes);
    if (violated < 0) return graph;
    const branch = (variable: number, { values, costs }: Choice) => {
      if (state.changes.has(variable)) return;
      for (let k = 1; k < values.length; k++) {
        const changes = new Map(state.changes).set(variable, k);
        const key = [...changes].sort(([a], [b]) => a - b).join();
        if (seen.has(key)) continue;
        seen.add(key);
        open.push({ cost: state.cost + costs[k], changes });
      }
    };
    branch(violated, kinds[violated]);
    for (let j = 0; j < nodes; j++) {
      if (j === violated) continue;
      const variable = pairVariable(nodes, violated, j);
      branch(variable, orders[variable - nodes]);
    }
  }
  return undefined;
}

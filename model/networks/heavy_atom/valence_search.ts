/**
 * The cheapest classes and bond orders that obey valence: A* over changes of a draft.
 *
 * Each atom has a kind, a class with one of the sums of bond orders that its valences leave it, and each pair an order; the sum of an atom's orders is to be its
 * kind's. The search begins with the cheapest value of each, changes what is wrong at the first atom whose sum is not met, and looks at the changes one by one, the cheapest first.
 * Where charges are to add up to nothing, they are one sum more, which is looked at last: a place of its own behind the atoms', which kinds with another charge touch.
 * Where that is not soon done, Lagrange multipliers, one for each atom (`potentials.ts`), change what values cost, but not what sound graphs cost beside one another: they bring the cheapest
 * values near to a sound graph, and the search begins anew from there.
 */
import { createHeap } from "./heap.ts";
import { potentials } from "./potentials.ts";
import { ORDERS } from "./space.ts";
import type { Costs } from "./valence_costs.ts";

/** Classes `[N]` and orders `[N, N]`, symmetric. */
export interface Chosen {
  readonly kinds: Uint8Array;
  readonly orders: Uint8Array;
}

/**
 * Values on which a search starts: orders, each atom's place among the kinds, and `[N + 1]` by how much its bonds exceed that kind's sum, at the end what the
 * kinds' charges add up to.
 */
interface Start {
  readonly orders: Uint8Array;
  readonly places: readonly number[];
  readonly excess: Int16Array;
}

/** One change: an atom's kind, or a pair's order. */
interface Flip {
  /** Which variable: atoms first, then pairs. */
  readonly variable: number;
  /** Its new value: a place among the kinds, or an order. */
  readonly value: number;
  /** Nats that it costs. */
  readonly cost: number;
  /** Places whose excess it changes, and by how much; twice the same where it is one. */
  readonly i: number;
  readonly j: number;
  readonly byI: number;
  readonly byJ: number;
  /** Two random 26-bit words: a set of changes is named by the exclusive or of theirs. */
  readonly name1: number;
  readonly name2: number;
}

/** What is changed so far. */
interface State {
  /** Nats that are paid, and a lower bound on those still to be. */
  readonly bound: number;
  readonly excess: Int16Array;
  readonly name1: number;
  readonly name2: number;
  readonly flip?: Flip;
  readonly before?: State;
}

/** Changes of a state that are to be looked at: those of a list that mend its first violated atom, from one on, the cheapest first. */
interface Candidate {
  /** Lower bound on what graphs with one of them cost, in units of {@link UNIT}. */
  readonly bound: number;
  /** By how much atoms exceed their sums, or lack: of equal bounds the least comes first. */
  readonly off: number;
  readonly state: State;
  /** The first of them. */
  readonly place: number;
}

/** Nats below which bounds count as equal, as rounding has them differ. */
const UNIT = 1e-6;

/** Changes that are looked at before it is worth finding potentials, and their sweeps. What was measured: docs/design.md. */
const PLAIN = 200, SWEEPS = 2;

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

/** The cheapest of `count` values, or `first` where none is cheaper. */
function cheapest(count: number, cost: (k: number) => number, first: number): number {
  let best = first;
  for (let k = 0; k < count; k++) if (cost(k) < cost(best) - UNIT) best = k;
  return best;
}

/** The cheapest value of each variable under potentials; of equal ones that of the draft. */
function startOf({ nodes: N, kinds, ofKinds, ofOrders }: Costs, u: Float64Array, draft: Chosen): Start {
  const orders = new Uint8Array(N * N), excess = new Int16Array(N + 1), Q = kinds.length;
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < i; j++) {
      const own = (i * N + j) * ORDERS;
      const order = cheapest(ORDERS, (k) => ofOrders[own + k] - k * (u[i] + u[j]), draft.orders[i * N + j]);
      orders[i * N + j] = orders[j * N + i] = order;
      excess[i] += order, excess[j] += order;
    }
  }
  const places = Array.from(draft.kinds, (index, i) => {
    const off = (q: number) => kinds[q].index === index ? Math.abs(excess[i] - kinds[q].sum) : Infinity;
    const place = cheapest(Q, (q) => ofKinds[i * Q + q] + u[i] * kinds[q].sum, cheapest(Q, off, 0));
    excess[i] -= kinds[place].sum, excess[N] += kinds[place].charge;
    return place;
  });
  return { orders, places, excess };
}

/** Every change of a start, by the places of the excess that it touches. */
function listFlips({ nodes: N, kinds, ofKinds, ofOrders }: Costs, u: Float64Array, { orders, places }: Start) {
  const values = Math.max(16, kinds.length), Q = kinds.length;
  const touching: Flip[][] = Array.from({ length: N + 1 }, () => []);
  const add = (flip: Omit<Flip, "name1" | "name2">) => {
    if (flip.cost === Infinity) return;
    const one = named({ ...flip, cost: Math.max(0, flip.cost) }, values);
    touching[flip.i].push(one);
    if (flip.j !== flip.i) touching[flip.j].push(one);
  };
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < Q; k++) {
      if (k === places[i]) continue;
      const by = kinds[places[i]].sum - kinds[k].sum, charge = kinds[k].charge - kinds[places[i]].charge;
      const cost = ofKinds[i * Q + k] - ofKinds[i * Q + places[i]] - by * u[i];
      add({ variable: i, value: k, cost, i, j: charge === 0 ? i : N, byI: by, byJ: charge });
    }
    for (let j = 0; j < i; j++) {
      const own = (i * N + j) * ORDERS, order = orders[i * N + j];
      for (let k = 0; k < ORDERS; k++) {
        if (k === order) continue;
        const by = k - order, cost = ofOrders[own + k] - ofOrders[own + order] - by * (u[i] + u[j]);
        add({ variable: N + i * N + j, value: k, cost, i, j, byI: by, byJ: by });
      }
    }
  }
  return touching;
}

/** By how much a change moves the excess at a place that it touches. */
const movedBy = (flip: Flip, atom: number) => flip.i === atom ? flip.byI : flip.byJ;

/** What an atom with too many bonds, or with too few, can be changed by; or charges that are left over. */
interface Side {
  /** Changes that mend it, the cheapest first. */
  readonly flips: readonly Flip[];
  /** Least nats for each bond that is too many or lacking: half of what moves two sums, whose other half is the other's. */
  readonly price: number;
}

const sideOf = (touching: readonly Flip[], atom: number, sign: number): Side => {
  const flips = touching.filter((flip) => movedBy(flip, atom) * sign > 0).sort((a, b) => a.cost - b.cost);
  const share = (flip: Flip) => flip.cost / (flip.byI !== 0 && flip.byJ !== 0 ? 2 : 1) / Math.abs(movedBy(flip, atom));
  return { flips, price: flips.reduce((least, flip) => Math.min(least, share(flip)), Infinity) };
};

/** Whether a variable is changed on the way to a state. */
function changed(state: State | undefined, variable: number): boolean {
  for (; state?.flip; state = state.before) if (state.flip.variable === variable) return true;
  return false;
}

/** The name of a state with one change more. */
const nameOf = ({ name1, name2 }: State, flip: Flip) => ({ name1: name1 ^ flip.name1, name2: name2 ^ flip.name2 });

/** Whether a change of a state makes one that has not been made; then it counts as made. */
function isNew(state: State, flip: Flip, seen: Set<number>): boolean {
  if (changed(state, flip.variable)) return false;
  const { name1, name2 } = nameOf(state, flip), name = name1 * 2 ** 26 + name2;
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

/** Nothing is left to be looked at. */
const NONE = { state: undefined, place: 0, off: 0 };

/** The start with a state's changes made. */
function withFlips({ nodes: N, kinds: all }: Costs, start: Start, last: State): Chosen {
  const kinds = Uint8Array.from(start.places, (place) => all[place].index), orders = start.orders.slice();
  for (let state: State | undefined = last; state?.flip; state = state.before) {
    const { variable, value, i, j } = state.flip;
    if (variable < N) kinds[i] = all[value].index;
    else orders[i * N + j] = orders[j * N + i] = value;
  }
  return { kinds, orders };
}

/** How a search ended: with a graph, with the knowledge that there is none, or at its limit. */
export type Ended = Chosen | "none" | "limit";

/**
 * The cheapest classes and orders that obey valence at every atom, with charges that add up to nothing where kinds have some; `most` are the changes that are looked at.
 *
 * @param draft of equally cheap values those that the search starts with
 */
export function cheapestSound(costs: Costs, draft: Chosen, most: number): Ended {
  const plain = search(costs, new Float64Array(costs.nodes), draft, Math.min(most, PLAIN));
  return plain === "limit" && most > PLAIN ? search(costs, potentials(costs, SWEEPS), draft, most) : plain;
}

/**
 * Any sound graph has, at the first violated atom, a change that takes its excess down (or what it lacks): these are the only branches, and no variable is changed
 * twice on a path. An atom of several valences has a kind for each. The least that remains to be paid is, summed over the violated atoms, the bonds that they have too many, or lack,
 * at the least that one of these costs there.
 *
 * @param u potentials `[N]`
 */
function search(costs: Costs, u: Float64Array, draft: Chosen, most: number): Ended {
  const start = startOf(costs, u, draft);
  const sides = listFlips(costs, u, start).map((flips, atom) => [sideOf(flips, atom, -1), sideOf(flips, atom, 1)]);
  const side = (excess: number, atom: number) => sides[atom][excess > 0 ? 0 : 1];
  const due = (excess: number, atom: number) => excess === 0 ? 0 : Math.abs(excess) * side(excess, atom).price;
  const open = createHeap<Candidate>((a, b) => a.bound - b.bound || a.off - b.off), seen = new Set<number>();
  const push = (state: State, off: number, bound = state.bound, place = 0) => {
    if (bound < Infinity) open.push({ bound: Math.round(bound / UNIT), off, state, place });
  };
  const sum = (value: (excess: number, atom: number) => number) => start.excess.reduce((s, e, i) => s + value(e, i), 0);
  push({ bound: sum(due), excess: start.excess, name1: 0, name2: 0 }, sum(Math.abs));
  for (let looked = 0; looked < most;) {
    const { state, place, off } = open.pop() ?? NONE;
    if (!state) return "none";
    const { excess } = state, violated = excess.findIndex((one) => one !== 0);
    if (violated < 0) return withFlips(costs, start, state);
    const { flips } = side(excess[violated], violated);
    let k = place;
    while (looked++, k < flips.length && !isNew(state, flips[k], seen)) k++;
    if (k === flips.length) continue;
    const flip = flips[k], { i, j, byI, byJ } = flip, after = excess.slice(), name = nameOf(state, flip);
    after[i] += byI, after[j] += byJ;
    const change = (value: (excess: number, atom: number) => number) =>
      [...new Set([i, j])].reduce((s, atom) => s + value(after[atom], atom) - value(excess[atom], atom), 0);
    const bound = Math.max(state.bound, state.bound + flip.cost + change(due));
    push({ bound, excess: after, ...name, flip, before: state }, off + change(Math.abs));
    if (k + 1 === flips.length) continue;
    // The rest of the list, by the least that they can cost: one may settle what is due at this atom and at one other.
    const other = excess.reduce((m, one, atom) => atom === violated ? m : Math.max(m, due(one, atom)), 0);
    const least = state.bound + flips[k + 1].cost - due(excess[violated], violated) - other;
    push(state, off, Math.max(state.bound, least), k + 1);
  }
  return "limit";
}

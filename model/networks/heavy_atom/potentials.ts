/** Lagrange multipliers of valence, for the search in `valence_search.ts`. */
import { ORDERS } from "./space.ts";
import type { Costs } from "./valence_costs.ts";

/** Nats, either way, within which a multiplier is sought, and halvings of that. */
const RANGE = 40, HALVINGS = 20;

/** Nats within which values count as equally cheap. */
const EQUAL = 1e-9;

/** By how much an atom's cheapest bonds exceed its cheapest kind's sum: the least and the most of equally cheap ones. */
interface Excess {
  readonly least: number;
  readonly most: number;
}

/** Pairs of an atom whose order is not settled, or is not none. */
function partners({ nodes: N, ofOrders }: Costs, i: number): number[] {
  return Array.from({ length: N }, (_, j) => j).filter((j) => {
    const at = (i * N + j) * ORDERS;
    return j !== i && !(ofOrders[at] < Infinity && ofOrders.subarray(at + 1, at + ORDERS).every((c) => c === Infinity));
  });
}

/** The excess of atom `i` at a multiplier of its own, the others' being `u`. */
function excessAt(
  { nodes: N, kinds, ofKinds, ofOrders }: Costs,
  i: number,
  others: readonly number[],
  own: number,
  u: Float64Array,
): Excess {
  let least = 0, most = 0;
  for (const j of others) {
    const at = (i * N + j) * ORDERS, each = own + u[j];
    let best = Infinity, low = 0, high = 0;
    for (let k = 0; k < ORDERS; k++) {
      const cost = ofOrders[at + k] - k * each;
      if (cost < best - EQUAL) best = cost, low = high = k;
      else if (cost < best + EQUAL) high = k;
    }
    least += low, most += high;
  }
  let best = Infinity, low = 0, high = 0;
  kinds.forEach(({ sum }, q) => {
    const cost = ofKinds[i * kinds.length + q] + own * sum;
    if (cost < best - EQUAL) best = cost, low = high = sum;
    else if (cost < best + EQUAL) low = Math.min(low, sum), high = Math.max(high, sum);
  });
  return { least: least - high, most: most - low };
}

/** Where `reached` begins to hold, of what holds from somewhere on. */
function edge(reached: (v: number) => boolean): number {
  let low = -RANGE, high = RANGE;
  for (let k = 0; k < HALVINGS; k++) {
    const middle = (low + high) / 2;
    if (reached(middle)) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/**
 * Multipliers u, `[N]`: an order k of the pair i, j costs k (u_i + u_j) less with them, and a kind of sum s at i costs s u_i more, so that a graph whose sums are met costs
 * as much as without. They are found atom by atom: u_i becomes the middle of where the cheapest values meet the sum at i, which maximises the dual function along u_i
 * (coordinate ascent; Everett, "Generalized Lagrange multiplier method", 1963). Any u leaves the search exact; a good one makes it short.
 */
export function potentials(costs: Costs, sweeps: number): Float64Array {
  const u = new Float64Array(costs.nodes), others = Array.from(u, (_, i) => partners(costs, i));
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let i = 0; i < costs.nodes; i++) {
      const at = (v: number) => excessAt(costs, i, others[i], v, u);
      u[i] = (edge((v) => at(v).most >= 0) + edge((v) => at(v).least > 0)) / 2;
    }
  }
  return u;
}

/** What classes and bond orders cost by a latent, for the search for a graph that obeys valence. */
import type { BondSums } from "../../diffusion/types.ts";
import { AROMATIC, ORDERS } from "./space.ts";

/** What an atom can be: a class with one of the sums of bond orders that it may have. */
export interface Kind {
  readonly index: number;
  readonly sum: number;
  /** Its formal charge where charges are to add up to nothing, else 0. */
  readonly charge: number;
}

/** What values cost, in nats beside the likeliest; Infinity where they are out of question. */
export interface Costs {
  readonly nodes: number;
  readonly kinds: readonly Kind[];
  /** `[N, kinds]` */
  readonly ofKinds: Float64Array;
  /** `[N, N, 4]`, symmetric. */
  readonly ofOrders: Float64Array;
}

/** What the latent says of order k at the pair whose features begin at `pair`. */
function said(z: Float32Array, pair: number, k: number, features: number): number {
  return features > ORDERS && (k === 1 || k === 2) ? Math.max(z[pair + k], z[pair + AROMATIC]) : z[pair + k];
}

/** Nats between two values. */
const nats = (best: number, other: number) => Math.log(Math.max(best, 1e-9)) - Math.log(Math.max(other, 1e-9));

/** Writes what each of `count` values costs beside the likeliest, from `from` on; Infinity where it is more than `deepest`. */
function writeCosts(
  out: Float64Array,
  from: number,
  count: number,
  value: (k: number) => number,
  deepest: number,
): void {
  let best = 0;
  for (let k = 0; k < count; k++) best = Math.max(best, value(k));
  for (let k = 0; k < count; k++) {
    const cost = nats(best, value(k));
    out[from + k] = cost > deepest ? Infinity : cost;
  }
}

/** What the latent at `z[at, ...)` has classes and orders cost. */
export function costsOf(
  z: Float32Array,
  nodes: number,
  bondSums: BondSums,
  at: number,
  { deepest, features, charges }: {
    readonly deepest: number;
    readonly features: number;
    readonly charges?: readonly number[];
  },
): Costs {
  const kinds = bondSums.flatMap((sums, index) => sums.map((sum) => ({ index, sum, charge: charges?.[index] ?? 0 }))),
    Q = kinds.length;
  const width = 9 + bondSums.length, pairs = at + nodes * width;
  const ofKinds = new Float64Array(nodes * Q), ofOrders = new Float64Array(nodes * nodes * ORDERS);
  for (let i = 0; i < nodes; i++) {
    writeCosts(ofKinds, i * Q, Q, (k) => z[at + i * width + 9 + kinds[k].index], deepest);
    for (let j = 0; j < i; j++) {
      const pair = pairs + (i * nodes + j) * features, own = (i * nodes + j) * ORDERS;
      writeCosts(ofOrders, own, ORDERS, (k) => said(z, pair, k, features), deepest);
      ofOrders.copyWithin((j * nodes + i) * ORDERS, own, own + ORDERS);
    }
  }
  return { nodes, kinds, ofKinds, ofOrders };
}

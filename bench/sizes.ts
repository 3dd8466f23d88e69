/** What a step costs against the number of nodes and the batch: both denoisers with random weights, 3 to 180 nodes, 1 to 512 molecules. */
import { heavyAtomSpace } from "../model/networks/heavy_atom/space.ts";
import { productFlops } from "./kernel.ts";
import type { EngineName } from "./subject.ts";
import type { Result, Row } from "./table.ts";
import { type Case, type Rounds, throughput } from "./throughput.ts";

/** Where: the engine, compiled natively and to WebAssembly. */
export const SIZE_PLACES = ["wasm engine", "native engine"] as const satisfies EngineName[];

/** QM9's sizes but for {@link USUAL}, and drug-like and larger ones. */
const NODES = [3, 6, 12, 18, 24, 29, 30, 60, 90, 120, 180];

/** Molecules a call at {@link USUAL} nodes. */
const BATCHES = [1, 4, 16, 64, 128, 256, 512], USUAL = 9;

/** Of the matrix products of a call where nodes vary: below a second on two cores. */
const MOST_FLOPS = 30e9, MOST_BATCH = 64;

/** Longest round, seconds: there are many rows. */
const ROUND = 1;

/** The networks, in the sizes of the shipped one and of GeoLDM's. */
export const NETWORKS = {
  "pair-attention": { width: 192, blocks: 6 },
  "egnn": { width: 256, blocks: 9 },
} as const;

/** One of {@link NETWORKS}. */
export type Network = keyof typeof NETWORKS;

/**
 * Floating-point operations of an EGNN's matrix products for one molecule, two a multiply-add: for each edge the second
 * layers of the two edge networks; for each atom both halves of their split first layers and the node network.
 */
export function egnnFlops({ width: f, blocks }: { width: number; blocks: number }, nodes: number): number {
  const edge = 2 * f * f, node = 4 * f * f + 3 * f * f;
  return 2 * blocks * (nodes * (nodes - 1) * edge + nodes * node);
}

/** Floating-point operations of a network's matrix products for one molecule. */
export function flopsOf(network: Network, nodes: number): number {
  if (network === "egnn") return egnnFlops(NETWORKS.egnn, nodes);
  return productFlops(heavyAtomSpace(), NETWORKS["pair-attention"], nodes);
}

/** The largest power of two that keeps a call below a second, from 1 to {@link MOST_BATCH}. */
export const batchOf = (flops: number): number =>
  Math.max(1, Math.min(MOST_BATCH, 2 ** Math.floor(Math.log2(MOST_FLOPS / flops))));

function caseOf(network: Network, nodes: number, batch: number): Case {
  return { batch, what: String(nodes), work: batch * flopsOf(network, nodes), name: { nodes, batch } };
}

/** All that is measured of a network; larger ones last, as what fails there may end the process. */
export const sizeCases = (network: Network): Case[] => [
  ...BATCHES.map((batch) => caseOf(network, USUAL, batch)),
  ...NODES.map((nodes) => caseOf(network, nodes, batchOf(flopsOf(network, nodes)))),
];

/** Adds what a step costs for each ordered pair of nodes, and the rate of the matrix products. */
function withCosts(network: Network, { ratio, difference, note, ...row }: Row): Row {
  const rate = row["molecule-steps/s"] as number | null, nodes = row.nodes as number;
  return {
    ...row,
    "us a pair": rate && 1e6 / (rate * nodes * (nodes - 1)),
    GFLOPS: rate && rate * flopsOf(network, nodes) / 1e9,
    ratio,
    difference,
    note,
  };
}

/** Molecule-steps a second of one network. */
export async function benchSizes(
  network: Network,
  rounds: Rounds,
  places: readonly EngineName[] = SIZE_PLACES,
  cases: readonly Case[] = sizeCases(network),
): Promise<Result> {
  const { rows, ...result } = await throughput({
    ...rounds,
    seconds: Math.min(rounds.seconds, ROUND),
    bench: `sizes of ${network}`,
    subject: { type: network, nodes: USUAL, ...NETWORKS[network] },
    settings: { type: network, ...NETWORKS[network] },
    places,
    batches: cases,
    reference: "wasm engine",
    rate: { name: "molecule-steps/s", each: (batch) => batch },
  });
  return { ...result, rows: rows.map((row) => withCosts(network, row)) };
}

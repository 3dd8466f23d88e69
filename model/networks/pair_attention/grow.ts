/**
 * A network made deeper, or given more to look at, without a change of what it says: blocks that a file lacks begin as the identity, their
 * other weights as in a new network (Chen, Goodfellow and Shlens 2016, "Net2Net"), and what blocks that it has lack begins at zeros. One that is to be less deep keeps the first
 * blocks; it says something else then, but is nearer to what it is to say than a new one.
 *
 * Pairs that gain a fifth feature, aromatic bonds, begin with it as the mean of single and double bonds, in what the network is told and in what it
 * says: of what was half one and half the other.
 */
import { initialValues, type Values } from "./initialise.ts";
import { AROMATIC } from "../heavy_atom/space.ts";
import { DISTANCES, type ParameterSpec } from "./parameters.ts";

/** What a block adds to its input comes out of these alone. */
const ADDS = /^blocks\.(\d+)\.(out\.weight|out\.bias|down\.weight|down\.bias|mix)$/;

/** The block that a parameter belongs to; -1 for none. */
const blockOf = (name: string) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1);

type Given = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Where pairs' features stand in a parameter: rows behind the functions of distances, or columns. */
const READS = /^(blocks\.\d+\.radial|bonds\.pair)\.weight$/, SAYS = /^bonds\.out\.(weight|bias)$/;

/** A matrix with one more row or column at `at`, the mean of two others. */
function widened(
  { shape, data }: Values,
  { axis, at, of: [a, b] }: { axis: "row" | "column"; at: number; of: readonly [number, number] },
): Values {
  const columns = shape.at(-1)!, rows = data.length / columns, wide = axis === "column" ? columns + 1 : columns;
  const out = new Float32Array(axis === "column" ? rows * wide : (rows + 1) * wide);
  const old = (row: number, column: number) => data[row * columns + column];
  for (let k = 0; k < out.length; k++) {
    const row = Math.floor(k / wide),
      column = k % wide,
      [place, other] = axis === "row" ? [row, column] : [column, row];
    const value = (p: number) => axis === "row" ? old(p, other) : old(other, p);
    out[k] = place === at ? (value(a) + value(b)) / 2 : value(place < at ? place : place - 1);
  }
  const length = shape.length - (axis === "column" ? 1 : 2);
  return { shape: shape.map((size, k) => k === length ? size + 1 : size), data: out };
}

/** The values with aromatic bonds as a fifth feature of pairs, where the specs have it and the values do not. */
function withAromatic(specs: readonly ParameterSpec[], given: Given): Map<string, Values> {
  const wanted = specs.find(({ name }) => name === "bonds.out.bias")?.shape[0],
    has = given.get("bonds.out.bias")?.shape[0];
  const gains = wanted === AROMATIC + 1 && has === AROMATIC;
  return new Map([...given].map(([name, { shape, data }]) => {
    const value = { shape: [...shape], data };
    if (gains && READS.test(name)) {
      return [name, widened(value, { axis: "row", at: DISTANCES + AROMATIC, of: [DISTANCES + 1, DISTANCES + 2] })];
    }
    return [name, gains && SAYS.test(name) ? widened(value, { axis: "column", at: AROMATIC, of: [1, 2] }) : value];
  }));
}

/**
 * Values for every parameter of `specs`: those given, for blocks beyond the last given one values that leave what passes through them as it
 * is, and zeros for what an option adds; blocks beyond those of `specs` are left out. A parameter of another kind that is missing stays missing, for the engine to name.
 *
 * @param seed of the values that are drawn
 */
export function grow(
  specs: readonly ParameterSpec[],
  given: Given,
  seed: number,
): Map<string, Values> {
  const blocks = 1 + Math.max(-1, ...[...given.keys()].map(blockOf)), drawn = initialValues(specs, seed);
  const names = new Set(specs.map(({ name }) => name));
  const all = new Map([...withAromatic(specs, given)].filter(([name]) => names.has(name) || blockOf(name) < 0));
  for (const { name, added } of specs) {
    if (all.has(name) || (blockOf(name) < blocks && !added)) continue;
    const fresh = drawn.get(name)!;
    if (ADDS.test(name)) fresh.data.fill(0);
    all.set(name, fresh);
  }
  return all;
}

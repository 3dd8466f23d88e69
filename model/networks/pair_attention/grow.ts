/**
 * A network made deeper, or given more to look at, without a change of what it says: blocks that a file lacks begin as the identity, their
 * other weights as in a new network (Chen, Goodfellow and Shlens 2016, "Net2Net"), and what blocks that it has lack begins at zeros.
 */
import { initialValues, type Values } from "./initialise.ts";
import type { ParameterSpec } from "./parameters.ts";

/** What a block adds to its input comes out of these alone. */
const ADDS = /^blocks\.(\d+)\.(out\.weight|out\.bias|down\.weight|down\.bias|mix)$/;

/** The block that a parameter belongs to; -1 for none. */
const blockOf = (name: string) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1);

/**
 * Values for every parameter of `specs`: those given, for blocks beyond the last given one values that leave what passes through them as it
 * is, and zeros for what an option adds. A parameter of another kind that is missing stays missing, for the engine to name.
 *
 * @param seed of the values that are drawn
 */
export function grow(
  specs: readonly ParameterSpec[],
  given: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  seed: number,
): Map<string, Values> {
  const blocks = 1 + Math.max(-1, ...[...given.keys()].map(blockOf)), drawn = initialValues(specs, seed);
  const all = new Map([...given].map(([name, { shape, data }]) => [name, { shape: [...shape], data }]));
  for (const { name, added } of specs) {
    if (all.has(name) || (blockOf(name) < blocks && !added)) continue;
    const fresh = drawn.get(name)!;
    if (ADDS.test(name)) fresh.data.fill(0);
    all.set(name, fresh);
  }
  return all;
}

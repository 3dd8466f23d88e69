/** A learner's state between named tensors and flat arrays of all parameters in storage order, as the engines keep it. */
import { flatten, unflatten } from "../c/parameters.ts";
import type { ParameterSpec } from "../../networks/pair_attention/parameters.ts";
import { parameterCount } from "../../networks/pair_attention/parameters.ts";
import type { State, STATE_PARTS } from "../../diffusion/learner.ts";

/** Flat arrays `[parameters]`. `first` is Muon's momentum or Adam's first moment, `second` Adam's second, 0 for Muon's. */
export interface FlatState {
  readonly parameters: Float32Array;
  readonly ema: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Updates done. */
  readonly updates: number;
}

/** Which tensors of a state hold which array's parameters. */
const HOLDS: readonly [
  prefix: `${typeof STATE_PARTS[number]}/`,
  array: Exclude<keyof FlatState, "updates">,
  of: "all" | "muon" | "adamw",
][] = [
  ["params/", "parameters", "all"],
  ["ema/", "ema", "all"],
  ["momentum/", "first", "muon"],
  ["first/", "first", "adamw"],
  ["second/", "second", "adamw"],
];

/** Named tensors, copied. */
export function stateOf(specs: readonly ParameterSpec[], flat: FlatState): State {
  const tensors: State["tensors"] = new Map();
  for (const [prefix, array, of] of HOLDS) {
    const all = [...unflatten(specs, flat[array], prefix)];
    all.forEach(([name, tensor], k) => (of === "all" || specs[k].optimiser === of) && tensors.set(name, tensor));
  }
  tensors.set("updates", { shape: [1], data: new Float32Array([flat.updates]) });
  return { tensors };
}

/** Flat arrays. Throws RangeError where a tensor is missing or of another shape. */
export function flatStateOf(specs: readonly ParameterSpec[], { tensors }: State): FlatState {
  const done = tensors.get("updates");
  if (done?.data.length !== 1) throw new RangeError("a state must have `updates`; got none");
  const empty = () => new Float32Array(parameterCount(specs));
  const flat = { parameters: empty(), ema: empty(), first: empty(), second: empty(), updates: done.data[0] };
  for (const [prefix, array, of] of HOLDS) {
    let at = 0;
    for (const spec of specs) {
      if (of === "all" || spec.optimiser === of) flat[array].set(flatten([spec], tensors, prefix), at);
      at += spec.shape.reduce((a, b) => a * b, 1);
    }
  }
  return flat;
}

/** `args.pickle`: the argparse.Namespace that GeoLDM's and EDM's training scripts save beside their weights. */
import { type Instance, type Maker, readPickle, type Value } from "./pickle.ts";

const classes: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["argparse.Namespace", (args) => {
    if (args.length > 0) throw new Error("no arguments are expected");
    return undefined;
  }],
  ["torch.device", ([name]) => name],
]);

/**
 * The fields of a pickled Namespace.
 *
 * @throws PickleError for anything but plain data, a Namespace and torch.device, naming the offset
 */
export function readNamespace(bytes: Uint8Array): Map<string, Value> {
  const { value } = readPickle(bytes, { classes });
  const { class: name, state } = (value ?? {}) as Partial<Instance>;
  if (name !== "argparse.Namespace" || !(state instanceof Map)) {
    throw new SyntaxError("the pickle holds no argparse.Namespace");
  }
  for (const key of state.keys()) {
    if (typeof key !== "string") throw new SyntaxError(`a Namespace's fields have names; one is ${String(key)}`);
  }
  return state as Map<string, Value>;
}

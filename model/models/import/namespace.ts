/** `args.pickle`: the argparse.Namespace that GeoLDM's and EDM's training scripts save beside their weights. */
import { otherKind } from "./file_kind.ts";
import { type Instance, type Maker, readPickle, refuseOpaque, type Value } from "./pickle.ts";

const classes: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["argparse.Namespace", (args) => {
    if (args.length > 0) throw new Error("no arguments are expected");
    return undefined;
  }],
  ["torch.device", ([name]) => name],
]);

/**
 * The fields of a pickled Namespace. Those of other classes than plain data and torch.device are opaque: whoever needs one finds
 * that it is not of the kind that is asked.
 *
 * @throws PickleError for what is damaged or holds no Namespace but an object of another class, naming the offset; SyntaxError
 */
export function readNamespace(bytes: Uint8Array): Map<string, Value> {
  const other = otherKind(bytes);
  if (other) throw new SyntaxError(`no pickle, but ${other}`);
  const { value } = readPickle(bytes, { classes, opaque: true });
  refuseOpaque(value, classes.keys());
  const { class: name, state } = (value ?? {}) as Partial<Instance>;
  if (name !== "argparse.Namespace" || !(state instanceof Map)) {
    throw new SyntaxError("the pickle holds no argparse.Namespace");
  }
  for (const key of state.keys()) {
    if (typeof key !== "string") throw new SyntaxError(`a Namespace's fields have names; one is ${String(key)}`);
  }
  return state as Map<string, Value>;
}

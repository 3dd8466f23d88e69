/** The registry of methods of distillation. A new one is a file beside this, a line here, and its test. */
import { consistency } from "./consistency.ts";
import { finetune } from "./finetune.ts";
import { flowMap } from "./flow_map.ts";
import { guided } from "./guided.ts";
import { knowledge } from "./knowledge.ts";
import type { AnyMethod } from "./method.ts";
import { matching } from "./matching.ts";
import { moments } from "./moments.ts";
import { progressive } from "./progressive.ts";
import { rollout } from "./rollout.ts";

const REGISTRY = {
  progressive,
  moments,
  "flow-map": flowMap,
  rollout,
  consistency,
  matching,
  finetune,
  knowledge,
  guided,
} as const satisfies Record<
  string,
  AnyMethod
>;

/** A method's name. */
export type MethodName = keyof typeof REGISTRY;

/** The methods' names; the first is the default. */
export const METHODS = Object.keys(REGISTRY) as [MethodName, ...MethodName[]];

/** The method of this name. */
export const methodOf = (name: MethodName): AnyMethod => REGISTRY[name];

/** The names of the methods of which something holds, in words. */
export const methodsWith = (holds: (method: AnyMethod) => boolean | undefined): string =>
  METHODS.filter((name) => holds(REGISTRY[name])).join(", ");

/** What holds of each method, in words: `name: ...` one after another. */
export const methodsInWords = (of: (method: AnyMethod) => string): string =>
  METHODS.map((name) => `${name}: ${of(REGISTRY[name])}`).join(". ");

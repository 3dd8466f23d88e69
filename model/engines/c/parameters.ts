/** Parameters between named tensors and the engine's one flat array. */
import type { ParameterSpec } from "../../networks/pair_attention/parameters.ts";
import { parameterCount } from "../../networks/pair_attention/parameters.ts";

type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

const length = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Named tensors (`prefix` + name) into storage order. Throws RangeError where one is missing or has another shape. */
export function flatten(specs: readonly ParameterSpec[], tensors: Tensors, prefix = ""): Float32Array {
  const flat = new Float32Array(parameterCount(specs));
  let at = 0;
  for (const { name, shape } of specs) {
    const given = tensors.get(prefix + name);
    if (given?.shape.join() !== shape.join()) {
      throw new RangeError(
        `parameter ${prefix + name} must have the shape [${shape}]; got ${given ? `[${given.shape}]` : "none"}`,
      );
    }
    flat.set(given.data, at);
    at += length(shape);
  }
  return flat;
}

/** The flat array's tensors by name (`prefix` + name), copied. */
export function unflatten(
  specs: readonly ParameterSpec[],
  flat: Float32Array,
  prefix = "",
): Map<string, { shape: number[]; data: Float32Array }> {
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  let at = 0;
  for (const { name, shape } of specs) {
    const size = length(shape);
    tensors.set(prefix + name, { shape: [...shape], data: flat.slice(at, at + size) });
    at += size;
  }
  return tensors;
}

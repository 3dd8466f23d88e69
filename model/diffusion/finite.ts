/** Numbers that are finite. */

/** Whether all of them are: one pass, as 0 x is NaN where x is infinite or no number. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * values[i];
  return sum === 0;
}

/**
 * Refuses weights that are not all finite.
 *
 * @param from named in the error: the file, or what else they are of
 * @throws TypeError with the tensor, the number and its place
 */
export function checkFinite(tensors: ReadonlyMap<string, { readonly data: Float32Array }>, from: string): void {
  for (const [name, { data }] of tensors) {
    if (allFinite(data)) continue;
    const at = data.findIndex((value) => !Number.isFinite(value));
    throw new TypeError(`${from}: finite weights asked, ${name} has ${data[at]} at ${at}`);
  }
}

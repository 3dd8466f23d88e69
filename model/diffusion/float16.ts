/** Half precision (IEEE 754 binary16) and bfloat16 to and from single precision, for weights on disk. */

/** Largest finite half: 65504. A float that would round beyond it has no half. */
const LARGEST_HALF = 65504;

/** Halves, given by their bits, widened; exact. */
export function widenFloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(new Float16Array(bits.buffer as ArrayBuffer, bits.byteOffset, bits.length));
}

/** bfloat16, given by their bits, widened; exact: the bits are the upper half of a float's. */
export function widenBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return new Float32Array(wide.buffer);
}

/**
 * Floats rounded to the nearest half (ties to even), as bits.
 *
 * @throws RangeError where a finite value would become infinite
 */
export function narrowFloat16(values: Float32Array): Uint16Array {
  const halves = new Float16Array(values);
  for (let i = 0; i < halves.length; i++) {
    if (!Number.isFinite(halves[i]) && Number.isFinite(values[i])) {
      throw new RangeError(`${values[i]} at index ${i} has no half: the largest is ${LARGEST_HALF}`);
    }
  }
  return new Uint16Array(halves.buffer);
}

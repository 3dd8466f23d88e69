/** From an example to its heavy-atom latent. */
import type { Random } from "../../diffusion/random.ts";
import type { Example } from "./examples.ts";
import { canonicalHydrogen } from "./canonical_hydrogen.ts";
import { ANGSTROM, type LatentForm, MAX_HYDROGENS, ONE_HOT, ordersOf } from "./space.ts";

/** A 3 x 3 orthogonal matrix, row-major. */
export type Rotation = ArrayLike<number>;

/** No rotation. */
export const IDENTITY: Rotation = Object.freeze([1, 0, 0, 0, 1, 0, 0, 0, 1]);

/** A uniformly random rotation, or with probability 1/2 a rotation and a reflection (Haar measure on O(3)). */
export function randomRotation(random: Random): Rotation {
  let w = random.normal(), x = random.normal(), y = random.normal(), z = random.normal();
  const norm = Math.hypot(w, x, y, z), sign = random.uniform() < 0.5 ? -1 : 1;
  w /= norm, x /= norm, y /= norm, z /= norm;
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  ].map((value) => sign * value);
}

/** out[at, at+3) = scale * rotation v */
function writeVector(out: Float32Array, at: number, r: Rotation, scale: number, x: number, y: number, z: number): void {
  out[at] = scale * (r[0] * x + r[1] * y + r[2] * z);
  out[at + 1] = scale * (r[3] * x + r[4] * y + r[5] * z);
  out[at + 2] = scale * (r[6] * x + r[7] * y + r[8] * z);
}

/**
 * Writes the latent of a rotated example into `out[at, ...)`.
 *
 * @param classes number of classes
 * @param random draws, for each heavy atom with hydrogens, the one that u points to, unless the form says otherwise
 * @param form as the example was taken apart
 */
export function writeLatent(
  example: Example,
  classes: number,
  rotation: Rotation,
  random: Random,
  out: Float32Array,
  at = 0,
  form: LatentForm = {},
): void {
  const { nodes: N, positions: x, hydrogens: h } = example, width = 9 + classes, orders = ordersOf(form);
  const from = at + N * width;
  out.fill(0, at, from + N * N * orders);
  for (let i = 0; i < N; i++) {
    const node = at + i * width;
    writeVector(out, node, rotation, 1 / ANGSTROM, x[3 * i], x[3 * i + 1], x[3 * i + 2]);
    let count = 0, sx = 0, sy = 0, sz = 0;
    for (; count < MAX_HYDROGENS; count++) {
      const k = (i * MAX_HYDROGENS + count) * 3;
      if (h[k] === 0 && h[k + 1] === 0 && h[k + 2] === 0) break;
      sx += h[k], sy += h[k + 1], sz += h[k + 2];
    }
    if (count > 0) {
      writeVector(out, node + 3, rotation, 1, sx, sy, sz);
      const chosen = count === 1
        ? 0
        : form.hydrogen === "canonical"
        ? canonicalHydrogen(example, i, count)
        : random.integer(count);
      const k = (i * MAX_HYDROGENS + chosen) * 3;
      writeVector(out, node + 6, rotation, 1, h[k], h[k + 1], h[k + 2]);
    }
    out[node + 9 + example.classes[i]] = ONE_HOT;
    for (let j = 0; j < N; j++) {
      if (j !== i) out[from + (i * N + j) * orders + example.orders[i * N + j]] = ONE_HOT;
    }
  }
}

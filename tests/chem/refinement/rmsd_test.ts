import assert from "node:assert/strict";
import { superposedRmsd } from "../../../chem/refinement/rmsd.ts";
import { random } from "../../../model/diffusion/random.ts";

const draw = random(5), points = Float64Array.from({ length: 30 }, () => draw.normal());

/** Turned about an axis by an angle, and moved. */
function turned(x: Float64Array, angle: number, by: number): Float64Array {
  const c = Math.cos(angle), s = Math.sin(angle), out = x.slice();
  for (let i = 0; i < x.length; i += 3) {
    out[i] = c * x[i] - s * x[i + 1] + by;
    out[i + 1] = s * x[i] + c * x[i + 1] - by;
    out[i + 2] = x[i + 2] + 2 * by;
  }
  return out;
}

Deno.test("superposedRmsd() is 0 for what is turned and moved, in line too", () => {
  for (const angle of [0, 0.3, 1.6, 3.1]) assert.ok(superposedRmsd(points, turned(points, angle, 2)) < 1e-6);
  const line = Float64Array.of(0, 0, 0, 1, 0, 0, 2.5, 0, 0);
  assert.ok(superposedRmsd(line, turned(line, 2, 1)) < 1e-6);
  assert.equal(superposedRmsd([], []), 0);
});

Deno.test("superposedRmsd() is the least over all turns, and sees a reflection", () => {
  const far = points.map((value) => value + 0.2 * draw.normal()), least = superposedRmsd(points, far);
  const plain = Math.sqrt(points.reduce((sum, value, k) => sum + (value - far[k]) ** 2, 0) / 10);
  assert.ok(least > 0.1 && least < plain);
  for (let k = 0; k < 5; k++) assert.ok(Math.abs(superposedRmsd(points, turned(far, k, k)) - least) < 1e-9);
  assert.ok(superposedRmsd(points, points.map((value, k) => k % 3 === 0 ? -value : value)) > 0.3);
});

Deno.test("superposedRmsd() of two points is half of what their distances differ by", () => {
  assert.ok(Math.abs(superposedRmsd([0, 0, 0, 1, 0, 0], [5, 5, 5, 5, 6.4, 5]) - 0.2) < 1e-9);
});

Deno.test("superposedRmsd() gives the very bits that it gave", () => {
  const x = Array.from({ length: 18 }, (_, k) => k * 7 % 11 / 8), y = x.map((_, k) => k * 5 % 13 / 8);
  assert.equal(superposedRmsd(x, y), 0.5201230867419678);
});

Deno.test("superposedRmsd() refuses positions of other lengths", () => {
  assert.throws(() => superposedRmsd([0, 0, 0], []), /positions must be 3 numbers; got 0/);
});

import assert from "node:assert/strict";
import { COURSE, courseOf, plateau } from "../../../model/distillation/course.ts";

const at = (k: number, heldOut: number, value?: number) => ({
  update: 100 * k,
  seconds: 60 * k,
  heldOut,
  ...(value !== undefined && { stability: { value, low: value - 0.03, high: value + 0.03 } }),
});

Deno.test("plateau() is where as many validations in a row as its patience gained nothing", () => {
  const falling = [at(0, 4), at(1, 3), at(2, 2.5), at(3, 2.2)];
  assert.equal(plateau(falling, COURSE), undefined);
  const flat = [...falling, at(4, 2.199), at(5, 2.21), at(6, 1)];
  assert.equal(plateau(flat, COURSE)?.seconds, 300);
  // Stability that rises beyond its noise is a gain though the loss stands; a rise within it is none.
  assert.equal(plateau([at(0, 2, 0.2), at(1, 2, 0.3), at(2, 2, 0.4), at(3, 2, 0.5)], COURSE), undefined);
  assert.equal(plateau([at(0, 2, 0.5), at(1, 2, 0.501), at(2, 2, 0.502)], COURSE)?.seconds, 120);
});

Deno.test("courseOf() goes by the limit until the curve is flat, then takes its fixed share to the end", () => {
  const falling = [at(0, 4), at(1, 3), at(2, 2)];
  assert.equal(courseOf(falling, 150, 600), 0.25);
  assert.equal(courseOf(falling, 700, 600), 1);
  assert.equal(courseOf(falling, 150, Infinity), 0);
  const flat = [...falling, at(3, 2), at(4, 2)];
  assert.ok(Math.abs(courseOf(flat, 240, Infinity) - (1 - COURSE.cooldown)) < 1e-12);
  assert.equal(courseOf(flat, 240 / (1 - COURSE.cooldown), Infinity), 1);
  assert.equal(courseOf(flat, 200, 250), 0.8, "never beyond the limit");
});

import assert from "node:assert/strict";
import { philox4x32, random } from "../../../model/diffusion/random.ts";

const hex = (words: Uint32Array) => [...words].map((word) => word.toString(16).padStart(8, "0")).join(" ");

Deno.test("philox4x32() gives Random123's known answers", () => {
  // kat_vectors of Random123 1.14.0: "philox4x32 10".
  const cases: [number[], [number, number], string][] = [
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [Array(4).fill(0xffffffff), [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ],
  ];
  for (const [counter, [key0, key1], answer] of cases) {
    const out = new Uint32Array(4);
    philox4x32(Uint32Array.from(counter), key0, key1, out);
    assert.equal(hex(out), answer);
  }
});

Deno.test("random() repeats itself, and differs by seed, index and purpose", () => {
  const draw = (...name: [number, number?, number?]) => {
    const stream = random(...name);
    return Array.from({ length: 10 }, () => stream.uniform());
  };
  assert.deepEqual(draw(1, 2, 3), draw(1, 2, 3));
  const others = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 2), draw(1)];
  assert.equal(new Set(others.flat()).size, 60);
});

Deno.test("random() goes on from a saved position exactly", () => {
  const stream = random(9, 1);
  stream.fillNormal(new Float32Array(13));
  stream.uniform();
  const resumed = random(9, 1);
  resumed.position = stream.position;
  const next = () => [stream.normal(), stream.uniform(), stream.integer(1000)];
  const expected = next();
  assert.deepEqual([resumed.normal(), resumed.uniform(), resumed.integer(1000)], expected);
});

Deno.test("random() goes on beyond 2^32 blocks", () => {
  const stream = random(1), numbers = new Set<number>();
  for (const position of [0, 4 * 2 ** 32 - 4, 4 * 2 ** 32, 8 * 2 ** 32]) {
    stream.position = position;
    numbers.add(stream.uniform());
  }
  assert.equal(numbers.size, 4);
});

Deno.test("uniform() is even over (0, 1), normal() has the normal's moments, integer() is even", () => {
  const stream = random(5), n = 100_000;
  let sum = 0, squares = 0;
  for (let i = 0; i < n; i++) {
    const u = stream.uniform();
    assert.ok(u > 0 && u < 1);
    sum += u;
    squares += u * u;
  }
  // Five standard errors.
  assert.ok(Math.abs(sum / n - 1 / 2) < 5 * Math.sqrt(1 / 12 / n));
  assert.ok(Math.abs(squares / n - 1 / 3) < 5 * Math.sqrt(4 / 45 / n));
  const normals = new Float32Array(n), moments = [0, 0, 0, 0];
  stream.fillNormal(normals);
  for (const value of normals) for (let k = 0; k < 4; k++) moments[k] += value ** (k + 1) / n;
  const errors = [1, 2, 15, 96].map((variance) => 5 * Math.sqrt(variance / n));
  [0, 1, 0, 3].forEach((expected, k) => assert.ok(Math.abs(moments[k] - expected) < errors[k], `${moments}`));
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) counts[stream.integer(7)]++;
  for (const count of counts) assert.ok(Math.abs(count - n / 7) < 5 * Math.sqrt(n * 6 / 49));
});

Deno.test("fillNormal() fills the asked range only, with both values of each Box-Muller pair", () => {
  const out = new Float32Array(6).fill(9), stream = random(4), single = random(4);
  stream.fillNormal(out, 2, 5);
  const radius = Math.sqrt(-2 * Math.log(single.uniform())), angle = 2 * Math.PI * single.uniform();
  const [first, second] = [radius * Math.cos(angle), radius * Math.sin(angle)].map(Math.fround);
  assert.deepEqual(out, Float32Array.of(9, 9, first, second, Math.fround(single.normal()), 9));
  assert.equal(stream.position, single.position, "an odd last value takes a whole pair of words");
});

Deno.test("fillNormal() gives uncorrelated unit normals", () => {
  const n = 20_000, out = new Float32Array(n);
  random(12).fillNormal(out);
  let square = 0, product = 0;
  for (let i = 0; i < n; i += 2) square += out[i] ** 2 + out[i + 1] ** 2, product += out[i] * out[i + 1];
  assert.ok(Math.abs(square / n - 1) < 5 * Math.sqrt(2 / n));
  assert.ok(Math.abs(product / (n / 2)) < 5 / Math.sqrt(n / 2));
});

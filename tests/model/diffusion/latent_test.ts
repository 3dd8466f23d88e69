import assert from "node:assert/strict";
import { centre, drawNoise, latentLength } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import type { LatentSpace } from "../../../model/diffusion/types.ts";

const spaces: LatentSpace[] = [
  { vectors: 3, scalars: 12, pairs: 4 },
  { vectors: 1, scalars: 2, pairs: 0 },
  { vectors: 1, scalars: 0, pairs: 1 },
  { vectors: 0, scalars: 3, pairs: 0 },
];

const streams = (batch: number, seed = 1) => Array.from({ length: batch }, (_, b) => random(seed, b));

Deno.test("latentLength() counts nodes' vectors and scalars, and pairs", () => {
  assert.deepEqual(spaces.map((space) => latentLength(space, 9)), [9 * 21 + 81 * 4, 9 * 5, 27 + 81, 27]);
});

Deno.test("centre() takes the mean out of the positions and touches nothing else", () => {
  for (const space of spaces) {
    const shape = { batch: 3, nodes: 5 }, width = 3 * space.vectors + space.scalars, length = latentLength(space, 5);
    const z = new Float32Array(3 * length);
    random(2).fillNormal(z);
    const before = z.slice();
    centre(z, space, shape);
    for (let b = 0; b < 3; b++) {
      for (let k = 0; k < length; k++) {
        const isPosition = space.vectors > 0 && k < 5 * width && k % width < 3;
        if (!isPosition) assert.equal(z[b * length + k], before[b * length + k]);
      }
      if (space.vectors === 0) continue;
      for (let axis = 0; axis < 3; axis++) {
        let sum = 0;
        for (let node = 0; node < 5; node++) sum += z[b * length + node * width + axis];
        assert.ok(Math.abs(sum) < 1e-5);
        // Differences between nodes stay.
        const at = b * length + axis;
        assert.ok(Math.abs((z[at + width] - z[at]) - (before[at + width] - before[at])) < 1e-5);
      }
    }
  }
});

Deno.test("drawNoise() is centred, and symmetric over pairs with an empty diagonal", () => {
  for (const space of spaces) {
    const nodes = 6, batch = 4, z = drawNoise(space, { batch, nodes }, streams(batch));
    const width = 3 * space.vectors + space.scalars, length = latentLength(space, nodes);
    assert.equal(z.length, batch * length);
    for (let b = 0; b < batch; b++) {
      for (let axis = 0; space.vectors && axis < 3; axis++) {
        let sum = 0;
        for (let node = 0; node < nodes; node++) sum += z[b * length + node * width + axis];
        assert.ok(Math.abs(sum) < 1e-5);
      }
      const pair = (i: number, j: number, p: number) =>
        z[b * length + nodes * width + (i * nodes + j) * space.pairs + p];
      for (let p = 0; p < space.pairs; p++) {
        for (let i = 0; i < nodes; i++) {
          assert.equal(pair(i, i, p), 0);
          for (let j = 0; j < i; j++) {
            assert.equal(pair(i, j, p), pair(j, i, p));
            assert.notEqual(pair(i, j, p), 0);
          }
        }
      }
    }
  }
});

Deno.test("drawNoise() has mean zero and unit variance, less the centre's share of positions", () => {
  const space = spaces[0], nodes = 5, batch = 4000, length = latentLength(space, nodes);
  const z = drawNoise(space, { batch, nodes }, streams(batch, 7));
  for (let k = 0; k < length; k++) {
    let sum = 0, squares = 0;
    for (let b = 0; b < batch; b++) {
      sum += z[b * length + k];
      squares += z[b * length + k] ** 2;
    }
    const diagonal = k >= nodes * 21 && Math.floor((k - nodes * 21) / 4) % (nodes + 1) === 0;
    const position = k < nodes * 21 && k % 21 < 3;
    const variance = diagonal ? 0 : position ? 1 - 1 / nodes : 1;
    // Five standard errors and a half: there are 205 numbers.
    assert.ok(Math.abs(sum / batch) <= 5.5 * Math.sqrt(variance / batch), `mean of ${k}: ${sum / batch}`);
    const error = Math.abs(squares / batch - variance);
    assert.ok(error <= 5.5 * variance * Math.sqrt(2 / batch), `variance of ${k}: ${squares / batch}`);
  }
});

Deno.test("drawNoise() of a molecule depends on its stream alone, draw after draw", () => {
  const space = spaces[0], nodes = 4, length = latentLength(space, nodes);
  const alone = [random(3, 8)], together = [random(3, 1), random(3, 8), random(3, 2)];
  for (let draw = 0; draw < 3; draw++) {
    const one = drawNoise(space, { batch: 1, nodes }, alone);
    const three = drawNoise(space, { batch: 3, nodes }, together);
    assert.deepEqual(three.slice(length, 2 * length), one);
  }
});

/** Guidance: what it makes of distributions whose exact denoisers are known. */
import assert from "node:assert/strict";
import { type Conditions, eachCondition } from "../../../../model/diffusion/condition.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { BatchShape } from "../../../../model/diffusion/types.ts";
import { createGuided, guidanceOf, guide } from "../../../../model/networks/heavy_atom/guide.ts";

const schedule = cosineSchedule(), lines = { vectors: 1, scalars: 0, pairs: 0 };

/** x ~ N(slope c, spread^2) for a condition c, which is itself N(0, 1): without it, x ~ N(0, spread^2 + slope^2). */
const slope = 1.5, spread = 0.6;

/** E[x | z, c], or E[x | z] where nothing is told, and how often it was asked. */
function exact(): Denoiser & { molecules: number } {
  return {
    molecules: 0,
    space: lines,
    predict(z: Float32Array, { batch }: BatchShape, conditions: Conditions) {
      this.molecules += batch;
      const all = eachCondition(conditions, batch), each = z.length / batch;
      return Promise.resolve(z.map((value, k) => {
        const { time, properties } = all[Math.floor(k / each)], { alpha, sigma } = schedule(time);
        const mean = slope * (properties?.gap ?? 0), variance = spread ** 2 + (properties ? 0 : slope ** 2);
        return mean + alpha * variance / (alpha ** 2 * variance + sigma ** 2) * (value - alpha * mean);
      }));
    },
    can: {},
    dispose() {},
  };
}

Deno.test("createGuided() gives the score of p(z)^(1 - w) p(z given c)^w for normal data whose mean depends linearly on c", async () => {
  const shape = { batch: 2, nodes: 1 }, z = Float32Array.of(0.3, -1, 2, 0.7, 0, -0.4), values = [1.2, -0.8];
  for (const w of [-0.5, 0, 0.5, 1, 1.5, 4]) {
    for (const time of [0.1, 0.5, 0.9]) {
      const network = exact(), { alpha, sigma } = schedule(time);
      const conditions = values.map((gap) => ({ time, properties: { gap }, guidance: w }));
      const x0 = await createGuided(network).predict(z, shape, conditions);
      assert.equal(network.molecules, w === 0 || w === 1 ? 2 : 4);
      const told = alpha ** 2 * spread ** 2 + sigma ** 2, untold = told + alpha ** 2 * slope ** 2;
      const precision = (1 - w) / untold + w / told;
      z.forEach((value, k) => {
        const mean = w * alpha * slope * values[Math.floor(k / 3)] / told / precision;
        const score = (alpha * x0[k] - value) / sigma ** 2;
        assert.ok(
          Math.abs(score + precision * (value - mean)) < 1e-4 * Math.max(1, Math.abs(score)),
          `w ${w}, t ${time}`,
        );
      });
    }
  }
});

Deno.test("guide() gives classes and orders the distribution p_u^(1 - w) p_c^w, whatever w, and leaves the diagonal of pairs", () => {
  const space = { vectors: 0, scalars: 3, pairs: 2 }, shape = { batch: 1, nodes: 2 };
  const row = (...p: number[]) => p.map((value) => value / 2), none = [0, 0];
  const c = [row(0.7, 0.2, 0.1), row(0.1, 0.1, 0.8), none, row(0.9, 0.1), row(0.9, 0.1), none];
  const u = [row(0.5, 0.3, 0.2), row(0.2, 0.4, 0.4), none, row(0.6, 0.4), row(0.6, 0.4), none];
  for (const w of [0, 0.5, 1, 3]) {
    const told = Float32Array.from(c.flat());
    guide(told, Float32Array.from(u.flat()), w, space, shape);
    let at = 0;
    c.forEach((row, r) => {
      const weights = row.map((value, k) => value === 0 ? 0 : (2 * u[r][k]) ** (1 - w) * (2 * value) ** w);
      const sum = weights.reduce((a, b) => a + b, 0);
      for (const weight of weights) {
        assert.ok(Math.abs(told[at++] - (sum === 0 ? 0 : weight / sum / 2)) < 1e-6, `w ${w}, row ${r}`);
      }
    });
  }
});

Deno.test("guidanceOf() is what takes two calls: neither 0, 1, nor a condition without properties", () => {
  assert.equal(guidanceOf({ properties: { gap: 1 }, guidance: 1.5 }), 1.5);
  for (
    const one of [undefined, {}, { guidance: 2 }, { properties: { gap: 1 } }, { properties: { gap: 1 }, guidance: 0 }]
  ) {
    assert.equal(guidanceOf(one), undefined);
  }
});

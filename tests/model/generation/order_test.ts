import assert from "node:assert/strict";
import { acceptOrder } from "../../../model/generation/order.ts";
import { readCard } from "../../../model/models/card.ts";

Deno.test("acceptOrder() refuses a grid and options for distilled weights, which take those that they learned", async () => {
  const card = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);
  const order = { count: 2, steps: 4, seed: 1 };
  const accepted = acceptOrder(card, { ...order, options: {} });
  assert.equal(accepted.settings.sampler, "distilled");
  for (const [field, value] of [["grid", { type: "uniform" }], ["options", { eta: 1 }]] as const) {
    assert.throws(() => acceptOrder(card, { ...order, [field]: value }), {
      name: "ImpossibleOrderError",
      field,
      message: new RegExp(`^weights distilled to 4 steps take the ${field} that they learned`),
    });
  }
  assert.deepEqual(acceptOrder(card, { ...order, sampler: "ddim", options: { eta: 1 } }).settings.options, { eta: 1 });
});

Deno.test("acceptOrder() takes steps in parallel that draw no noise, and others only where noise is not aligned", async () => {
  const card = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);
  const parallel = { window: 8, tolerance: 0.03 }, order = { count: 2, steps: 12, seed: 1, parallel };
  for (const sampler of ["ddim", "dpm-solver++", "heun"] as const) {
    assert.deepEqual(acceptOrder(card, { ...order, sampler }).parallel, parallel);
  }
  for (const sampler of ["ddpm", "consistency", undefined] as const) {
    assert.throws(() => acceptOrder(card, { ...order, sampler }), {
      name: "ImpossibleOrderError",
      field: "parallel",
      message: /^parallel needs steps that draw no noise \(ddim, dpm-solver\+\+ or heun\) of model qm9/,
    });
    assert.ok(acceptOrder({ ...card, coupling: "independent" }, { ...order, sampler }));
  }
});

Deno.test("acceptOrder() guides by the weaker self of a model that has one, and one way only", async () => {
  const shipped = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);
  const gap = { name: "gap" as const, unit: "eV", mean: 7, deviation: 1, range: [4, 10] as [number, number] };
  const card = { ...shipped, denoiser: { ...shipped.denoiser, weakWithout: 2, conditions: [gap] } } as typeof shipped;
  const order = { count: 2, steps: 16, seed: 1, autoguidance: 1.5 }, condition = { gap: 7 };
  assert.equal(acceptOrder(card, order).settings.autoguidance, 1.5);
  assert.equal("autoguidance" in acceptOrder(card, { ...order, autoguidance: 1 }).settings, false);
  assert.equal(acceptOrder(card, { ...order, condition }).settings.autoguidance, 1.5, "told, and not guided to it");
  const refuses = (own: typeof shipped, more: object, message: RegExp) =>
    assert.throws(() => acceptOrder(own, { ...order, ...more }), {
      name: "ImpossibleOrderError",
      field: "autoguidance",
      message,
    });
  refuses(shipped, {}, /^model qm9 has no weaker self to be guided by: autoguidance must be 1 or absent$/);
  refuses(card, { condition, guidance: 2 }, /^estimates are guided one way: autoguidance must be 1 where/);
  const recommended = card.recommended.map((one) => ({ ...one, autoguidance: 2 }));
  const { autoguidance: _, ...unasked } = order;
  const settings = (more: object) => acceptOrder({ ...card, recommended }, { ...unasked, ...more }).settings;
  assert.equal(settings({}).autoguidance, 2);
  assert.equal(settings({ condition, guidance: 2 }).autoguidance, undefined, "to the properties that are asked");
});

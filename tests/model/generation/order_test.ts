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

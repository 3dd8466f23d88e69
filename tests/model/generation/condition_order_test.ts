import assert from "node:assert/strict";
import { checkConditions, ImpossibleConditionError } from "../../../model/generation/condition_order.ts";
import { acceptOrder } from "../../../model/generation/order.ts";
import { readCard } from "../../../model/models/card.ts";

const shipped = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);
const gap = { name: "gap" as const, unit: "eV", mean: 7, deviation: 1, range: [4, 10] as [number, number] };
const told = { ...shipped, denoiser: { ...shipped.denoiser, conditions: [gap] } } as typeof shipped;
const order = { count: 2, steps: 16, seed: 1 };

Deno.test("acceptOrder() takes properties that the card names, and warns of values outside of its training data", () => {
  assert.deepEqual(acceptOrder(told, { ...order, condition: { gap: 7.2 }, guidance: 1.5 }).condition, {
    properties: { gap: 7.2 },
    guidance: 1.5,
  });
  const { condition, warnings } = acceptOrder(told, { ...order, condition: { gap: 19 } });
  assert.deepEqual(condition, { properties: { gap: 19 } });
  assert.deepEqual(warnings, ["gap 19 lies outside of the training data, 4 to 10 eV"]);
  assert.equal("condition" in acceptOrder(told, order), false);
});

Deno.test("acceptOrder() refuses properties of models and students that are told none, and guidance to none", () => {
  const refuses = (card: typeof shipped, more: object, field: string, message: RegExp) =>
    assert.throws(() => acceptOrder(card, { ...order, ...more }), { name: "ImpossibleOrderError", field, message });
  refuses(shipped, { condition: { gap: 7 } }, "condition", /^model qm9 is told no properties/);
  refuses(told, { condition: { gap: 7, mu: 2 } }, "condition/mu", /^mu must be absent: model qm9 is told gap$/);
  refuses(told, { condition: { gap: 28.1 } }, "condition/gap", /^gap must be -14 to 28 eV; got 28.1$/);
  refuses(told, { guidance: 2 }, "guidance", /must come with condition/);
  refuses(
    told,
    { steps: 4, condition: { gap: 7 } },
    "condition",
    /^weights distilled to 4 steps are told no properties/,
  );
});

Deno.test("checkConditions() lets values through as far as three ranges beyond the data", () => {
  assert.deepEqual(checkConditions({ condition: { gap: 4 } }, told), []);
  assert.equal(checkConditions({ condition: { gap: -14 } }, told).length, 1);
  assert.throws(() => checkConditions({ condition: { gap: -14.1 } }, told), ImpossibleConditionError);
});

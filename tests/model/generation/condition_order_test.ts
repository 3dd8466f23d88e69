import assert from "node:assert/strict";
import {
  callsOfGuidance,
  checkConditions,
  ImpossibleConditionError,
} from "../../../model/generation/condition_order.ts";
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

const scales = { first: 0, last: 3 };
const students = (more: object) =>
  ({ ...told, distilled: told.distilled.map((one) => ({ ...one, ...more })) }) as typeof shipped;

Deno.test("acceptOrder() takes properties for students that are told them, and scales as far as they are told", () => {
  const asked = { ...order, steps: 4, condition: { gap: 7 } }, student = students({ conditions: true });
  assert.deepEqual(acceptOrder(student, asked).condition, { properties: { gap: 7 } });
  assert.deepEqual(acceptOrder(student, { ...asked, guidance: 5 }).condition, { properties: { gap: 7 }, guidance: 5 });
  const guided = students({ conditions: true, guidance: scales });
  assert.equal(acceptOrder(guided, { ...asked, guidance: 3 }).condition!.guidance, 3);
  const refuses = (card: typeof shipped, more: object) =>
    assert.throws(() => acceptOrder(card, { ...asked, ...more }), {
      name: "ImpossibleOrderError",
      field: "guidance",
      message: /^guidance must be 0 to 3, as these weights are told it; got 4$/,
    });
  refuses(guided, { guidance: 4 });
  // The undistilled weights of the same card are guided from two estimates, as far as any.
  assert.equal(acceptOrder(guided, { ...asked, steps: 16, guidance: 4 }).condition!.guidance, 4);
  refuses({ ...told, denoiser: { ...told.denoiser, guidance: scales } } as typeof shipped, { steps: 16, guidance: 4 });
});

Deno.test("callsOfGuidance() is two where two estimates are guided between, and one of weights that are told how far", () => {
  const asked = { condition: { gap: 7 }, guidance: 2 }, guided = students({ conditions: true, guidance: scales });
  assert.equal(callsOfGuidance({ ...asked, steps: 16 }, guided), 2);
  assert.equal(callsOfGuidance({ ...asked, steps: 4 }, guided), 1);
  assert.equal(callsOfGuidance({ ...asked, steps: 4, sampler: "ddpm" }, guided), 2);
  assert.equal(callsOfGuidance({ ...asked, steps: 4 }, students({ conditions: true })), 2);
  assert.equal(callsOfGuidance({ steps: 4 }, told), 1);
});

Deno.test("checkConditions() lets values through as far as three ranges beyond the data", () => {
  assert.deepEqual(checkConditions({ condition: { gap: 4 } }, told), []);
  assert.equal(checkConditions({ condition: { gap: -14 } }, told).length, 1);
  assert.throws(() => checkConditions({ condition: { gap: -14.1 } }, told), ImpossibleConditionError);
});

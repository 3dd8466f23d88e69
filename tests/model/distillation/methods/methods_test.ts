import assert from "node:assert/strict";
import { VARIANTS } from "../../../../model/diffusion/samplers/mod.ts";
import { methodOf, METHODS } from "../../../../model/distillation/methods/mod.ts";
import { acceptRound, ImpossibleRoundError, roundOrder } from "../../../../model/distillation/order.ts";
import { learningRateOf, roundFault } from "../../../../model/distillation/settings.ts";
import { PRECISION_CHOICES } from "../../../../model/engines/runtimes.ts";
import { readCard } from "../../../../model/models/card.ts";

const card = await readCard(new URL("../../../../weights/qm9", import.meta.url).pathname);

/** The shipped card as one of a model that is told a property. */
const gap = { name: "gap", unit: "eV", mean: 7, deviation: 1, range: [4, 10] };
const told = { ...card, denoiser: { ...card.denoiser, conditions: [gap] } } as typeof card;

Deno.test("every method has a default round of the shipped model, or of one that is told properties, that it accepts itself", () => {
  for (const method of METHODS) {
    const data = methodOf(method).takesData && "a set", own = methodOf(method).guidance?.always ? told : card;
    const { settings } = acceptRound(own, roundOrder.parse({ method, data }), []);
    assert.equal(roundFault(settings, own), undefined, method);
    assert.ok(methodOf(method).variants.includes(settings.variant));
    assert.equal(learningRateOf(settings), methodOf(method).learningRate);
    const { teacher, student } = methodOf(method).work(settings);
    assert.ok(teacher >= 0 && student >= 0 && teacher + student > 0);
  }
});

Deno.test("a round of our own network learns in any precision, one of an EGNN in f32 alone", () => {
  const { settings } = acceptRound(card, roundOrder.parse({}), []);
  const egnn = { ...card, denoiser: { ...card.denoiser, type: "egnn" } } as typeof card;
  for (const precision of PRECISION_CHOICES) {
    assert.equal(roundFault({ ...settings, precision }, card), undefined);
    const fault = roundFault({ ...settings, precision }, egnn), fits = precision === "auto" || precision === "f32";
    assert.deepEqual(
      fault,
      fits ? undefined : {
        field: "precision",
        message: `precision must be auto or f32 for an EGNN, which TensorFlow.js trains; got ${precision}`,
      },
    );
  }
});

Deno.test("acceptRound() and roundFault() find the same fault, in the same words", () => {
  const faulty: Record<string, unknown>[] = [
    { method: "moments", from: 8, to: 8 },
    { method: "rollout", from: 8, to: 16 },
    { method: "progressive", from: 8, to: 5 },
    { method: "progressive", from: 1, to: 1 },
    { method: "knowledge", from: 8, to: 4 },
    { method: "knowledge", keep: [4] },
    { method: "progressive", from: 64, keep: [7] },
    { method: "rollout", from: 8, to: 4, keep: [4] },
    { method: "moments", width: 32 },
    { method: "moments", options: { gamma: 1 } },
    { method: "matching", options: { gama: 1 } },
    { method: "matching", from: 8, to: 8 },
    { method: "matching", from: 16, to: 8, keep: [7] },
    { method: "matching", from: 16, to: 8, keep: [4], match: { also: [{ steps: 2 }] } },
    { method: "matching", from: 16, to: 8, keep: [4], match: { also: [{ steps: 4 }, { steps: 4 }] } },
    { method: "knowledge", from: 64, begin: "student" },
    { method: "moments", match: { classes: 0.5 } },
    { method: "rollout", solver: "heun" },
    { method: "finetune", data: "a set", boundary: "data" },
    { method: "consistency", skip: 64 },
    { method: "consistency", from: 8, to: 8 },
    { method: "moments", match: { divergence: "sds" } },
    { method: "matching", match: { alpha: 0.5 } },
    { method: "matching", match: { divergence: "forward-kl", alpha: 1 } },
    { method: "matching", match: { divergence: "sid", alpha: -1 } },
    { method: "matching", match: { divergence: "sid", alpha: 2 } },
    { method: "matching", match: { autoguidance: 1.5 } },
    { method: "matching", match: { divergence: "sid", autoguidance: 1.5 } },
    { method: "progressive", from: 64, variant: "ddpm" },
    ...METHODS.flatMap((method) =>
      VARIANTS.filter((variant) => !methodOf(method).variants.includes(variant)).map((variant) => ({ method, variant }))
    ),
  ];
  assert.ok(faulty.length > 13);
  for (const asked of faulty) {
    const order = roundOrder.parse(asked);
    assert.throws(
      () => acceptRound(card, order),
      (error) => {
        assert.ok(error instanceof ImpossibleRoundError, JSON.stringify(asked));
        const method = methodOf(order.method), steps = method.steps(order);
        const settings = {
          ...order,
          ...steps,
          variant: order.variant ?? method.variants[0],
          grid: { type: "uniform" },
        };
        const fault = roundFault({ clamp: 0, ...settings } as Parameters<typeof roundFault>[0], card);
        assert.deepEqual({ field: error.field, message: error.message }, fault, JSON.stringify(asked));
        return true;
      },
    );
  }
});

import assert from "node:assert/strict";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator } from "../../chem/validator.ts";
import { alsoDecode } from "../../model/also_decode.ts";
import { readCard } from "../../model/card.ts";
import { draw } from "../../model/generate.ts";
import { loadModel } from "../../model/load.ts";
import { acceptOrder, ImpossibleOrderError } from "../../model/order.ts";
import { CANDIDATES, recommend, tune } from "../../model/tune.ts";
import { withFolder, writeTinyModel } from "./tiny_model.ts";

Deno.test("tune() measures every candidate on the molecules asked for, most stable first", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "wasm", threads: 1 });
    try {
      const seen: string[] = [];
      const tried = await tune(model, {
        steps: 3,
        count: 5,
        seed: 7,
        decoding: "argmax",
        validate: createValidator(await createRdkit()),
        candidates: CANDIDATES.filter(({ sampler }) => sampler === "ddim" || sampler === "consistency"),
        onTried: ({ sampler }) => seen.push(sampler),
      });
      assert.equal(tried.length, seen.length);
      assert.deepEqual(new Set(seen), new Set(["ddim", "consistency"]));
      for (const { steps, moleculeStability: { n } } of tried) assert.deepEqual([steps, n], [3, 5]);
      const order = tried.map(({ moleculeStability }) => moleculeStability.value);
      assert.deepEqual(order, [...order].sort((a, b) => b - a));
      await recommend(`${root}/qm9`, tried[0]);
      await recommend(`${root}/qm9`, { ...tried[1], steps: 2 });
      await recommend(`${root}/qm9`, tried[1]);
      const { recommended } = await readCard(`${root}/qm9`);
      assert.deepEqual(recommended.map(({ steps }) => steps), [2, 3], "one a number of steps, the last entered");
      assert.equal(recommended[1].sampler, tried[1].sampler);
    } finally {
      model.dispose();
    }
  }));

Deno.test("alsoDecode() gives what the model gives, and the other decodings beside it", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "wasm", threads: 1 });
    try {
      const request = acceptOrder(model.card, { count: 6, steps: 2, seed: 3 }),
        { model: observed, others } = alsoDecode(
          model,
          ["valence"],
        );
      const [plain, same] = await Promise.all([model, observed].map((one) => Array.fromAsync(draw(one, request))));
      assert.deepEqual(same.map(({ molecules }) => molecules), plain.map(({ molecules }) => molecules));
      const valence = await Array.fromAsync(draw(
        model,
        acceptOrder(model.card, {
          count: 6,
          steps: 2,
          seed: 3,
          decoding: "valence",
        }),
      ));
      assert.deepEqual(others.get("valence"), valence.flatMap(({ molecules }) => molecules));
    } finally {
      model.dispose();
    }
  }));

Deno.test("acceptOrder() refuses a decoding that the model has not", () =>
  withFolder(async (root) => {
    const card = await readCard(await writeTinyModel(root));
    const atoms = { ...card, autoencoder: { type: "identity" } as typeof card.autoencoder };
    assert.equal(acceptOrder(card, { count: 1, steps: 1, seed: 1 }).settings.decoding, "argmax");
    assert.throws(() => acceptOrder(atoms, { count: 1, steps: 1, seed: 1, decoding: "valence" }), (error) => {
      assert.ok(error instanceof ImpossibleOrderError);
      assert.deepEqual([error.field, error.message], ["decoding", "model qm9 decodes by argmax only, not valence"]);
      return true;
    });
  }));

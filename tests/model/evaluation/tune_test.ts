import assert from "node:assert/strict";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator } from "../../../chem/validator.ts";
import { alsoDecode } from "../../../model/evaluation/also_decode.ts";
import { readCard } from "../../../model/models/card.ts";
import { draw } from "../../../model/generation/generate.ts";
import { loadModel } from "../../../model/models/load.ts";
import { acceptOrder, ImpossibleOrderError } from "../../../model/generation/order.ts";
import { candidatesFor, recommend, tune } from "../../../model/evaluation/tune.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

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
        candidates: candidatesFor(model.card).filter(({ sampler }) => sampler === "ddim" || sampler === "consistency"),
        onTried: ({ sampler }) => seen.push(sampler),
      });
      assert.equal(tried.length, seen.length);
      assert.deepEqual(new Set(seen), new Set(["ddim", "consistency"]));
      for (const { steps, moleculeStability: { n } } of tried) assert.deepEqual([steps, n], [3, 5]);
      for (const { sound, connected, composition, groups } of tried) {
        assert.equal(sound.n, connected.value * connected.n);
        assert.deepEqual([composition.ether.n <= 5, groups], [true, null]);
      }
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

Deno.test("candidatesFor() tries matched starts where the card has the latents' moments", () => {
  const matched = (latents?: Parameters<typeof candidatesFor>[0]["latents"]) =>
    candidatesFor({ latents }).filter(({ grid }) => grid.type === "logSnr" && grid.start).length;
  assert.equal(matched(), 0);
  assert.ok(matched({ "3": { vectors: [1], scalars: [], pairs: [] } }) > 0);
});

Deno.test("alsoDecode() leaves a model all else that it has", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "wasm", threads: 1 });
    try {
      const { model: { autoencoder: observed } } = alsoDecode(model, ["valence"]);
      for (const key of ["space", "counts", "bondSums", "clamp", "encode"] as const) {
        assert.equal(observed[key], model.autoencoder[key], key);
      }
      // The engine clamps where the autoencoder says what valence leaves: an evaluation must draw what the service draws.
      const draws = async (clamp: number) => {
        const request = acceptOrder(model.card, { count: 4, steps: 4, seed: 3, sampler: "ddim", clamp });
        return (await Array.fromAsync(draw(alsoDecode(model, []).model, request))).map(({ molecules }) => molecules);
      };
      assert.notDeepEqual(await draws(1), await draws(0));
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
      assert.deepEqual(
        others.get("valence"),
        valence.flatMap(({ molecules, repaired }) =>
          molecules.map((molecule, k) => ({ molecule, repaired: repaired[k] }))
        ),
      );
      assert.ok(others.get("valence")!.some(({ repaired }) => repaired), "drafts of two steps break valence");
    } finally {
      model.dispose();
    }
  }));

Deno.test("alsoDecode() does not say of molecules by `argmax` whether they were repaired", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "wasm", threads: 1 });
    try {
      const { model: observed, others } = alsoDecode(model, ["argmax"]);
      const asked = { count: 6, steps: 2, seed: 3 };
      await Array.fromAsync(draw(observed, acceptOrder(model.card, { ...asked, decoding: "valence" })));
      const argmax = await Array.fromAsync(draw(model, acceptOrder(model.card, { ...asked, decoding: "argmax" })));
      assert.deepEqual(
        others.get("argmax"),
        argmax.flatMap(({ molecules }) => molecules.map((molecule) => ({ molecule }))),
      );
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
      assert.deepEqual([error.field, error.message], ["decoding", "the decoding of qm9 must be argmax; got valence"]);
      return true;
    });
  }));

import assert from "node:assert/strict";
import { identity } from "../../../chem/identity.ts";
import { isSound } from "../../../chem/judge/sound.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator, type Validate } from "../../../chem/validator.ts";
import type { BatchValidator, JudgeOptions } from "../../../chem/validator_pool.ts";
import { loadModel, type Model } from "../../../model/models/load.ts";
import { generateMolecules, type GenerateOptions } from "../../../model/generation/pipeline.ts";
import { createQueue } from "../../../model/generation/queue.ts";
import type { Stage } from "../../../model/generation/stages.ts";
import { createHeavyAtomAutoencoder } from "../../../model/networks/heavy_atom/autoencoder.ts";
import { readLatent } from "../../../model/networks/heavy_atom/decode.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

const withModel = (work: (model: Model, validate: Validate) => Promise<void>) =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "cpu", batch: 4 });
    try {
      await work(model, createValidator(await createRdkit()));
    } finally {
      model.dispose();
    }
  });

const generate = (model: Model, count: number, options: GenerateOptions) =>
  generateMolecules(model, { count, seed: 3, settings: chooseSettings(model.card, 2, "ddpm") }, options);

/** What a validator was asked, and verdicts that come when they are let. */
function held(validate: Validate) {
  const asked: { settle: () => void; how: JudgeOptions }[] = [];
  const validator: BatchValidator = {
    judge: (molecules, options, how = {}) =>
      new Promise((resolve) => {
        const settle = () => resolve({ validations: molecules.map((one) => validate(one, options)), ms: 1 });
        asked.push({ settle, how });
      }),
  };
  return { asked, validator };
}

Deno.test("generateMolecules() tells of one wait, and of no verdicts of molecules before `first` that were drawn for company", () =>
  withModel(async (model, validate) => {
    const request = { count: 2, first: 9, seed: 3, settings: chooseSettings(model.card, 2, "ddpm") },
      stages: Stage[] = [];
    const { windows } = generateMolecules(model, request, { validate, window: 10, onStage: (one) => stages.push(one) });
    assert.equal((await Array.fromAsync(windows)).flat().length, 2);
    const of = (name: Stage["name"]) => stages.filter((one) => one.name === name);
    assert.ok(of("sample").length > 3, "some batches have none of the two");
    assert.equal(of("queue").length, 1);
    assert.deepEqual(of("validate").reduce((sum, { molecules }) => sum + molecules, 0), 2);
    assert.ok(of("validate").every(({ molecules }) => molecules > 0));
  }));

Deno.test("generateMolecules() draws the next batches while the first are judged, and keeps the order", () =>
  withModel(async (model, validate) => {
    const expected = await Array.fromAsync(generate(model, 23, { validate, window: 10 }).windows);
    const { asked, validator } = held(validate);
    const windows = Array.fromAsync(generate(model, 23, { validate: validator, window: 10 }).windows);
    let together = 0;
    for (let done = 0; done < 23;) {
      // No verdict is given before the whole window is drawn and asked for; then the last comes first.
      while (asked.length === 0 || !asked.at(-1)!.how.last) await new Promise((resolve) => setTimeout(resolve, 0));
      together = Math.max(together, asked.length);
      for (const { settle } of asked.splice(0).reverse()) settle();
      done += 10;
    }
    assert.ok(together > 2);
    assert.deepEqual(await windows, expected);
  }));

Deno.test("generateMolecules() keeps the first valid molecule of each EDM SMILES, or flat or whole InChIKey, whatever the filter", () =>
  withModel(async (model, validate) => {
    // Constitution, stereo and fragments by index; the sixth is not valid, the seventh not stable.
    const told: [edm: string, key: string | null, smiles: string][] = [
      ["CO", "A-R-N", "1"],
      ["CO", "A-S-N", "2"],
      ["CO", "A-R-N", "1"],
      ["CO", "B-R-N", "3"],
      ["CC", null, "4"],
      ["", null, ""],
      ["CC", null, "4"],
      ["CN", "C-R-N", "5"],
    ];
    const asked: (boolean | undefined)[] = [];
    const validator: BatchValidator = {
      judge(molecules, { inchikey } = {}) {
        const validations = molecules.map((one) => validate(one));
        asked.push(inchikey);
        return Promise.resolve({ validations, ms: 1 });
      },
    };
    const kept = async (options: Partial<GenerateOptions>) => {
      let k = 0;
      const judge: BatchValidator["judge"] = async (molecules, ...rest) => {
        const { ms, validations } = await validator.judge(molecules, ...rest);
        return {
          ms,
          validations: validations.map((one) => {
            const [edmSmiles, inchikey, smiles] = told[k++];
            return { ...one, edmSmiles, inchikey, smiles, valid: k !== 6, stable: k !== 7 };
          }),
        };
      };
      // Of one size, so that they are judged in their order.
      const request = {
        count: told.length,
        seed: 3,
        settings: chooseSettings(model.card, 2, "ddpm"),
        size: { min: 3, max: 3 },
      };
      const { windows } = generateMolecules(model, request, {
        validate: { judge },
        detail: { inchikey: false },
        ...options,
      });
      return (await Array.fromAsync(windows)).flat().map(({ index }) => index);
    };
    assert.deepEqual(await kept({}), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(await kept({ filter: "unique" }), [0, 4, 7]);
    assert.deepEqual(await kept({ unique: true }), [0, 4, 7]);
    assert.ok(asked.every((inchikey) => inchikey === false));
    assert.deepEqual(await kept({ unique: "flat" }), [0, 3, 4, 7]);
    assert.equal(asked.at(-1), true);
    assert.deepEqual(await kept({ filter: "unique", unique: "inchikey" }), [0, 1, 3, 4, 7]);
    assert.deepEqual(await kept({ filter: "stable" }), [0, 1, 2, 3, 4, 5, 7]);
    assert.deepEqual(await kept({ filter: "stable", unique: "inchikey" }), [0, 1, 3, 4, 7]);
  }));

Deno.test("generateMolecules() has molecules judged where the filter is `sound`, and keeps those without a fault", () =>
  withModel(async (model, validate) => {
    const settings = { ...chooseSettings(model.card, 2, "ddpm"), decoding: "valence" as const };
    for (const refine of ["none", "mmff94"] as const) {
      const asked: unknown[] = [];
      const kept = async (options: Partial<GenerateOptions>) => {
        const watched: Validate = (molecule, { judge, ...more } = {}) => {
          asked.push(judge);
          return validate(molecule, { judge, ...more });
        };
        const generation = generateMolecules(model, { count: 40, seed: 3, settings }, {
          ...{ validate: watched, refine },
          ...options,
        });
        const molecules = (await Array.fromAsync(generation.windows)).flat();
        assert.deepEqual([generation.drawn, generation.returned], [40, molecules.length]);
        return molecules;
      };
      const valid = await kept({ filter: "valid" });
      assert.ok(asked.every((judge) => judge !== true));
      const all = await kept({ detail: { judge: true } }), sound = all.filter(({ validation }) => isSound(validation));
      const faulty = all.filter(({ validation }) => validation.findings?.faults.length);
      assert.ok(faulty.length > 0 && sound.length > 0 && sound.length < valid.length, `${refine}: ${sound.length}`);
      // Refinement comes first: once it is drawn, judged as drawn, each is judged where it stands.
      assert.deepEqual(await kept({ filter: "sound" }), sound);
      assert.equal(asked.filter((judge) => judge === true).length, 2 * all.length);
      const first = new Map(sound.map((one) => [one.validation.inchikey, one] as const).reverse());
      assert.deepEqual(
        (await kept({ filter: "sound", unique: "inchikey" })).map(({ index }) => index),
        [...first.values()].map(({ index }) => index).sort((a, b) => a - b),
      );
    }
  }));

Deno.test("generateMolecules() tells of each molecule drawn, filtered or not, in place of remembering it", () =>
  withModel(async (model, validate) => {
    const plain = generate(model, 23, { validate, window: 10, filter: "unique" });
    const kept = (await Array.fromAsync(plain.windows)).flat().map(({ index }) => index), told: number[] = [];
    const tallied = generate(model, 23, {
      ...{ validate, window: 10, filter: "unique", tally: ({ index }) => void told.push(index) },
    });
    const again = (await Array.fromAsync(tallied.windows)).flat();
    assert.deepEqual(again.map(({ index }) => index), kept);
    assert.deepEqual(told, Array.from({ length: 23 }, (_, i) => i));
    assert.ok(kept.length < 23);
    assert.deepEqual([plain.summary().count, tallied.summary().count], [23, 0]);

    // What counts as seen before is not given back, and the set grows by what is.
    const seen = new Set(again.slice(0, 2).map(({ validation }) => identity(validation, true)));
    const rest = generate(model, 23, { validate, window: 10, filter: "unique", seen });
    assert.deepEqual((await Array.fromAsync(rest.windows)).flat().map(({ index }) => index), kept.slice(2));
    assert.equal(seen.size, kept.length);
  }));

Deno.test("generateMolecules() tells its validator of a window's last batch, and whether another request is held", () =>
  withModel(async (model, validate) => {
    const queue = createQueue(), seen: Pick<JudgeOptions, "last" | "alone">[] = [];
    const validator: BatchValidator = {
      judge(molecules, options, { last, alone } = {}) {
        seen.push({ last, alone });
        return Promise.resolve({ validations: molecules.map((one) => validate(one, options)), ms: 1 });
      },
    };
    const slot = queue.enter();
    await Array.fromAsync(generate(model, 9, { validate: validator, slot }).windows);
    assert.ok(seen.length > 1);
    assert.deepEqual(seen, seen.map((_, k) => ({ last: k === seen.length - 1, alone: true })));
    const other = queue.enter();
    await Array.fromAsync(generate(model, 1, { validate: validator, slot }).windows);
    assert.deepEqual(seen.at(-1), { last: true, alone: false });
    other.leave();
  }));

Deno.test("generateMolecules() fails as its validator does, before the window is drawn", () =>
  withModel(async (model) => {
    let calls = 0;
    const validator: BatchValidator = { judge: () => (calls++, Promise.reject(new RangeError("gold"))) };
    const generation = generate(model, 40, { validate: validator });
    await assert.rejects(generation.windows.next(), { name: "RangeError", message: "gold" });
    assert.ok(calls < 3);
    const broken = generate(model, 4, {
      validate: () => {
        throw new RangeError("gold");
      },
    });
    await assert.rejects(broken.windows.next(), /gold/);
  }));

Deno.test("generateMolecules() gives up what is being judged when its signal is aborted or it is closed", () =>
  withModel(async (model, validate) => {
    for (const how of ["abort", "close"] as const) {
      const { asked, validator } = held(validate), abort = new AbortController();
      const judge: BatchValidator["judge"] = (molecules, options, how) => {
        const judged = validator.judge(molecules, options, how);
        return new Promise((resolve, reject) => {
          judged.then(resolve);
          how!.signal!.addEventListener("abort", () => reject(how!.signal!.reason));
        });
      };
      const generation = generate(model, 8, { validate: { judge }, signal: abort.signal, window: 4 });
      const first = generation.windows.next();
      while (asked.length === 0 || !asked.at(-1)!.how.last) await new Promise((resolve) => setTimeout(resolve, 0));
      if (how === "abort") {
        abort.abort(new Error("enough"));
        await assert.rejects(first, /enough/);
      } else {
        for (const { settle } of asked.splice(0)) settle();
        assert.equal((await first).value!.length, 4);
        generation.close();
        assert.equal((await generation.windows.next()).done, true);
      }
    }
  }));

Deno.test("generateMolecules() says of each molecule how it was decoded, and counts those that were decoded otherwise than asked", () =>
  withModel(async (model, validate) => {
    // Every other molecule is as if a search had found no graph.
    let searches = 0;
    const read: typeof readLatent = (z, nodes, classes, at, decoding, chemistry) => {
      const used = decoding === "valence" && searches++ % 2 === 0 ? "argmax" : decoding;
      return readLatent(z, nodes, classes, at, used, chemistry);
    };
    const autoencoder = createHeavyAtomAutoencoder({ read });
    const watched: Model = Object.create(model, { autoencoder: { value: autoencoder } });
    for (const decoding of ["valence", "argmax"] as const) {
      const settings = { ...chooseSettings(model.card, 2, "ddpm"), decoding };
      const generation = generateMolecules(watched, { count: 23, seed: 3, settings }, { validate, window: 10 });
      const drawn = (await Array.fromAsync(generation.windows)).flat();
      const otherwise = drawn.filter((one) => one.decoding !== decoding).length;
      assert.equal(generation.fallbacks, otherwise);
      // A share of molecules that `argmax` repaired would say nothing.
      const told = new Set(drawn.map(({ repaired }) => typeof repaired));
      assert.deepEqual([...told], [decoding === "argmax" ? "undefined" : "boolean"]);
      assert.ok(decoding === "argmax" ? otherwise === 0 : otherwise > 0 && otherwise < 23, `${otherwise} of 23`);
    }
  }));

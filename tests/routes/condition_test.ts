/** `condition` and `guidance` of POST /generate and POST /generate/path. */
import assert from "node:assert/strict";
import { generateResponse } from "../../routes/generate_schema.ts";
import { pathResponse } from "../../routes/path.ts";
import { TOLD } from "../model/told_model.ts";
import { post, withApp } from "./app_fixture.ts";

const asked = { model: "told", count: 3, steps: 2, seed: 5, condition: { gap: 8 } };

Deno.test("POST /generate draws other molecules for other properties and guidance, and says what was asked in every form", () =>
  withApp(async (app) => {
    const answer = async (more: object) =>
      generateResponse.parse(await (await post(app, { ...asked, ...more })).json());
    const plain = await answer({ condition: undefined }),
      given = await answer({}),
      guided = await answer({ guidance: 3 });
    assert.equal("condition" in plain, false);
    assert.deepEqual([given.condition, given.guidance, given.warnings], [{ gap: 8 }, 1, undefined]);
    assert.equal(guided.guidance, 3);
    const positions = [plain, given, guided].map(({ molecules }) =>
      JSON.stringify(molecules.map((one) => one.positions))
    );
    assert.equal(new Set(positions).size, 3);
    const none = await answer({ guidance: 0 });
    assert.deepEqual(none.molecules, plain.molecules);
    const { warnings } = await answer({ condition: { gap: 11 } });
    assert.deepEqual(warnings, ["gap 11 lies outside of the training data, 4 to 10 eV"]);
    const { headers } = await post(app, { ...asked, condition: { gap: 11 }, guidance: 2 }, {
      accept: "chemical/x-xyz",
    });
    assert.equal(headers.get("molstep-condition"), '{"gap":11}');
    assert.equal(headers.get("molstep-guidance"), "2");
    assert.match(headers.get("molstep-warnings")!, /^gap 11 lies outside/);
  }, { models: [{}, TOLD] }));

Deno.test("POST /generate/path shows the estimates as guided, leads to POST /generate's molecule, and refuses what that does", () =>
  withApp(async (app) => {
    const { count: _, ...one } = { ...asked, sampler: "ddim", decoding: "argmax" };
    const pathOf = (more: object) =>
      Promise.resolve(app.request("/generate/path", {
        method: "POST",
        body: JSON.stringify({ ...one, ...more }),
        headers: { "Content-Type": "application/json" },
      }));
    const answer = async (more: object) => pathResponse.parse(await (await pathOf(more)).json());
    const plain = await answer({ condition: undefined }), given = await answer({});
    const guided = await answer({ condition: { gap: 11 }, guidance: 3 });
    assert.equal("condition" in plain, false);
    assert.deepEqual([given.condition, given.guidance, given.warnings], [{ gap: 8 }, 1, undefined]);
    assert.deepEqual([guided.condition, guided.guidance], [{ gap: 11 }, 3]);
    assert.deepEqual(guided.warnings, ["gap 11 lies outside of the training data, 4 to 10 eV"]);
    for (const [told, more] of [[given, {}], [guided, { condition: { gap: 11 }, guidance: 3 }]] as const) {
      const { molecules } = await (await post(app, { ...one, count: 1, include: ["bonds"], ...more })).json();
      assert.deepEqual(told.molecule, molecules[0]);
      // A step is a frame, whatever calls it takes; the last estimate of a sampler without noise is what is decoded.
      const { symbols, positions } = told.frames.at(-1)!.estimate;
      assert.deepEqual({ symbols, positions }, { symbols: told.molecule.symbols, positions: told.molecule.positions });
      assert.equal(told.frames.length, 2);
    }
    const first = [plain, given, guided].map(({ frames }) => frames[0]);
    assert.equal(new Set(first.map(({ latent }) => JSON.stringify(latent))).size, 1);
    assert.equal(new Set(first.map(({ estimate }) => JSON.stringify(estimate))).size, 3);

    const refuses = async (more: object, path: string, message: RegExp) => {
      const response = await pathOf(more), { errors } = await response.json();
      assert.equal(response.status, 422);
      assert.equal(errors[0].path, path);
      assert.match(errors[0].message, message);
    };
    await refuses({ model: "qm9" }, "/condition", /^model qm9 is told no properties: condition must be absent/);
    await refuses({ condition: { mu: 2 } }, "/condition/mu", /^mu must be absent: model told is told gap/);
    await refuses({ condition: { gap: 40 } }, "/condition/gap", /^gap must be -14 to 28 eV; got 40/);
    await refuses({ condition: undefined, guidance: 2 }, "/guidance", /must come with condition/);
  }, { models: [{}, TOLD] }));

Deno.test("POST /generate counts the calls of guidance as work, and refuses conditions with 422 and what is allowed", () =>
  withApp(async (app) => {
    const refuses = async (more: object, path: string | undefined, message: RegExp) => {
      const response = await post(app, { ...asked, ...more }), { errors = [{}], detail } = await response.json();
      assert.equal(response.status, 422);
      assert.equal(errors[0].path, path);
      assert.match(errors[0].message ?? detail, message);
    };
    await refuses({ model: "qm9" }, "/condition", /^model qm9 is told no properties: condition must be absent/);
    await refuses({ condition: { mu: 2 } }, "/condition/mu", /^mu must be absent: model told is told gap/);
    await refuses({ condition: { gap: 40 } }, "/condition/gap", /^gap must be -14 to 28 eV; got 40/);
    await refuses({ condition: {} }, "/condition", /must have at least one of alpha, gap, homo, lumo, mu, cv/);
    await refuses({ condition: { Gap: 7 } }, "/condition", /gap/);
    await refuses({ guidance: 11 }, "/guidance", /10/);
    await refuses({ condition: undefined, guidance: 2 }, "/guidance", /must come with condition/);
    assert.equal((await post(app, { ...asked, count: 5 })).status, 200);
    await refuses(
      { count: 5, guidance: 2 },
      undefined,
      /count x calls, of steps, resampling, guidance and sweeps at worst, may be at most 10 here; given are 5 x 4 = 20/,
    );
  }, { models: [{}, TOLD], maxWork: 10 }));

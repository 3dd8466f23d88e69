/** `autoguidance` of POST /generate: the card's where nobody says, told in every form, counted as work, and refused where there is nothing to be guided by. */
import assert from "node:assert/strict";
import { generateResponse } from "../../routes/generate_schema.ts";
import { pathResponse } from "../../routes/path.ts";
import { writeTinyModel } from "../model/tiny_model.ts";
import { type FixtureOptions, post, withApp } from "./app_fixture.ts";
import { ask } from "./jobs_fixture.ts";

const asked = { model: "guided", count: 2, steps: 3, seed: 5 };
const OPTIONS: FixtureOptions = {
  place: { backend: "wasm" },
  write: (root) =>
    writeTinyModel(root, {
      name: "guided",
      denoiser: { type: "pair-attention", width: 16, blocks: 1, weakWithout: 0, file: "denoiser.safetensors" },
      recommended: [{ steps: 3, sampler: "ddim", autoguidance: 1.5 }],
    }),
};

Deno.test("POST /generate guides by the weaker self as the card has it or as is asked, and says so in every form", () =>
  withApp(async (app) => {
    const draw = async (more: object) => generateResponse.parse(await (await post(app, { ...asked, ...more })).json());
    const usual = await draw({}), named = await draw({ autoguidance: 1.5 }), own = await draw({ autoguidance: 1 });
    assert.deepEqual([usual.autoguidance, named.autoguidance, own.autoguidance], [1.5, 1.5, undefined]);
    assert.deepEqual(named.molecules, usual.molecules);
    assert.notDeepEqual(own.molecules[0].positions, usual.molecules[0].positions);
    for (const accept of ["chemical/x-mdl-sdfile", "chemical/x-xyz", "application/x-ndjson"]) {
      const response = await post(app, asked, { accept });
      assert.equal(response.headers.get("molstep-autoguidance"), "1.5");
      await response.body?.cancel();
    }
    const { count: _, ...one } = asked;
    const path = pathResponse.parse(await (await ask(app, "POST", "/generate/path", one)).json());
    assert.deepEqual([path.autoguidance, path.molecule.positions], [1.5, usual.molecules[0].positions]);
  }, OPTIONS));

Deno.test("POST /generate counts the calls that guidance by the weaker self takes, and refuses it of a model that has none", () =>
  withApp(async (app) => {
    const refused = async (more: object) => {
      const response = await post(app, { ...asked, ...more });
      assert.equal(response.status, 422);
      return await response.json();
    };
    assert.match((await refused({ count: 3 })).detail, /count x calls.* may be at most 12 here; given are 3 x 6 = 18/);
    assert.equal((await post(app, { ...asked, count: 3, autoguidance: 1 })).status, 200);
    const { errors: [fault] } = await refused({ model: "qm9", autoguidance: 2 });
    assert.deepEqual(fault.path, "/autoguidance");
    assert.match(fault.message, /^model qm9 has no weaker self to be guided by/);
    assert.match((await refused({ autoguidance: 6 })).errors[0].message, /at most 5; got 6/);
  }, { ...OPTIONS, maxWork: 12 }));

/** Models that must be told properties: conditional checkpoints of EDM and GeoLDM, by every route that draws. */
import assert from "node:assert/strict";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator } from "../../chem/validator.ts";
import { listModels } from "../../model/models/load.ts";
import { rehearse } from "../../model/service/rehearsal.ts";
import { loadTried } from "../../model/service/tried.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { pathResponse } from "../../routes/path.ts";
import { importTold } from "../model/models/import/conditional.ts";
import { withFolder } from "../model/tiny_model.ts";
import { type FixtureOptions, withApp } from "./app_fixture.ts";
import { ask, TOKEN } from "./jobs_fixture.ts";

const OPTIONS: FixtureOptions = {
  models: [],
  adminToken: TOKEN,
  place: { backend: "wasm" },
  write: (root) => Promise.all([importTold("edm", root), importTold("geoldm", root)]),
};
const condition = { gap: 7, alpha: 75, cv: 25 };

for (const model of ["edm", "geoldm"]) {
  Deno.test(`a model that is imported from a conditional checkpoint of ${model} draws what is asked of it, by POST /generate and POST /generate/path`, () =>
    withApp(async (app) => {
      const asked = {
        model,
        steps: 3,
        seed: 5,
        sampler: "ddim",
        condition,
        grid: { type: "logSnr", first: 0, last: 5 },
      };
      const answer = async (more: object) => {
        const response = await ask(app, "POST", "/generate", { ...asked, count: 2, include: ["bonds"], ...more });
        return generateResponse.parse(await response.json());
      };
      const given = await answer({}), same = await answer({ guidance: 1 });
      assert.deepEqual([given.condition, given.guidance, given.warnings], [condition, 1, undefined]);
      assert.deepEqual(same.molecules, given.molecules);
      const other = await answer({ condition: { ...condition, alpha: 140 } });
      assert.deepEqual(other.warnings, ["alpha 140 lies outside of the training data, 9.46 to 132.47 bohr^3"]);
      assert.notDeepEqual(other.molecules.map((one) => one.positions), given.molecules.map((one) => one.positions));
      const path = pathResponse.parse(await (await ask(app, "POST", "/generate/path", asked)).json());
      assert.deepEqual(path.molecule.positions, given.molecules[0].positions);
      const { symbols, positions } = path.frames.at(-1)!.estimate;
      assert.deepEqual([symbols, positions], [path.molecule.symbols, path.molecule.positions]);
    }, OPTIONS));
}

Deno.test("models that must be told are refused with 422 and what they are told, wherever they are asked for without", () =>
  withApp(async (app) => {
    const refuses = async (route: string, body: object, path: string, message: RegExp) => {
      const response = await ask(app, "POST", route, { model: "edm", ...body }), { errors } = await response.json();
      assert.deepEqual([response.status, errors[0].path], [422, path], route);
      assert.match(errors[0].message, message);
    };
    const none = /^condition must have gap, alpha, cv, which model edm must be told; got none$/;
    for (
      const [route, body] of [
        ["/generate", { count: 1, steps: 2 }],
        ["/generate/path", { steps: 2 }],
        ["/campaigns", { want: 2, steps: 2 }],
        ["/v1/generate", {}],
      ] as const
    ) await refuses(route, body, "/condition", none);
    const drawn = { count: 1, steps: 2 };
    await refuses("/generate", { ...drawn, condition: { gap: 7 } }, "/condition", /must be told; got gap$/);
    await refuses(
      "/generate",
      { ...drawn, condition: { ...condition, mu: 1 } },
      "/condition/mu",
      /is told gap, alpha, cv$/,
    );
    for (const guidance of [0, 2]) {
      const message = /^guidance must be 1: model edm has no estimate without properties; got \d$/;
      await refuses("/generate", { ...drawn, condition, guidance }, "/guidance", message);
    }
    await refuses("/distill", { from: 4 }, "/model", /^edm must be told properties .* it cannot teach$/);
    const campaign = { model: "geoldm", want: 2, maxDraws: 256, steps: 2, condition, shardSize: 256, dryRun: true };
    const plan = await (await ask(app, "POST", "/campaigns", campaign)).json();
    assert.deepEqual([plan.order?.condition, plan.backend], [condition, "wasm"], JSON.stringify(plan));
  }, OPTIONS));

Deno.test("loadTried() and rehearse() draw with models that must be told, in the middle of what they learned from", () =>
  withFolder(async (root) => {
    await Promise.all([importTold("edm", root), importTold("geoldm", root)]);
    const validate = createValidator(await createRdkit());
    for (const entry of await listModels([root])) {
      const model = await loadTried(entry, { backend: "wasm", threads: 1 }, () => {});
      await rehearse(model, validate);
      model.dispose();
    }
  }));

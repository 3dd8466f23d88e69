/** `parallel` of POST /generate: what is said of molecules whose steps are called for together, and what is refused. */
import assert from "node:assert/strict";
import { mostCalls } from "../../model/diffusion/samplers/parallel.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { post, withApp } from "./app_fixture.ts";
import { readMetrics } from "./metrics_text.ts";

const asked = { count: 3, steps: 12, seed: 5, sampler: "ddim" }, parallel = { window: 4, tolerance: 0 };

Deno.test("POST /generate with `parallel` of tolerance 0 gives the same molecules, and says what each took in every form", () =>
  withApp(async (app) => {
    const plain = generateResponse.parse(await (await post(app, asked)).json());
    const body = generateResponse.parse(await (await post(app, { ...asked, parallel })).json());
    assert.deepEqual(
      body.molecules.map(({ rounds: _, calls: __, ...molecule }) => molecule),
      plain.molecules,
    );
    assert.ok(!("parallel" in plain) && !("rounds" in plain.molecules[0]));
    const sum = (key: "rounds" | "calls") => body.molecules.reduce((sum, molecule) => sum + molecule[key]!, 0);
    assert.deepEqual(body.parallel, { ...parallel, rounds: sum("rounds"), calls: sum("calls") });
    for (const { rounds, calls } of body.molecules) {
      assert.ok(rounds! <= 12 && calls! >= 12 && calls! <= mostCalls(12, parallel), `${rounds} ${calls}`);
    }
    const steps = readMetrics(await (await app.request("/metrics")).text()).value("molstep_molecule_steps_total", {
      model: "qm9",
    });
    assert.equal(
      steps,
      plain.molecules.length * asked.steps + sum("calls"),
      "calls that were made, not those it could take",
    );
    const [{ rounds, calls }] = body.molecules;
    for (
      const [accept, says] of [
        ["chemical/x-mdl-sdfile", new RegExp(`<rounds>\n${rounds}\n(.|\n)*?<calls>\n${calls}\n`)],
        ["chemical/x-xyz", new RegExp(` rounds=${rounds} calls=${calls}\\b`)],
        ["application/x-ndjson", new RegExp(`"rounds":${rounds},"calls":${calls},`)],
      ] as const
    ) {
      const response = await post(app, { ...asked, parallel }, { accept });
      assert.deepEqual(JSON.parse(response.headers.get("molstep-parallel")!), parallel);
      assert.match(await response.text(), says);
    }
  }, { openScopes: ["generate", "read"] }));

Deno.test("POST /generate with `parallel` takes fewer rounds where it need not be exact", () =>
  withApp(async (app) => {
    const { parallel: told } = await (await post(app, { ...asked, parallel: { window: 12, tolerance: 0.1 } })).json();
    assert.ok(told.rounds < 3 * 12, JSON.stringify(told));
  }));

Deno.test("POST /generate refuses `parallel` beyond its bounds, and of steps whose noise is aligned, with what is allowed", () =>
  withApp(async (app) => {
    const refuses = async (order: object, path: string, message: RegExp) => {
      const response = await post(app, { ...asked, parallel, ...order }), { errors } = await response.json();
      assert.equal(response.status, 422);
      assert.equal(errors[0].path, path);
      assert.match(errors[0].message, message);
    };
    await refuses({ parallel: { window: 1 } }, "/parallel/window", /at least 2; got 1/);
    await refuses({ parallel: { window: 65 } }, "/parallel/window", /at most 64; got/);
    await refuses({ parallel: { tolerance: -1 } }, "/parallel/tolerance", /at least 0; got -1/);
    await refuses({ parallel: { tolerance: 2 } }, "/parallel/tolerance", /at most 1; got 2/);
    await refuses({ parallel: { sweeps: 2 } }, "/parallel", /sweeps/);
  }));

Deno.test("POST /generate counts the most calls that `parallel` can make as work", () =>
  withApp(async (app) => {
    const response = await post(app, { ...asked, parallel }), { detail } = await response.json();
    assert.equal(response.status, 422);
    assert.match(detail, /count x calls, of .* sweeps at worst, may be at most 100 here; given are 3 x 39 = 117/);
    assert.equal((await post(app, { ...asked, count: 2, parallel })).status, 200);
  }, { maxWork: 100 }));

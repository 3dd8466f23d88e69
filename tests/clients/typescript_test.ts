import assert from "node:assert/strict";
import { type Molstep, molstep } from "../../clients/typescript/mod.ts";
import type { Schema } from "../../clients/typescript/schema.ts";
import type { AppSchema, Plain } from "../../routes/app_type.ts";
import { readSdf } from "../../chem/sdf.ts";
import { type FixtureOptions, withApp } from "../routes/app_fixture.ts";
import { TOKEN } from "../routes/jobs_fixture.ts";

/** Runs a test with a client of an application, with the administrator's token. */
const withClient = (work: (client: Molstep) => Promise<void>, options: FixtureOptions = {}) =>
  withApp(async (app) => {
    const fetch = (input: string | URL | Request, init?: RequestInit) => app.request(input as string, init);
    await work(molstep("http://localhost", { token: TOKEN, fetch }));
  }, { adminToken: TOKEN, ...options });

/** Whether two types are one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

Deno.test("a typed client draws molecules, as JSON and as SDF, and reads a problem by its status", () =>
  withClient(async (client) => {
    const response = await client.generate.$post({ json: { count: 3, steps: 2, seed: 5, include: ["bonds"] } });
    assert.equal(response.status, 200);
    if (response.status !== 200) throw new Error();
    const { molecules } = await response.json(), [{ smiles, positions, bonds }] = molecules;
    const typed: [Same<typeof smiles, string | null>, Same<typeof positions, [number, number, number][]>] = [
      true,
      true,
    ];
    assert.deepEqual(typed, [true, true]);
    assert.equal(molecules.length, 3);
    assert.ok(positions.length > 0 && Array.isArray(bonds));

    const headers = { Accept: "chemical/x-mdl-sdfile" };
    const sdf = await client.generate.$post({ json: { count: 3, steps: 2, seed: 5 } }, { headers });
    assert.equal(readSdf(await sdf.text()).length, 3);

    const refused = await client.generate.$post({ json: { count: 3, steps: 2, model: "none" } });
    if (refused.status !== 404) throw new Error(`404 expected, ${refused.status} came`);
    const { detail, availableModels } = await refused.json();
    assert.match(detail, /none/);
    assert.deepEqual(availableModels, ["qm9"]);
  }));

Deno.test("a typed client reads models and jobs, with a path's and a query's values, and draws by the API of NIMs", () =>
  withClient(async (client) => {
    const models = await client.models.$get();
    if (models.status !== 200) throw new Error(`200 expected, ${models.status} came`);
    const [{ name, sizes }] = (await models.json()).models;
    assert.deepEqual([name, sizes], ["qm9", [3, 5]]);
    const model = await client.models[":name"].$get({ param: { name } });
    if (model.status !== 200) throw new Error(`200 expected, ${model.status} came`);
    assert.equal((await model.json()).card.name, "qm9");
    const jobs = await client.jobs.$get({ query: { limit: 3 } });
    if (jobs.status !== 200) throw new Error(`200 expected, ${jobs.status} came`);
    assert.deepEqual(await jobs.json(), { jobs: [], total: 0 });
    const job = await client.jobs[":id"].$get({ param: { id: "none" } });
    assert.equal(job.status, 404);
    const nim = await client.v1.generate.$post({ json: { num_molecules: 2, steps: 2 } });
    if (nim.status !== 200) throw new Error(`200 expected, ${nim.status} came`);
    assert.equal((await nim.json()).status, "success");
  }));

Deno.test("schema.ts says of each route what the route says itself; else run: deno task build:client", () => {
  const same: Same<Plain<Schema>, AppSchema> = true;
  // Not everything is the same.
  const other: Same<Plain<Omit<Schema, "/generate">>, AppSchema> = false;
  assert.deepEqual([same, other], [true, false]);
});

Deno.test("a typed client refuses, before it runs, what the routes refuse", () =>
  withClient(async (client) => {
    // @ts-expect-error -- no such key
    const misspelt = await client.generate.$post({ json: { count: 1, step: 2 } });
    assert.equal(misspelt.status, 422);
    // @ts-expect-error -- no number
    const text = await client.generate.$post({ json: { count: "1", steps: 2 } });
    assert.equal(text.status, 422);
    // @ts-expect-error -- no such route
    const nowhere = await client.molecules.$get();
    assert.equal(nowhere.status, 404);
    const models = await client.models.$get();
    if (models.status !== 200) throw new Error(`200 expected, ${models.status} came`);
    const [model] = (await models.json()).models;
    // @ts-expect-error -- a model has no such field
    assert.equal(model.size, undefined);
  }));

import assert from "node:assert/strict";
import { MOST_FRAMES } from "../../model/generation/path.ts";
import { pathResponse } from "../../routes/path.ts";
import { post, withApp } from "./app_fixture.ts";

type App = Parameters<Parameters<typeof withApp>[0]>[0];

const pathOf = (app: App, body: unknown) =>
  Promise.resolve(app.request("/generate/path", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  }));

Deno.test("POST /generate/path: the molecule is that of POST /generate, and its frames lead from noise to it", () =>
  withApp(async (app) => {
    const asked = { steps: 5, seed: 3, first: 2, sampler: "ddim", decoding: "argmax" };
    const response = await pathOf(app, asked);
    assert.equal(response.status, 200);
    const told = pathResponse.parse(await response.json()), { frames, molecule } = told;
    const { first: _, ...whole } = asked;
    const generated = await (await post(app, { ...whole, count: 3, include: ["bonds"], refine: "none" })).json();
    assert.deepEqual(molecule, generated.molecules[2]);
    assert.deepEqual([told.seed, told.steps, told.sampler], [3, 5, "ddim"]);

    assert.equal(frames.length, 5);
    assert.equal(frames[0].time, 1);
    assert.ok(frames.every(({ time }, k) => k === 0 || time < frames[k - 1].time));
    assert.ok(frames.every(({ logSnr }, k) => k === 0 || logSnr > frames[k - 1].logSnr));
    // The last estimate of a sampler without noise is what is decoded; what it held before is not.
    const { symbols, positions } = frames.at(-1)!.estimate;
    assert.deepEqual({ symbols, positions }, { symbols: molecule.symbols, positions: molecule.positions });
    assert.notDeepEqual(frames[0].latent.positions, frames[0].estimate.positions);
  }));

Deno.test("POST /generate/path tells of at most so many calls, evenly, the first and the last among them", () =>
  withApp(async (app) => {
    const { frames } = pathResponse.parse(await (await pathOf(app, { steps: 150, seed: 1, sampler: "ddim" })).json());
    assert.ok(frames.length <= MOST_FRAMES && frames.length >= MOST_FRAMES / 2, String(frames.length));
    assert.equal(frames[0].time, 1);
    assert.ok(Math.abs(frames.at(-1)!.time - 1 / 150) < 1e-9);
    const steps = frames.slice(1, -1).map(({ time }, k) => frames[k].time - time);
    assert.ok(Math.max(...steps) - Math.min(...steps) < 1e-9);
  }));

Deno.test("POST /generate/path is for one molecule: keys of many are refused, as are sizes and models that are not there", () =>
  withApp(async (app) => {
    for (
      const more of [{ count: 2 }, { filter: "valid" }, { atoms: 5, heavyAtoms: 3 }, { steps: 1001 }, { steps: 0 }]
    ) {
      const response = await pathOf(app, { steps: 2, ...more });
      assert.equal(response.status, 422, JSON.stringify(more));
    }
    assert.equal((await pathOf(app, { steps: 2, model: "none" })).status, 404);
  }));

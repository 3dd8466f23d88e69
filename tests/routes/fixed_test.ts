/** `fixed` of POST /generate: what is said of molecules about a part, and what is refused. */
import assert from "node:assert/strict";
import { partOf } from "../../bench/fixed_parts.ts";
import { readMolblock, readSdf } from "../../chem/sdf.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { post, withApp } from "./app_fixture.ts";

// The tiny model has three to five heavy atoms.
const fixed = await partOf("carboxyl"), asked = { count: 3, steps: 2, seed: 5, fixed };
const { positions } = readMolblock(fixed.molblock).molecule;

Deno.test("POST /generate with `fixed` gives the fixed atoms first and where they were, in every form, and says how many they are", () =>
  withApp(async (app) => {
    const body = generateResponse.parse(await (await post(app, asked)).json());
    assert.equal(body.fixedAtoms, 3);
    for (const { symbols, positions: there } of body.molecules) {
      assert.deepEqual(symbols.slice(0, 3), ["C", "O", "O"]);
      assert.ok(symbols.filter((symbol) => symbol !== "H").length > 3);
      there.slice(0, 3).flat().forEach((value, k) => assert.ok(Math.abs(value - positions[3 + k]) < 1e-3));
    }
    for (
      const [accept, says] of [["chemical/x-mdl-sdfile", /<fixedAtoms>\n3\n/], [
        "chemical/x-xyz",
        / fixedAtoms=3\b/,
      ]] as const
    ) {
      const response = await post(app, asked, { accept });
      assert.equal(response.headers.get("molstep-fixed-atoms"), "3");
      assert.match(await response.text(), says);
    }
    const sdf = readSdf(await (await post(app, asked, { accept: "chemical/x-mdl-sdfile" })).text());
    const lines = (await (await post(app, asked, { accept: "application/x-ndjson" })).text()).trimEnd().split("\n");
    lines.forEach((line, k) => {
      assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(body.molecules[k])));
      sdf[k].molecule.positions.subarray(0, 9).forEach((value, at) =>
        assert.ok(Math.abs(value - positions[3 + at]) < 1e-3)
      );
    });
    const plain = await post(app, { ...asked, fixed: undefined });
    assert.equal("fixedAtoms" in await plain.json(), false);
  }));

Deno.test("POST /generate refuses fixed parts with 422, the place in the body and what is allowed", () =>
  withApp(async (app) => {
    const refuses = async (more: object, path: string, message: RegExp, order = {}) => {
      const response = await post(app, { ...asked, ...order, fixed: { ...fixed, ...more } }),
        { errors } = await response.json();
      assert.equal(response.status, 422);
      assert.equal(errors[0].path, path);
      assert.match(errors[0].message, message);
    };
    await refuses({ atoms: [1, 7] }, "/fixed/atoms", /must be heavy atoms, here 0, 1, 2, 3; got 7/);
    await refuses({ attach: [2] }, "/fixed/attach", /here 1, 3; got atom 2 \(O\), which has none/);
    await refuses({ molblock: "" }, "/fixed/molblock", /./);
    await refuses({ molblock: "x".repeat(40_000) }, "/fixed/molblock", /32768/);
    await refuses(
      { molblock: fixed.molblock.replace(" O ", " Cl") },
      "/fixed/molblock",
      /heavy atoms must be one of .*; got atom \d \(Cl\)/,
    );
    await refuses({ molblock: fixed.molblock.replace(" O ", " Xx") }, "/fixed/molblock", /line \d+: /);
    await refuses({ resample: { times: 2, back: 5 } }, "/fixed/resample", /back must be 1 to 1 at 2 steps; got 5/);
    await refuses({ resample: { times: 1 } }, "/fixed/resample/times", /./);
    const amide = await partOf("acetamide");
    await refuses(
      { ...amide, atoms: undefined, attach: undefined },
      "/heavyAtoms",
      /at least 4, those of the fixed part; got 3/,
      { heavyAtoms: 3 },
    );
    const all = { atoms: undefined, attach: undefined };
    await refuses(
      { ...await partOf("benzene"), ...all },
      "/fixed/atoms",
      /at most 5 heavy atoms, as model qm9 has; got 6/,
    );
  }));

Deno.test("POST /generate counts the calls of resampling as work", () =>
  withApp(async (app) => {
    const resample = { times: 5, back: 1 }, heavy = { ...asked, steps: 10, fixed: { ...fixed, resample } };
    const response = await post(app, heavy), { detail } = await response.json();
    assert.equal(response.status, 422);
    assert.match(
      detail,
      /count x calls, of steps, resampling and sweeps at worst, may be at most 100 here; given are 3 x 46 = 138/,
    );
    assert.equal((await post(app, { ...heavy, count: 2 })).status, 200);
  }, { maxWork: 100 }));

/** `filter: "sound"` and `include: ["judge"]` of POST /generate. */
import assert from "node:assert/strict";
import { readSdf } from "../../chem/sdf.ts";
import { readXyz } from "../../chem/xyz.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { post, withApp } from "./app_fixture.ts";

const asked = { count: 40, steps: 2, seed: 5, decoding: "valence", clamp: 1 };

Deno.test("POST /generate keeps sound molecules, as they are after refinement where there is one, and says how many", () =>
  withApp(async (app) => {
    const ask = async (more: object) => generateResponse.parse(await (await post(app, { ...asked, ...more })).json());
    for (const refine of ["none", "mmff94"]) {
      const plain = await ask({ refine }), all = await ask({ refine, include: ["judge"] });
      for (const { sound, faults, valid, connected } of all.molecules) {
        assert.equal(faults === null, !valid);
        assert.equal(sound, connected && faults!.length === 0);
      }
      assert.deepEqual(all.molecules.map(({ sound: _, faults: __, ...rest }) => rest), plain.molecules);
      const sound = all.molecules.filter(({ sound }) => sound);
      assert.ok(sound.length > 0 && sound.length < all.molecules.filter(({ valid }) => valid).length);
      const kept = await ask({ refine, filter: "sound" });
      assert.deepEqual(kept.molecules, sound);
      assert.deepEqual([kept.drawn, kept.returned, kept.metrics], [40, sound.length, all.metrics]);
    }
  }));

Deno.test("POST /generate tells soundness and faults in every form, where asked", () =>
  withApp(async (app) => {
    const body = { ...asked, include: ["judge"], refine: "none" };
    const { molecules } = generateResponse.parse(await (await post(app, body)).json());
    const told = molecules.map(({ sound, faults }) => [String(sound), faults?.length ? faults.join(" ") : undefined]);
    assert.ok(told.some(([, faults]) => faults));
    const sdf = readSdf(await (await post(app, body, { accept: "chemical/x-mdl-sdfile" })).text());
    assert.deepEqual(sdf.map(({ data }) => [data.sound, data.faults]), told);
    const xyz = readXyz(await (await post(app, body, { accept: "chemical/x-xyz" })).text());
    assert.deepEqual(
      xyz.map(({ comment }) => [/ sound=(\w+)/.exec(comment)![1], / faults="([^"]*)"/.exec(comment)?.[1]]),
      told,
    );
    const without = await (await post(app, { ...body, include: [] })).text();
    assert.doesNotMatch(without, /sound|faults/);
  }));

Deno.test("POST /generate names the filters that there are", () =>
  withApp(async (app) => {
    const response = await post(app, { ...asked, filter: "sane" });
    assert.equal(response.status, 422);
    const { detail } = await response.json();
    assert.match(detail, /^\/filter: .*none, valid, stable, sound, unique.*; got /);
  }));

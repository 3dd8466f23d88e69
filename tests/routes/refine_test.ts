/** `refine` of POST /generate: what is said of molecules, and that without it nothing is. */
import assert from "node:assert/strict";
import { readSdf } from "../../chem/sdf.ts";
import { readFitted } from "../../chem/mmff94/corrections.ts";
import { REFINES } from "../../chem/refinement/refine.ts";
import { chooseRefine } from "../../model/models/settings.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { post, withApp } from "./app_fixture.ts";

const asked = { count: 12, steps: 2, seed: 5, decoding: "valence", clamp: 1 };

Deno.test("POST /generate with `refine: none` says what it says where nothing is refined, to the last byte", () =>
  withApp(async (app) => {
    for (const accept of ["chemical/x-mdl-sdfile", "chemical/x-xyz", "application/x-ndjson"]) {
      const [none, plain] = await Promise.all(
        [{ ...asked, decoding: "argmax", refine: "none" }, { ...asked, decoding: "argmax" }].map(async (body) => {
          const response = await post(app, body, { accept });
          assert.equal(response.headers.get("molstep-refine"), null);
          return await response.text();
        }),
      );
      assert.equal(none, plain);
      assert.doesNotMatch(none, /strain|refine|repaired|stereoChanged|rmsd/i);
    }
    // The default of many steps, whatever the decoding.
    const many = { ...asked, count: 2, steps: 5 };
    const [body, none] = await Promise.all([many, { ...many, refine: "none" }].map(async (body) => {
      const { molecules } = await (await post(app, body)).json();
      return JSON.stringify(molecules);
    }));
    assert.equal(body, none);
    const text = await (await post(app, { ...asked, refine: "none" })).text();
    assert.doesNotMatch(text, /strain|refine|repaired|stereoChanged|rmsd/i);
  }));

Deno.test("POST /generate refines by `mmff94` where it is asked to, and says so of each molecule in every form", () =>
  withApp(async (app) => {
    const asking = { ...asked, refine: "mmff94" };
    const body = generateResponse.parse(await (await post(app, asking)).json());
    assert.equal(body.refine, "mmff94");
    const raw = generateResponse.parse(await (await post(app, { ...asked, refine: "none" })).json());
    for (
      const [k, { refined, unrefined, strain, rmsd, positions, stereoChanged, repaired }] of body.molecules.entries()
    ) {
      assert.equal(typeof repaired, "boolean");
      if (refined) {
        assert.ok(strain!.before >= strain!.after && strain!.after >= 0 && rmsd! >= 0 && unrefined === undefined);
        if (rmsd! > 0.01) assert.notDeepEqual(positions, raw.molecules[k].positions);
      } else {
        assert.deepEqual([strain, rmsd, stereoChanged], [null, 0, false]);
        assert.ok(unrefined);
        assert.deepEqual(positions, raw.molecules[k].positions);
      }
    }
    assert.ok(body.molecules.some(({ refined }) => refined));
    const sdf = await post(app, asking, { accept: "chemical/x-mdl-sdfile" });
    assert.equal(sdf.headers.get("molstep-refine"), "mmff94");
    for (const [k, { data }] of readSdf(await sdf.text()).entries()) {
      const { refined, strain } = body.molecules[k];
      assert.deepEqual([data.refine, data.refined], ["mmff94", String(refined)]);
      assert.equal(data.strainBefore, strain ? String(strain.before) : undefined);
    }
    const xyz = await (await post(app, asking, { accept: "chemical/x-xyz" })).text();
    assert.equal(xyz.match(/ refined=true/g)?.length ?? 0, body.molecules.filter(({ refined }) => refined).length);
    // Company changes nothing.
    const part = generateResponse.parse(await (await post(app, { ...asking, first: 4, count: 3 })).json());
    const close = part.molecules.map(({ index, strain, refined }) => ({ index, strain, refined }));
    assert.deepEqual(
      close,
      body.molecules.slice(4, 7).map(({ index, strain, refined }) => ({ index, strain, refined })),
    );
  }));

Deno.test("POST /generate refines by `mmff94s`, whose minima and strain are others than those of `mmff94`", () =>
  withApp(async (app) => {
    const [own, plain] = await Promise.all(["mmff94s", "mmff94"].map(async (refine) => {
      const body = generateResponse.parse(await (await post(app, { ...asked, refine })).json());
      assert.equal(body.refine, refine);
      return body.molecules.map(({ strain }) => strain);
    }));
    const both = own.flatMap((strain, k) => strain && plain[k] ? [[strain, plain[k]] as const] : []);
    assert.ok(both.length > 0);
    for (const [{ before, after }] of both) assert.ok(before >= after && after >= 0);
    assert.ok(both.some(([{ before }, { before: other }]) => Math.abs(before - other) > 0.01));
  }));

Deno.test("POST /generate refuses a refinement that there is not", () =>
  withApp(async (app) => {
    const response = await post(app, { ...asked, refine: "uff" });
    assert.equal(response.status, 422);
    assert.match(await response.text(), /refine/);
  }));

Deno.test("chooseRefine() is what the card says, else the fitted force field for a model of QM9 at few steps by `valence`, else none", () => {
  const few = { decoding: "valence", steps: 4 } as const;
  assert.equal(chooseRefine({ dataSet: "qm9" }, few), "mmff94-qm9");
  assert.equal(chooseRefine({ dataSet: "qm9" }, { ...few, steps: 5 }), "none");
  assert.equal(chooseRefine({ dataSet: "qm9" }, { ...few, decoding: "argmax" }), "none");
  assert.equal(chooseRefine({ dataSet: "druglike" }, few), "none");
  for (const refine of REFINES) assert.equal(chooseRefine({ dataSet: "qm9", refine }, few), refine);
});

Deno.test("POST /generate refines by `mmff94-qm9` at few steps, and says which molecules are as near to a minimum as the data", () =>
  withApp(async (app) => {
    const body = generateResponse.parse(await (await post(app, asked)).json());
    assert.equal(body.refine, "mmff94-qm9");
    const raw = generateResponse.parse(await (await post(app, { ...asked, refine: "none" })).json());
    const { strain: enough } = await readFitted();
    assert.ok(body.molecules.some(({ refined }) => refined));
    for (const [k, { refined, strain, positions, unrefined }] of body.molecules.entries()) {
      if (refined) assert.ok(strain!.before > enough - 0.01);
      else {
        assert.ok(unrefined);
        assert.deepEqual(positions, raw.molecules[k].positions);
      }
    }
  }));

/** `where`, `want` and `maxDraws` of POST /generate. */
import assert from "node:assert/strict";
import { createRdkit } from "../../chem/rdkit.ts";
import { readSdf } from "../../chem/sdf.ts";
import { createValidator } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { readXyz } from "../../chem/xyz.ts";
import { createRefiningPool } from "../../model/generation/refiner.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { post, withApp } from "./app_fixture.ts";

type App = Parameters<Parameters<typeof withApp>[0]>[0];

const asked = { steps: 2, seed: 5, decoding: "valence", clamp: 1, refine: "none" };
const where = { molecularWeight: { max: 60 }, forbidden: ["[#7]~[#7]"], radiusOfGyration: { min: 0.5 } };

const ask = async (app: App, more: object) => {
  const response = await post(app, { ...asked, ...more }), json = await response.json();
  assert.equal(response.status, 200, JSON.stringify(json));
  return generateResponse.parse(json);
};
const refused = async (app: App, more: object) => {
  const response = await post(app, { ...asked, ...more });
  assert.equal(response.status, 422);
  return await response.json() as { type: string; detail: string; errors: { path: string; message: string }[] };
};
/** On the engine, whose molecules know no company, so that windows may be small. */
const ENGINE = { place: { backend: "wasm" } } as const;
const sum = (counts: Record<string, number> = {}) => Object.values(counts).reduce((all, n) => all + n, 0);

Deno.test("POST /generate gives back what passes where, with its values, and says by which reason the rest fell out", () =>
  withApp(async (app) => {
    const all = await ask(app, { count: 40, include: ["descriptors"] }), kept = await ask(app, { count: 40, where });
    assert.ok(kept.passed! > 0 && kept.passed! < 40, JSON.stringify(kept.rejected));
    assert.deepEqual([kept.drawn, kept.returned, kept.passed! + sum(kept.rejected)], [40, kept.passed, 40]);
    assert.deepEqual(kept.metrics, all.metrics);
    assert.equal(kept.ended, undefined);
    const invalid = all.molecules.filter(({ valid }) => !valid).length;
    const heavy = all.molecules.filter(({ descriptors }) => descriptors && descriptors.molecularWeight > 60).length;
    assert.deepEqual([kept.rejected!.invalid ?? 0, kept.rejected!.molecularWeight], [invalid, heavy]);
    for (const { values, ...molecule } of kept.molecules) {
      const { descriptors, ...plain } = all.molecules.find(({ index }) => index === molecule.index)!;
      assert.deepEqual(molecule, plain);
      assert.deepEqual(Object.keys(values!), ["molecularWeight", "radiusOfGyration"]);
      assert.equal(values!.molecularWeight, descriptors!.molecularWeight);
      assert.ok(values!.radiusOfGyration >= 0.5);
    }
    const plain = await ask(app, { count: 3 });
    assert.deepEqual([plain.passed, plain.rejected, plain.ended, plain.molecules[0].values], Array(4).fill(undefined));
  }));

Deno.test("POST /generate with want draws until so many pass, the same molecules as a larger drawing begins with", () =>
  withApp(async (app) => {
    const all = await ask(app, { count: 40, where }), want = all.returned - 1;
    const some = await ask(app, { want, where }), last = some.molecules.at(-1)!;
    assert.deepEqual(some.molecules, all.molecules.slice(0, want));
    assert.deepEqual([some.ended, some.passed, some.drawn], ["want", want, last.index + 1]);
    assert.equal(some.drawn - want, sum(some.rejected));
    const few = await ask(app, { want: all.returned + 1, maxDraws: 40, where });
    assert.deepEqual([few.ended, few.molecules, few.rejected], ["maxDraws", all.molecules, all.rejected]);
    // By other rules than where, too: duplicates and filters have their reasons.
    const unique = await ask(app, { want: 6, unique: "flat", filter: "stable" });
    assert.equal(new Set(unique.molecules.map(({ inchikey }) => inchikey!.split("-")[0])).size, 6);
    assert.equal(unique.drawn, 6 + sum(unique.rejected));
    assert.deepEqual(
      Object.keys(unique.rejected!).filter((reason) => !["invalid", "unstable", "duplicate"].includes(reason)),
      [],
    );
  }, ENGINE));

Deno.test("POST /generate ends NDJSON with the counts, and SDF and XYZ where fewer are there than wanted", () =>
  withApp(async (app) => {
    const text = async (more: object, accept: string) =>
      (await post(app, { ...asked, where, ...more }, { accept })).text();
    const { molecules, drawn, passed, rejected } = await ask(app, { want: 3, where });
    const lines = (await text({ want: 3 }, "application/x-ndjson")).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    assert.deepEqual(lines, [...molecules, { drawn, passed, rejected, ended: "want" }]);
    const counted = (await text({ count: 5 }, "application/x-ndjson")).trimEnd().split("\n").at(-1)!;
    assert.deepEqual(Object.keys(JSON.parse(counted)), ["drawn", "passed", "rejected"]);
    const sdf = readSdf(await text({ want: 3 }, "chemical/x-mdl-sdfile"));
    assert.deepEqual(
      sdf.map(({ data }) => data.molecularWeight),
      molecules.map(({ values }) => String(values!.molecularWeight)),
    );
    const none = { want: 2, maxDraws: 4, where: { molecularWeight: { min: 1e6 } } };
    const [{ molecule, data }] = readSdf(await text(none, "chemical/x-mdl-sdfile"));
    assert.equal(molecule.atomicNumbers.length, 0);
    assert.deepEqual([data.ended, data.drawn, data.passed], ["maxDraws", "4", "0"]);
    assert.equal(sum(JSON.parse(data.rejected)), 4);
    const frames = readXyz(await text(none, "chemical/x-xyz"));
    assert.match(frames.at(-1)!.comment, /^ended="maxDraws" drawn=4 passed=0 rejected="/);
  }, ENGINE));

Deno.test("POST /generate refuses a where that is none, with the place and what there is", () =>
  withApp(async (app) => {
    const unknown = await refused(app, { count: 1, where: { logp: { max: 3 } } });
    assert.match(unknown.detail, /^\/where: unknown key logp; allowed are .*logP.*qed.*radiusOfGyration.*sound$/);
    const smarts = await refused(app, { count: 1, where: { required: ["C", "C1CC"] } });
    assert.deepEqual(smarts.errors, [{
      path: "/where/required/1",
      message: 'must be SMARTS; got "C1CC": unclosed ring',
    }]);
    assert.match(smarts.type, /invalid-request$/);
    assert.match(
      (await refused(app, { count: 1, where: { forbidden: ["C.C"] } })).detail,
      /\/where\/forbidden\/0: must be SMARTS of one/,
    );
    assert.match((await refused(app, {})).detail, /\/count: count or want must be given/);
    assert.match((await refused(app, { count: 1, want: 1 })).detail, /and not both/);
    assert.match((await refused(app, { count: 1, maxDraws: 1 })).detail, /\/maxDraws: must come with want/);
    assert.match((await refused(app, { want: 3, maxDraws: 2 })).detail, /\/maxDraws: must be at least want/);
    assert.match(
      (await refused(app, { want: 1, maxDraws: 60 })).detail,
      /maxDraws x steps may be at most 100 here; given are 60 x 2/,
    );
    assert.match((await refused(app, { want: 51 })).detail, /want x steps may be at most 100 here/);
    assert.equal((await ask(app, { want: 1, where: { molecularWeight: { min: 1e6 } } })).drawn, 50);
  }, { maxWork: 100 }));

Deno.test("POST /generate gives back what passed by the deadline, and says that it was that", async () => {
  const validate = createValidator(await createRdkit());
  // Judges the first window; of what comes then nothing.
  let windows = 0;
  const stalling: BatchValidator = {
    judge: (molecules, options, { signal, last } = {}) => {
      if (windows > 0) {
        return new Promise((_, reject) =>
          signal!.addEventListener("abort", () => reject(signal!.reason), { once: true })
        );
      }
      if (last && molecules.length > 0) windows++;
      return Promise.resolve({ validations: molecules.map((one) => validate(one, options)), ms: 0 });
    },
  };
  await withApp(async (app) => {
    const light = { molecularWeight: { max: 40 } }, whole = { ...asked, steps: 1, decoding: "argmax", clamp: 0 };
    const began = performance.now(), trial = await ask(app, { ...whole, count: 256, where: light });
    assert.ok(trial.returned < 255);
    const late = { ...whole, want: 255, where: light, timeoutMs: Math.ceil(2 * (performance.now() - began)) + 500 };
    windows = 0;
    const { drawn, passed, rejected, ended, molecules } = await ask(app, late);
    assert.deepEqual([drawn, passed, ended], [256, trial.passed, "deadline"]);
    assert.deepEqual([molecules, rejected], [trial.molecules, trial.rejected]);
    windows = 0;
    const text = await (await post(app, late, { accept: "application/x-ndjson" })).text();
    assert.deepEqual(JSON.parse(text.trimEnd().split("\n").at(-1)!), { drawn, passed, rejected, ended: "deadline" });
    const early = await post(app, { ...late, timeoutMs: 1 });
    assert.equal(early.status, 504);
  }, { validate: () => Promise.resolve(stalling) });
});

Deno.test("POST /generate filters alike on the main thread and in workers: soundness, alerts and strain of refined molecules", async () => {
  const validate = createValidator(await createRdkit()), found: unknown[] = [];
  const body = {
    count: 24,
    refine: "mmff94",
    where: {
      sound: true,
      alerts: ["pains"],
      strainBefore: { max: 200 },
      strainAfter: { max: 20 },
      forbidden: ["[#7]~[#8]"],
    },
  };
  for (const workers of [0, 1]) {
    const pool = createRefiningPool({ validate, workers, piece: 2 });
    try {
      await pool.warm();
      await withApp(async (app) => {
        const { molecules, rejected } = await ask(app, body);
        found.push({ molecules, rejected });
        assert.match(
          (await refused(app, { count: 1, where: { required: ["("] } })).detail,
          /^\/where\/required\/0: must be SMARTS; got "\("/,
        );
        for (const { sound, strain, values } of molecules) {
          assert.equal(sound, true);
          if (strain) {
            assert.ok(
              Math.abs(values!.strainAfter - strain.after) < 0.01 &&
                Math.abs(values!.strainBefore - strain.before) < 0.01,
            );
          }
        }
      }, { validate: () => Promise.resolve(pool) });
    } finally {
      pool.close();
    }
  }
  assert.deepEqual(found[1], found[0]);
  const [{ molecules, rejected }] = found as { molecules: unknown[]; rejected: Record<string, number> }[];
  assert.ok(molecules.length > 0 && Object.keys(rejected).length > 1, JSON.stringify(rejected));
});

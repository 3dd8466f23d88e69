import assert from "node:assert/strict";
import { readSdf } from "../../../chem/sdf.ts";
import { readXyz } from "../../../chem/xyz.ts";
import { type Origin, toFault, toRecord } from "../../../model/generation/formats.ts";
import type { GeneratedMolecule } from "../../../model/generation/pipeline.ts";
import { NAME_MAX } from "../../../model/models/card.ts";
import { VERSION } from "../../../model/models/version.ts";

/** Hydrogen fluoride, and what is said of it. */
const generated = (smiles: string, index = 0): GeneratedMolecule => ({
  index,
  decoding: "argmax",
  molecule: { atomicNumbers: Uint8Array.of(1, 9), positions: Float32Array.of(0, 0, 0, 0.92, 0, 0) },
  validation: {
    ...{ valid: true, stable: true, stableAtoms: 2, atoms: 2, connected: true, fragments: 1 },
    ...{ edmSmiles: smiles, smiles, inchikey: null, bonds: [{ i: 0, j: 1, order: 1 }] },
  },
});

const ORIGIN: Origin = {
  ...{ model: "qm9", version: "6", weights: "b19891", sampler: "consistency", steps: 16, seed: 4294967295 },
};

Deno.test("toRecord() gives SDF and molblocks titles of seed and index, whatever the name of the model", () => {
  const origin = { ...ORIGIN, model: "m".repeat(NAME_MAX) };
  const [{ title, data }] = readSdf(toRecord("sdf", generated("F", 9_999_999), [], origin));
  assert.equal(title, "molstep-4294967295-9999999");
  assert.equal(data.model, origin.model);
  const { molblock } = JSON.parse(toRecord("ndjson", generated("F"), ["molblock"], origin));
  assert.match(molblock, /^molstep-4294967295-0\n/);
});

Deno.test("toRecord() says in SDF's data fields where a molecule came from and what it is", () => {
  const [{ data }] = readSdf(toRecord("sdf", generated("F", 7), [], ORIGIN));
  assert.deepEqual(data, {
    ...{ model: "qm9", version: "6", weights: "b19891", sampler: "consistency", steps: "16", seed: "4294967295" },
    ...{
      index: "7",
      valid: "true",
      stable: "true",
      connected: "true",
      decoding: "argmax",
      smiles: "F",
      molstep: VERSION,
    },
  });
  const { weights: _, ...unknown } = ORIGIN;
  assert.ok(!("weights" in readSdf(toRecord("sdf", generated("F"), [], unknown))[0].data));
});

/** Nitrous oxide, bonds as distances give them. */
const laughing: GeneratedMolecule = {
  ...generated("N#[N+][O-]"),
  molecule: { atomicNumbers: Uint8Array.of(7, 7, 8), positions: Float32Array.of(0, 0, 0, 1.13, 0, 0, 2.31, 0, 0) },
  validation: {
    ...generated("N#[N+][O-]").validation,
    bonds: [{ i: 0, j: 1, order: 3 }, { i: 1, j: 2, order: 2 }],
  },
};

Deno.test("toRecord() writes charges in SDF and molblocks where perceived bonds mean some, and a graph's own as they are", () => {
  const [{ molecule, bonds }] = readSdf(toRecord("sdf", laughing, [], ORIGIN));
  assert.deepEqual([[...molecule.charges!], bonds.map(({ order }) => order)], [[-1, 1, 0], [2, 2]]);
  const { molblock, bonds: perceived } = JSON.parse(toRecord("ndjson", laughing, ["molblock", "bonds"], ORIGIN));
  assert.match(molblock, /^M {2}CHG {2}2 {3}1 {2}-1 {3}2 {3}1$/m);
  assert.deepEqual(perceived, laughing.validation.bonds);
  const known = { ...laughing, molecule: { ...laughing.molecule, bonds: laughing.validation.bonds } };
  assert.equal(readSdf(toRecord("sdf", known, [], ORIGIN))[0].molecule.charges, undefined);
});

/** The `key=value` pairs of a comment by the grammar of extended XYZ: bare values, and quoted ones with escapes. */
const pairsOf = (comment: string) => {
  const pair = /([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|([\w.+-]+))(?: |$)/gy,
    pairs: [string, string | number | boolean][] = [];
  for (let found; pair.lastIndex < comment.length;) {
    assert.ok(found = pair.exec(comment), `${comment} has pairs only`);
    const [, key, text, bare] = found;
    pairs.push([key, text === undefined ? JSON.parse(bare) : text.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c)]);
  }
  return Object.fromEntries(pairs);
};

Deno.test("toRecord() gives XYZ comments whose text is in quotes, escapes and all, as extended XYZ has it", () => {
  for (const smiles of ["F", "C", "[H]/N=C\\C", "[O-][N+](=O)c1ccccc1", "C#N"]) {
    for (const version of ["4", "a b", 'the "best"', "back\\slash", "{1, 2}"]) {
      const [{ comment }] = readXyz(toRecord("xyz", generated(smiles), [], { ...ORIGIN, version, seed: 7 }));
      assert.deepEqual(pairsOf(comment), {
        ...{
          model: "qm9",
          version,
          seed: 7,
          index: 0,
          valid: true,
          stable: true,
          connected: true,
          decoding: "argmax",
          smiles,
        },
      });
    }
  }
});

Deno.test("toFault() is a record of the form: an object, or a molecule of no atoms, that says what is wrong", () => {
  const fault = { error: 'the "deadline" has passed', drawn: 256, count: 600 };
  assert.deepEqual(JSON.parse(toFault("ndjson", fault)), fault);
  assert.ok(toFault("ndjson", fault).endsWith("}\n"));
  const [{ title, data, molecule }] = readSdf(toFault("sdf", fault));
  assert.deepEqual([title, molecule.atomicNumbers.length], ["error", 0]);
  assert.deepEqual(data, { error: fault.error, drawn: "256", count: "600" });
  const [frame] = readXyz(toFault("xyz", fault));
  assert.equal(frame.comment, 'error="the \\"deadline\\" has passed" drawn=256 count=600');
  assert.equal(frame.molecule.atomicNumbers.length, 0);
});

import assert from "node:assert/strict";
import { readSdf } from "../../../chem/sdf.ts";
import { readXyz } from "../../../chem/xyz.ts";
import { toFault, toRecord } from "../../../model/generation/formats.ts";
import type { GeneratedMolecule } from "../../../model/generation/pipeline.ts";
import { NAME_MAX } from "../../../model/models/card.ts";

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

Deno.test("toRecord() gives SDF and molblocks whatever the name of the model: the title is cut in the name, and keeps seed and index", () => {
  const origin = { model: "m".repeat(NAME_MAX), version: "1", seed: 4294967295 };
  const [{ title, data }] = readSdf(toRecord("sdf", generated("F", 9_999_999), [], origin));
  assert.match(title, /^m{41,} seed 4294967295 molecule 9999999$/);
  assert.equal(title.length, 80);
  assert.equal(data.model, origin.model);
  const { molblock } = JSON.parse(toRecord("ndjson", generated("F"), ["molblock"], origin));
  assert.match(molblock, /^m+ seed 4294967295 molecule 0\n/);
  const [short] = readSdf(toRecord("sdf", generated("F", 1), [], { ...origin, model: "qm9" }));
  assert.equal(short.title, "qm9 seed 4294967295 molecule 1");
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
      const [{ comment }] = readXyz(toRecord("xyz", generated(smiles), [], { model: "qm9", version, seed: 7 }));
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

import assert from "node:assert/strict";
import { DATA_SETS, digestIfThere, openDataSet, openIfThere } from "../../chem/data_sets.ts";
import { QM9_WORDS } from "../../chem/qm9.ts";
import { druglike, DRUGLIKE_SDF } from "./druglike.ts";

Deno.test("an SDF file is a data set: molecules with their graphs, and a split of which each row is in one part", async () => {
  const path = await Deno.makeTempFile({ suffix: ".sdf" }), text = await Deno.readTextFile(DRUGLIKE_SDF);
  try {
    await Deno.writeTextFile(path, text + text);
    const data = await openDataSet("sdf", path), known = [...druglike(), ...druglike()];
    assert.equal(data.atomCounts.length, 12);
    assert.deepEqual(Array.from(data.split.valid), [8]);
    assert.deepEqual(Array.from(data.split.test), [9]);
    assert.deepEqual([...data.split.train, ...data.split.valid, ...data.split.test].sort((a, b) => a - b), [
      ...known.keys(),
    ]);
    known.forEach(({ molecule }, row) => assert.deepEqual(data.molecule(row), molecule));
    assert.throws(() => data.molecule(12), /rows go from 0 to 11; got 12/);
    await Deno.writeTextFile(path, "");
    await assert.rejects(openDataSet("sdf", path), /at least one molecule is needed; it has none/);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a data set that is not named is looked for; one that nobody can find says what it needs", async () => {
  await assert.rejects(openDataSet("sdf"), /needs the path of a file/);
  assert.equal(await openIfThere("sdf"), undefined);
  await assert.rejects(openIfThere("qm9", "/nowhere"), Deno.errors.NotFound);
  assert.deepEqual([DATA_SETS.qm9.label, DATA_SETS.qm9.chemistry], [QM9_WORDS.label, QM9_WORDS.chemistry]);
});

Deno.test("digestIfThere() tells data sets apart by what is in them, wherever they lie", async () => {
  const [one, other] = [await Deno.makeTempFile(), await Deno.makeTempFile()];
  try {
    await Deno.writeTextFile(one, "abc");
    await Deno.writeTextFile(other, "abc");
    const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4's own example
    assert.deepEqual([await digestIfThere("sdf", one), await digestIfThere("sdf", other)], [known, known]);
    await Deno.writeTextFile(other, "abd");
    assert.notEqual(await digestIfThere("sdf", other), known);
    assert.equal(await digestIfThere("sdf"), undefined);
  } finally {
    for (const path of [one, other]) await Deno.remove(path);
  }
});

import assert from "node:assert/strict";
import { perceiveBonds } from "../../../chem/bonds.ts";
import { EDM } from "../../../chem/chemistry.ts";
import type { Molecule } from "../../../chem/molecule.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { withRefinement } from "../../../chem/refinement/refining.ts";
import { superposedRmsd } from "../../../chem/refinement/rmsd.ts";
import { createValidator, type Validation } from "../../../chem/validator.ts";
import { loadModel } from "../../../model/models/load.ts";
import { acceptOrder } from "../../../model/generation/order.ts";
import { generateMolecules } from "../../../model/generation/pipeline.ts";
import { createRefiningPool, openRefiner } from "../../../model/generation/refiner.ts";
import { chiral, ethane, joined, methane, molecule, moved } from "../molecules.ts";

const validate = createValidator(await createRdkit()),
  refine = await openRefiner(),
  both = withRefinement(validate, { open: openRefiner });

/** Molecules of the shipped model, as it draws them. */
const drawn = await (async () => {
  const model = await loadModel("weights/qm9", { backend: "wasm" });
  try {
    const request = acceptOrder(model.card, { count: 100, steps: 8, seed: 41 });
    return (await Array.fromAsync(generateMolecules(model, request, { validate }).windows)).flat();
  } finally {
    model.dispose();
  }
})();

const refined = drawn.map(({ molecule }) => refine(molecule, perceiveBonds(molecule), EDM, "mmff94"));

Deno.test("createRefiner() keeps the graph of EDM's bonds in 99 % of drawn molecules at least, and says where it does not", () => {
  const kept = refined.filter((done, k) => {
    if (!done.refined) return false;
    const { molecule } = drawn[k], positions = done.positions;
    assert.deepEqual(perceiveBonds({ ...molecule, positions }), perceiveBonds(molecule));
    return true;
  });
  assert.ok(kept.length >= 0.99 * drawn.length, `${kept.length} of ${drawn.length}`);
});

Deno.test("createRefiner() says strains that are not negative, and fall", () => {
  for (const done of refined) {
    if (!done.refined) continue;
    const { strain: { before, after }, rmsd } = done;
    assert.ok(after >= 0 && after <= before && rmsd >= 0, `${before} ${after} ${rmsd}`);
  }
  const before = refined.map((done) => done.refined ? done.strain.before : 0).sort((a, b) => a - b);
  assert.ok(before[50] > 1, `median ${before[50]}`);
});

Deno.test("createRefiner() leaves a molecule that is refined where it is", () => {
  refined.forEach((done, k) => {
    if (!done.refined || done.strain.after > 0.01) return;
    const again = refine({ ...drawn[k].molecule, positions: done.positions }, drawn[k].validation.bonds, EDM, "mmff94");
    assert.ok(again.refined && again.rmsd < 0.01 && superposedRmsd(done.positions, again.positions) < 0.01);
  });
});

Deno.test("withRefinement() gives back a molecule that cannot be refined as it was, and says why", async () => {
  const radical = methane();
  const lacking: Molecule = {
    atomicNumbers: radical.atomicNumbers.slice(0, 4),
    positions: radical.positions.slice(0, 12),
  };
  const hydrogen = molecule(["H", 0, 0, 0], ["H", 0.74, 0, 0]);
  const heap = molecule(["C", 0, 0, 0], ["C", 0.5, 0, 0], ["C", 0, 0.5, 0], ["C", 0, 0, 0.5]);
  for (const [one, reason] of [[lacking, "types"], [hydrogen, "types"], [heap, "invalid"]] as const) {
    const { refinement, ...rest } = await both(one, { refine: "mmff94" });
    assert.deepEqual(refinement, { refined: false, reason });
    assert.deepEqual(rest, validate(one));
  }
});

Deno.test("withRefinement() tells of the refined molecule: stereo as its positions have it, and whether it is another", async () => {
  for (const one of [chiral(), chiral(true), ethane(), joined(methane(), moved(ethane()), 20)]) {
    const { refinement, ...rest } = await both(one, { refine: "mmff94" }) as Validation;
    assert.ok(refinement?.refined);
    assert.deepEqual(rest, validate({ ...one, positions: refinement.positions }));
    assert.equal(refinement.stereoChanged, rest.smiles !== validate(one).smiles);
  }
});

Deno.test("a validator without a refiner refuses to refine, and none is as if nothing was said", async () => {
  assert.throws(() => validate(methane(), { refine: "mmff94" }), /refine must be none of a validator without/);
  assert.deepEqual(await both(methane(), { refine: "none" }), validate(methane()));
  assert.deepEqual(validate(methane(), { refine: "none" }), validate(methane()));
});

Deno.test("withRefinement() measures the strain of the positions it speaks of, also where refining breaks the graph, and of molecules with types alone", async () => {
  for (const [k, { molecule }] of drawn.slice(0, 20).entries()) {
    const { strain, ...rest } = await both(molecule, { strain: true });
    assert.deepEqual(rest, validate(molecule));
    const done = refined[k];
    if (rest.valid) assert.ok(strain! >= 0);
    if (done.refined && rest.valid) assert.ok(Math.abs(strain! - done.strain.before) < 0.01, `${strain}`);
    const after = await both(molecule, { strain: true, refine: "mmff94" });
    if (done.refined && rest.valid) assert.ok(after.strain! < strain! + 0.01, `${after.strain}`);
  }
  assert.equal((await both(molecule(["H", 0, 0, 0], ["H", 0.74, 0, 0]), { strain: true })).strain, undefined);
  assert.throws(() => validate(methane(), { strain: true }), /strain must be false of a validator without a refiner/);
});

Deno.test("createRefiningPool() refines in workers alone, to the last bit as here, whatever the company", async () => {
  const molecules = drawn.slice(0, 12).map(({ molecule }) => molecule), judged: Molecule[] = [];
  const pool = createRefiningPool({
    workers: 1,
    validate(one, options) {
      judged.push(one);
      return validate(one, options);
    },
  });
  try {
    const { validations } = await pool.judge(molecules, { refine: "mmff94" }, { last: true, alone: true });
    const [one] = (await pool.judge([molecules[5]], { refine: "mmff94" }, { last: true, alone: true })).validations;
    assert.equal(judged.length, 0);
    const here = await Promise.all(molecules.map((one) => both(one, { refine: "mmff94" })));
    assert.deepEqual(validations, here);
    assert.deepEqual(one, here[5]);
  } finally {
    pool.close();
  }
});

Deno.test("createRefiningPool() begins no molecule after its signal is aborted", async () => {
  const abort = new AbortController();
  let judged = 0;
  const pool = createRefiningPool({
    workers: 0,
    validate(one, options) {
      if (++judged === 3) abort.abort(new Error("enough"));
      return validate(one, options);
    },
  });
  const molecules = drawn.slice(0, 8).map(({ molecule }) => molecule);
  await assert.rejects(pool.judge(molecules, { refine: "mmff94" }, { signal: abort.signal }), /enough/);
  const after = judged;
  await new Promise((resolve) => setTimeout(resolve, 300));
  // The second molecule is judged again where it stands then; no third is begun.
  assert.ok(judged <= 4 && judged - after <= 1, `${judged}`);
});

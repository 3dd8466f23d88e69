import assert from "node:assert/strict";
import { CHEMISTRIES } from "../../../chem/chemistry.ts";
import type { Estimate } from "../../../chem/judge/bootstrap.ts";
import type { Molecule } from "../../../chem/molecule.ts";
import type { DataSet } from "../../../chem/data_set.ts";
import { QM9_WORDS } from "../../../chem/qm9.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { withRefinement } from "../../../chem/refinement/refining.ts";
import { createValidator, type Validate, type Validation } from "../../../chem/validator.ts";
import { evaluate, type Judgement } from "../../../model/evaluation/evaluate.ts";
import {
  findReference,
  makeReference,
  readReference,
  REFERENCE_FILE,
  TRAINING_SMILES_FILE,
} from "../../../model/evaluation/evaluate_reference.ts";
import { refinementLine, summariseRefinement } from "../../../model/evaluation/evaluate_refined.ts";
import { evaluationChart, evaluationTable } from "../../../model/evaluation/evaluate_report.ts";
import { openRefiner } from "../../../model/generation/refiner.ts";
import { ethane, methane, molecule } from "../../chem/molecules.ts";

const water = () => molecule(["O", 0, 0, 0], ["H", 0.96, 0, 0], ["H", -0.24, 0.93, 0]);
/** Valid (RDKit adds what is missing) but not stable. */
const hydroxyl = () => molecule(["O", 0, 0, 0], ["H", 0.96, 0, 0]);
/** Not valid: hydrogen with two bonds. */
const broken = () => molecule(["H", 0, 0, 0], ["H", 0.74, 0, 0], ["H", -0.74, 0, 0]);

/** A data set of these molecules, the first half for training, the rest the test. */
function dataSet(molecules: Molecule[]): DataSet {
  const half = molecules.length / 2, rows = Int32Array.from(molecules.keys());
  return {
    name: "qm9",
    classes: QM9_WORDS.classes,
    label: "Tiny",
    description: "a test's molecules",
    splitWords: "halves",
    chemistry: "edm",
    atomCounts: Uint8Array.from(molecules, (one) => one.atomicNumbers.length),
    split: { train: rows.slice(0, half), valid: new Int32Array(), test: rows.slice(half) },
    molecule: (row) => molecules[row],
  };
}

let loaded: Promise<Validate> | undefined;
const validator = () => loaded ??= createRdkit().then(createValidator);

async function* stream(molecules: Molecule[], batch = 3): AsyncGenerator<Judgement[]> {
  const validate = await validator();
  for (let from = 0; from < molecules.length; from += batch) {
    yield molecules.slice(from, from + batch).map((molecule) => ({ molecule, validation: validate(molecule) }));
  }
}

/** The reference of training on methane and water, tested on methane and ethane, written to disk and read again. */
async function withReference(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const qm9 = dataSet([methane(), water(), methane(), ethane()]);
    const validate = withRefinement(await validator(), { open: openRefiner });
    for (const [name, bytes] of await makeReference(qm9, { validate })) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const settings = { model: "m", steps: 16, sampler: "ddim", seed: 1, count: 5 };
const drawn = () => [methane(), ethane(), ethane(), hydroxyl(), broken()];

Deno.test("evaluate() counts metrics over all that was drawn, and novelty against the training molecules", async () => {
  await withReference(async (folder) => {
    const reference = await readReference(folder);
    const { metrics, distances, data, examples } = await evaluate(stream(drawn()), { settings, reference });
    assert.equal(metrics.validity.value, 4 / 5);
    assert.equal(metrics.moleculeStability.value, 3 / 5);
    assert.equal(metrics.uniqueness.value, 3 / 4);
    assert.equal(metrics.validUnique.value, 3 / 5);
    // Of methane, ethane and the hydroxyl only methane was trained on.
    assert.equal(metrics.novelty!.value, 2 / 3);
    assert.ok(metrics.validity.low < 0.8 && metrics.validity.high > 0.8);
    assert.equal(examples.length, 4);
    assert.equal(data!.metrics.novelty!.value, 1 / 2);
    assert.ok(distances!.elements! > 0 && distances!.atomsPerMolecule! > 0);
  });
});

/** The same, judged; the valid ones with this said of them. */
async function* judged(
  molecules: Molecule[],
  more: (molecule: Molecule, k: number) => Partial<Validation> = refinedBy,
): AsyncGenerator<Judgement[]> {
  const validate = await validator();
  yield molecules.map((molecule, k) => {
    const validation = validate(molecule, { judge: true });
    return { molecule, validation: { ...validation, ...(validation.valid && more(molecule, k)) }, repaired: k === 0 };
  });
}

const refinedBy = ({ positions }: Molecule, k: number): Partial<Validation> => ({
  refinement: { refined: true, strain: { before: k, after: k / 2 }, rmsd: k / 8, positions, stereoChanged: false },
});

Deno.test("evaluate() sums up what the judge finds, beside the data's own", () =>
  withReference(async (folder) => {
    const reference = await readReference(folder), result = await evaluate(judged(drawn()), { settings, reference });
    const { judge, judgeDistances, composition, data } = result;
    // Methane, ethane twice and the hydroxyl are valid, of one fragment, and have no fault.
    assert.deepEqual([judge!.sound.value, judge!.sound.n], [4 / 5, 5]);
    assert.deepEqual([judge!.soundOfConnected.value, judge!.soundOfConnected.n], [1, 4]);
    assert.equal(judge!.bondsAgree.value, 1);
    assert.equal(judge!.known!.value, 1 / 4, "methane was trained on");
    // Ethane's carbons and the hydroxyl's oxygen are none of methane's or water's atoms.
    assert.equal(judge!.newMotif!.value, 3 / 4);
    assert.deepEqual([judge!.repaired!.value, judge!.scaffolds.n, judge!.twistedAlkenes.n], [1 / 5, 0, 0]);
    assert.deepEqual([judge!.strain!.before.median.value, judge!.strain!.after!.median.value], [1.5, 0.75]);
    assert.equal(composition!.acyclic.n, 4);
    assert.deepEqual([data!.judge!.sound.value, data!.judge!.newMotif!.value], [1, 1 / 2]);
    // All are acyclic, and there are no other groups: no distance. logP differs.
    assert.equal(judgeDistances!.groups.value, 0);
    assert.ok(judgeDistances!.descriptors.logP.value > 0.1 && judgeDistances!.descriptors.fractionCsp3.value > 0);
    const table = evaluationTable(result);
    assert.match(table, /^sound, of all\s+80\.00\s+37\.55 to 96\.38\s+100\.00$/m);
    assert.match(table, /^logP \(W1\)\s+\d\.\d{3}\s+\d\.\d{3} to \d\.\d{3}\s+\d\.\d{3}$/m);
    assert.match(
      table,
      /^as drawn\s+1\.5 \(.*\)\s+2\.7 \(.*\)\s+4 of 4\nrefined\s+0\.8 \(.*\)\s+1\.4 \(.*\)\s+4 of 4$/m,
    );
    assert.ok(!/NaN|undefined/.test(table));
    assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
  }));

Deno.test("evaluate() tells the strain of molecules as drawn by itself, and of how many of the valid", async () => {
  const measured = (_: Molecule, k: number) => k === 1 ? {} : { strain: 10 * k };
  const result = await evaluate(judged(drawn(), measured), { settings }), { before, after } = result.judge!.strain!;
  assert.deepEqual([before.median.value, before.ninety.value, before.n, after], [20, 28, 3, undefined]);
  assert.match(
    evaluationTable(result),
    /^strain by mmff94, kcal\/mol +median.*n, of the valid\nas drawn\s+20\.0 \(.*\)\s+28\.0 \(.*\)\s+3 of 4$/m,
  );
});

Deno.test("evaluationTable() has the data's own strain beside MMFF94's, and beside no other force field's", () =>
  withReference(async (folder) => {
    const reference = await readReference(folder), measured = () => ({ strain: 10 });
    const refiner = await openRefiner(), validate = await validator();
    const own = [methane(), ethane()].map((one) => refiner.strainOf(one, validate(one).bonds, CHEMISTRIES.edm)!);
    const result = await evaluate(judged(drawn(), measured), { settings, reference }), { data } = result;
    const { median, ninety, n } = data!.judge!.strain!.before;
    assert.equal(n, 2);
    assert.ok(Math.abs(median.value - (own[0] + own[1]) / 2) < 1e-9 && ninety.value > median.value, `${own}`);
    const text = ({ value, low, high }: Estimate) => `${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
    const row = evaluationTable(result).split("\n").find((line) => line.startsWith("Tiny test "))!;
    assert.deepEqual(row.split(/ {2,}/), ["Tiny test", text(median), text(ninety), "2 of 2"]);
    for (const [refine, shown] of [["mmff94", true], ["mmff94-qm9", false]] as const) {
      const table = evaluationTable({ ...result, settings: { ...settings, refine } });
      assert.equal(/^Tiny test /m.test(table), shown, refine);
    }
  }));

Deno.test("evaluate() counts distinct molecules by InChIKey, too, where there are any, beside the data's own", () =>
  withReference(async (folder) => {
    const reference = await readReference(folder);
    const { metrics, data, ...rest } = await evaluate(stream(drawn()), { settings, reference });
    // Ethane twice; RDKit fills the hydroxyl up to water.
    assert.deepEqual([metrics.uniquenessByInchikey!.value, metrics.validUniqueByInchikey!.value], [3 / 4, 3 / 5]);
    assert.deepEqual([data!.metrics.uniquenessByInchikey!.value, data!.metrics.uniquenessByInchikey!.n], [1, 2]);
    const table = evaluationTable({ metrics, data, ...rest });
    assert.match(table, /^uniqueness by InChIKey \(of valid\)\s+75\.00\s.*\s100\.00$/m);
    assert.match(table, /^valid x unique by InChIKey\s+60\.00\s.*\s100\.00$/m);
  }));

Deno.test("refinementLine() tells moves by the judge's quantiles, and leaves strain to the table", async () => {
  const validations = (await Array.fromAsync(judged(drawn()))).flat().map(({ validation }) => validation);
  const summary = summariseRefinement(validations);
  assert.deepEqual([summary.refined, summary.rmsd!.n], [4, 4]);
  assert.equal(
    refinementLine(summary, 5),
    "refined: 4 of 5; moved (median / 90 %) 0.188 / 0.338 angstrom; stereo changed in 0",
  );
  assert.deepEqual(summariseRefinement([{}]), { refined: 0, stereoChanged: 0, rmsd: null });
});

Deno.test("evaluate() finds no distance between the test split and itself", async () => {
  await withReference(async (folder) => {
    const reference = await readReference(folder);
    const { distances } = await evaluate(stream([methane(), ethane()]), {
      settings: { ...settings, count: 2 },
      reference,
    });
    const { lengthsByKind, anglesByKind, ringSizes, ...rest } = distances!;
    assert.deepEqual(Object.values(rest), [0, 0, 0, 0, 0, 0]);
    assert.equal(ringSizes, null); // no rings on either side
    assert.ok([...lengthsByKind, ...anglesByKind].every(({ wasserstein }) => wasserstein === 0));
  });
});

Deno.test("evaluate() leaves distances and novelty out without a reference", async () => {
  const result = await evaluate(stream(drawn()), { settings });
  assert.deepEqual([result.distances, result.data, result.metrics.novelty], [undefined, undefined, undefined]);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
});

Deno.test("evaluate() takes speed from the time in sampling where it is told", async () => {
  const { moleculesPerSecond } = await evaluate(stream(drawn()), { settings, generationMs: () => 2000 });
  assert.equal(moleculesPerSecond, 2.5);
});

Deno.test("evaluate() refuses to pass fewer molecules for the number asked for, and stops when told to", async () => {
  await assert.rejects(evaluate(stream(drawn().slice(1)), { settings }), /expected 5 molecules; got 4/);
  await assert.rejects(evaluate(stream(drawn()), { settings: { ...settings, count: 0 } }), /count must be a positive/);
  const stop = new AbortController(), seen: number[] = [];
  const onProgress = (done: number) => {
    seen.push(done);
    stop.abort();
  };
  await assert.rejects(evaluate(stream(drawn()), { settings, onProgress, signal: stop.signal }), {
    name: "AbortError",
  });
  assert.deepEqual(seen, [3]);
});

Deno.test("evaluationTable() and evaluationChart() tell the rates with their intervals and the data's own", async () => {
  await withReference(async (folder) => {
    const reference = await readReference(folder);
    const result = await evaluate(stream(drawn()), { settings: { ...settings, backend: "wasm" }, reference });
    const table = evaluationTable(result);
    assert.match(table, /^m: 5 molecules, 16 steps of ddim, seed 1, on wasm\n/);
    assert.match(table, /^validity\s+80\.00\s+37\.55 to 96\.38\s+100\.00$/m);
    assert.match(table, /^novelty \(of valid, unique\)\s+66\.67\s.*\s50\.00$/m);
    assert.match(table, /^elements \(JS\)\s+0\.\d{4}\s+0\.\d{4}$/m);
    const chart = evaluationChart(result);
    assert.ok(chart.includes("validity: 80 ") && chart.includes("Tiny test split"));
    assert.ok(!/NaN|undefined/.test(table + chart));
    const bare = await evaluate(stream(drawn()), { settings });
    assert.ok(!/undefined|QM9/.test(evaluationTable(bare) + evaluationChart(bare)));
  });
});

Deno.test("readReference() names what is missing or damaged", async () => {
  await withReference(async (folder) => {
    assert.equal(await readReference(`${folder}/nothing`), undefined);
    const smiles = `${folder}/${TRAINING_SMILES_FILE}`;
    // One molecule fewer is in order all the same: only the digest knows.
    const bytes = await Deno.readFile(smiles);
    await Deno.writeFile(smiles, bytes.subarray(5));
    await assert.rejects(
      readReference(folder),
      new RegExp(`${TRAINING_SMILES_FILE}: sha256 must be .*${REFERENCE_FILE}`),
    );
    await Deno.writeFile(smiles, bytes);
    await Deno.rename(`${folder}/train_motifs.u40`, `${folder}/gone`);
    await assert.rejects(readReference(folder), { name: "NotFound", message: /lacks train_motifs\.u40/ });
    await Deno.rename(`${folder}/gone`, `${folder}/train_motifs.u40`);
    await Deno.truncate(smiles, 13);
    await assert.rejects(readReference(folder), new RegExp(`${TRAINING_SMILES_FILE}: 13 bytes`));
    await Deno.remove(smiles);
    await assert.rejects(
      readReference(folder),
      new RegExp(`holds ${REFERENCE_FILE} and lacks ${TRAINING_SMILES_FILE}`),
    );
    await Deno.writeTextFile(smiles, "");
    await Deno.writeTextFile(`${folder}/${REFERENCE_FILE}`, "{}");
    await assert.rejects(readReference(folder), new RegExp(`${REFERENCE_FILE}: not statistics`));
  });
});

Deno.test("findReference() gives the shipped reference of QM9, all files as their digests say", async () => {
  const { statistics, training, heldOut, motifs } = (await findReference(["/nowhere"]))!;
  assert.equal(Object.keys(statistics.sha256!).length, 3);
  assert.ok(heldOut!.size > 30_000 && motifs!.size > 23_000);
  const { median, ninety, n } = statistics.judge!.summary.strain!.before;
  assert.ok(n > 12_000 && median.low > 4 && median.high < 5 && ninety.low > 16 && ninety.high < 19);
  assert.equal(statistics.distributions.molecules, 13083);
  assert.ok(training.size > 97_000 && training.size <= 100_000);
  // The third molecule of EDM's training split, and a molecule with more atoms than any of QM9.
  assert.ok(training.has("[H]N([H])C(=O)C([H])([H])C1([H])OC([H])([H])C1([H])[H]"));
  assert.ok(!training.has("C".repeat(12)));
});

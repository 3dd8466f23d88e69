import assert from "node:assert/strict";
import {
  descriptorDistances,
  type Each,
  geometryFigures,
  graphRates,
  histogramsOf,
  newRingSystems,
  type PositionsSaid,
  uniqueConnected,
} from "../../bench/druglike_figures.ts";
import { openJudge } from "../../bench/druglike_judge.ts";
import { distanceTable, geometryTable, graphTable, type SetFigures } from "../../bench/druglike_table.ts";
import { openPython } from "../../bench/python.ts";
import { evenly } from "../../bench/statistics.ts";
import { scaffoldKey } from "../../chem/judge/summary.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { molblock } from "../../chem/sdf.ts";
import { createValidator } from "../../chem/validator.ts";
import { packSmiles, unpackSmiles } from "../../chem/smiles_set.ts";
import { druglike } from "../chem/druglike.ts";
import { pythonThat } from "../python.ts";

const known = druglike();
const setOf = (words: readonly string[]) => unpackSmiles(packSmiles(words));

/** Descriptors that are all of one value. */
const all = (value: number): Each<number> => ({
  ...{ molecularWeight: value, logP: value, syntheticAccessibility: value },
  ...{ qed: value, rings: value, rotatableBonds: value },
});

Deno.test("evenly() takes places from all of a list, and all of a short one", () => {
  assert.deepEqual(evenly(10, 5), [0, 2, 4, 6, 8]);
  assert.deepEqual(evenly(3, 5), [0, 1, 2]);
  assert.deepEqual(evenly(3, 0), []);
});

Deno.test("uniqueConnected() counts each molecule of one fragment once, among all", () => {
  const of = (edmSmiles: string | null, connected = true) => ({ edmSmiles, connected });
  const { value, n } = uniqueConnected([of("CC"), of("CC"), of("CO"), of("CN", false), of(null, false)]);
  assert.deepEqual([value, n], [2 / 5, 5]);
});

Deno.test("newRingSystems() looks at rings alone, of molecules that have some", () => {
  const of = (...motifs: string[]) => ({ findings: { motifs } });
  const molecules = [of("atom:x", "ring:a"), of("ring:a", "ring:b"), of("atom:new"), { findings: undefined }];
  const { value, n } = newRingSystems(molecules, new Set(["atom:x", "ring:a"]));
  assert.deepEqual([value, n], [1 / 2, 2]);
});

Deno.test("graphRates() tells molecules, scaffolds and ring systems of the data from new ones", async () => {
  const validate = createValidator(await createRdkit());
  const molecules = known.map(({ molecule }) => ({
    validation: validate(molecule, { judge: true, chemistry: "druglike", inchikey: false }),
  }));
  const [{ validation: first }] = molecules, { scaffold, motifs } = first.findings!;
  const reference = {
    training: setOf([first.edmSmiles!]),
    motifs: setOf([...motifs, scaffoldKey(scaffold!)]),
  };
  const rates = graphRates([...molecules, molecules[0]], reference), n = known.length;
  const withRings = molecules.filter(({ validation }) => validation.findings!.scaffold !== null).length;
  assert.deepEqual([rates.valid!.value, rates.connected!.value], [1, 1]);
  assert.equal(rates.unique!.value, n / (n + 1));
  assert.equal(rates.all!.value, n / (n + 1));
  assert.equal(rates.training!.value, 2 / (n + 1));
  assert.equal(rates.newScaffold!.value, (withRings - 1) / (withRings + 1));
  assert.ok(rates.newRings!.value > 0 && rates.newRings!.value <= rates.newScaffold!.value);
  assert.equal(rates.repaired, undefined);
});

Deno.test("descriptorDistances() is the shift of shifted molecules, 0 of the same ones, and null of none", () => {
  const held = [1, 2, 4].map(all), from = histogramsOf(held);
  const shifted = descriptorDistances([3, 4, 6].map(all), from)!, same = descriptorDistances(held, from)!;
  for (const name of Object.keys(shifted) as (keyof Each<number>)[]) {
    assert.ok(Math.abs(shifted[name].value - 2) < 1e-9, name);
    assert.equal(same[name].value, 0);
  }
  assert.equal(descriptorDistances([], from), null);
});

const alone = { valid: true, pairs: true, graph: false };
const said: PositionsSaid[] = [
  {
    sound: true,
    connected: true,
    relaxed: true,
    alone,
    geometry: { read: true, mmff: 3, failed: [], xtb: { strain: 5, same: true } },
  },
  {
    sound: false,
    connected: true,
    relaxed: true,
    alone,
    geometry: { read: true, mmff: null, failed: ["flat"], xtb: null },
  },
  { sound: false, connected: true, relaxed: false, alone, geometry: { read: true, mmff: 9, failed: null, xtb: null } },
  { sound: false, connected: false, relaxed: false, alone: { valid: false, pairs: true, graph: false } },
];

Deno.test("geometryFigures() counts what was measured alone", () => {
  const { sound, posebusters, failed, mmff, xtb, alone } = geometryFigures(said);
  assert.deepEqual([sound.value, sound.n], [1 / 4, 4]);
  assert.deepEqual([posebusters!.value, posebusters!.n, failed], [1 / 2, 2, { flat: 1 }]);
  assert.deepEqual([mmff!.median.value, mmff!.n], [6, 2]);
  assert.deepEqual([xtb!.asked, xtb!.strain!.n, xtb!.same.value], [2, 1, 1]);
  assert.deepEqual([alone.valid.value, alone.pairs.n, alone.graph.value], [3 / 4, 3, 0]);
  const none = geometryFigures(said.slice(3));
  assert.deepEqual([none.posebusters, none.mmff, none.xtb, none.alone.pairs.n], [null, null, null, 0]);
});

Deno.test("tables have a row a set, one a form of its positions, and a dash for what nobody measured", () => {
  const rate = { value: 0.5, low: 0.4, high: 0.6, n: 4 };
  const full: SetFigures = {
    ...{ name: "8 steps", count: 4, graph: { valid: rate }, frechet: 1.25 },
    distances: descriptorDistances([all(2)], histogramsOf([all(1)])),
    geometry: { raw: geometryFigures(said), refined: geometryFigures(said.slice(3)) },
  };
  const empty: SetFigures = { name: "data", count: 2, graph: {}, distances: null, frechet: null, geometry: {} };
  const cells = (table: string) =>
    table.split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const [head, , first, second] = cells(graphTable([full, empty]));
  assert.deepEqual(first.slice(0, 4), ["8 steps", "4", "50.0 (40.0 to 60.0)", "-"]);
  assert.equal(second.length, head.length);
  const [, , apart, nothing] = cells(distanceTable([full, empty]));
  assert.deepEqual([apart[2], apart.at(-1), nothing[2], nothing.at(-1)], ["1.000 (1.000 to 1.000)", "1.250", "-", "-"]);
  const geometry = cells(geometryTable([full, empty])).slice(2);
  assert.deepEqual(geometry.map(([name, form]) => [name, form]), [["8 steps", "raw"], ["8 steps", "refined"]]);
  assert.match(geometry[0][3], /^50\.0 \(.*\), n = 2$/);
  assert.deepEqual(geometry[1].slice(3, 7), ["-", "-", "-", "-"]);
});

const python = await pythonThat(
  "from rdkit.Chem.rdDetermineBonds import DetermineBondOrders as d; assert 'maxIterations' in d.__doc__",
);
const ASKING = { posebusters: 0, xtb: 0, onProgress: () => {} };

Deno.test({
  name: "bench/druglike.py gives RDKit.js's descriptors, graphs that positions alone tell, and strain",
  ignore: !python,
  async fn() {
    const judge = openPython(python!, "druglike.py"), validate = createValidator(await createRdkit());
    try {
      assert.match((await openJudge(judge, ASKING)).rdkit, /^20\d\d\./);
      for (const { molecule, smiles } of known) {
        const { descriptors, bonds } = validate(molecule, { descriptors: true, chemistry: "druglike" });
        const block = molblock(molecule, bonds);
        const own = (await judge.ask<{ descriptors: Each<number> }>({ ask: "graph", set: "known", molblock: block }))
          .descriptors;
        for (const name of ["molecularWeight", "logP", "qed", "rings", "rotatableBonds"] as const) {
          assert.ok(Math.abs(own[name] - descriptors![name]) < 0.01, `${smiles}: ${name}`);
        }
        assert.ok(own.syntheticAccessibility >= 1 && own.syntheticAccessibility <= 10);
        const { valid, pairs } = await judge.ask<Record<string, boolean>>({ ask: "alone", molblock: block });
        assert.deepEqual({ valid, pairs }, { valid: true, pairs: true }, smiles);
        // All on one point: nothing is told by positions.
        const flat = molblock({ ...molecule, positions: new Float32Array(molecule.positions.length) }, bonds);
        assert.equal((await judge.ask<Record<string, boolean>>({ ask: "alone", molblock: flat })).graph, false);
        const asked = { ask: "geometry", molblock: block, posebusters: false, xtb: false };
        const { mmff, failed, xtb } = await judge.ask<Record<string, number | null>>(asked);
        assert.ok(mmff! >= 0 && mmff! < 1, `${smiles}: conformers of MMFF94s strained by ${mmff}`);
        assert.deepEqual([failed, xtb], [null, null]);
      }
    } finally {
      await judge.close();
    }
  },
});

/** Sets of rows whose Frechet distances are known: one shifted by a vector, one stretched about its mean. */
const FRECHET = `
import sys; sys.path.insert(0, "bench")
import numpy, druglike
rows = numpy.random.default_rng(1).normal(size=(500, 5)) @ numpy.diag([1, 2, 3, 4, 5.0])
rows -= rows.mean(axis=0)
shift = numpy.array([1, 0, 2, 0, 2.0])
assert abs(druglike.frechet_distance(rows + shift, rows) - 9) < 1e-8
assert abs(druglike.frechet_distance(3 * rows, rows) - 4 * numpy.trace(numpy.cov(rows, rowvar=False))) < 1e-8
assert abs(abs(druglike.principal(rows, 1)[4, 0]) - 1) < 0.1
`;

Deno.test({
  name:
    "frechet_distance() of bench/druglike.py is a shift's square, and (s - 1)^2 times the variance of a stretched set",
  ignore: !python,
  async fn() {
    const { success, stderr } = await new Deno.Command(python!, { args: ["-c", FRECHET] }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  },
});

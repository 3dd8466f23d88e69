import assert from "node:assert/strict";
import { answerConformers, type ConformerOptions } from "../../../chem/conformers/answer.ts";
import { ensembleOf, type EnsembleOrder } from "../../../chem/conformers/ensemble.ts";
import { boltzmannWeights } from "../../../chem/conformers/weights.ts";
import { readSdf } from "../../../chem/sdf.ts";
import { DRUGLIKE } from "../../../chem/chemistry.ts";
import { fields, giving, graphOf, mirrored, openchemlib, positionsOf, rdkit } from "./tools.ts";

const order: EnsembleOrder = { count: 6, seed: 1, refine: "mmff94", temperature: 298.15, rmsd: 0.5, resample: false };

/** Butane's chain turned about its middle bond by so many degrees. */
function butane(degrees: number) {
  const graph = graphOf("CCCC"), x = positionsOf(graph), angle = degrees * Math.PI / 180;
  const moved = [3, ...graph.bonds.flatMap(({ i, j }) => (i === 2 || i === 3) && j > 3 ? [j] : [])];
  const axis = [0, 1, 2].map((k) => x[6 + k] - x[3 + k]),
    length = Math.hypot(...axis),
    u = axis.map((one) => one / length);
  for (const atom of moved) {
    const v = [0, 1, 2].map((k) => x[3 * atom + k] - x[6 + k]), along = u.reduce((sum, one, k) => sum + one * v[k], 0);
    const w = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const k of [0, 1, 2]) {
      x[3 * atom + k] = x[6 + k] + v[k] * Math.cos(angle) + w[k] * Math.sin(angle) +
        u[k] * along * (1 - Math.cos(angle));
    }
  }
  return { graph, x };
}

Deno.test("ensembleOf() gives butane's anti and gauche conformers by energy, drops those that are the same, and weighs them by exp(-dE / RT)", async () => {
  const drawn = [120, 0, 5, 118, 240].map((degrees) => butane(degrees).x), { graph } = butane(0);
  const { conformers, ...facts } = await ensembleOf(graph, { ...order, rmsd: 0.2 }, giving(...drawn));
  assert.deepEqual(facts, {
    by: "made up",
    ...{
      drawn: 5,
      mirrored: 0,
      dropped: { stereo: 0, broken: 0, duplicate: 2 },
      exhausted: true,
      symmetryComplete: true,
    },
  });
  const energies = conformers.map(({ energy }) => energy!);
  assert.equal(conformers.length, 3);
  assert.ok(energies[0] < energies[1] && Math.abs(energies[1] - energies[2]) < 0.01);
  // RDKit's minima of MMFF94 differ by 0.7822, with charges and without.
  assert.ok(Math.abs(conformers[1].relativeEnergy! - 0.7822) < 0.002);
  const weights = boltzmannWeights(energies, order.temperature);
  assert.deepEqual(conformers.map(({ weight }) => weight), weights);
  assert.ok(conformers.every(({ refined, smiles }) => refined && smiles === "CCCC"));
});

Deno.test("ensembleOf() leaves positions as they are drawn without refinement, with energies and order all the same", async () => {
  const drawn = [60, 0].map((degrees) => butane(degrees).x), { graph } = butane(0);
  const { conformers } = await ensembleOf(graph, { ...order, refine: "none", rmsd: 0.2 }, giving(...drawn));
  assert.deepEqual(conformers.map(({ refined }) => refined), [false, false]);
  assert.ok(conformers[0].energy! < conformers[1].energy!);
  assert.deepEqual(new Set(conformers.map(({ positions }) => positions.join())), new Set(drawn.map((x) => x.join())));
});

Deno.test("ensembleOf() has energies and weights of the force field that refines; without refinement those of MMFF94s with charges", async () => {
  const graph = graphOf("OCCO"), x = positionsOf(graph);
  const by = async (refine: EnsembleOrder["refine"]) =>
    (await ensembleOf(graph, { ...order, refine }, giving(x))).conformers[0];
  const molecule = { ...graph, positions: new Float32Array(x.length) };
  const [own, plain, none] = [await by("mmff94s"), await by("mmff94"), await by("none")];
  for (const [{ energy, positions }, field] of [[own, "mmff94s"], [plain, "mmff94"], [none, "mmff94s"]] as const) {
    assert.ok(Math.abs(energy! - fields[field].type(molecule, graph.bonds)!.energy(positions)) < 1e-9);
  }
  assert.ok(Math.abs(own.energy! - plain.energy!) > 1 && own.energy! < none.energy!);
  assert.deepEqual([own.refined, plain.refined, none.refined], [true, true, false]);
});

Deno.test("ensembleOf() mirrors what is inverted, draws again for what has other stereo, and says how many", async () => {
  const trans = graphOf("C[C@H]1C[C@@H]1F"), right = positionsOf(trans), cis = positionsOf(graphOf("C[C@H]1C[C@H]1F"));
  const { conformers, drawn, mirrored: turned, dropped, exhausted } = await ensembleOf(
    trans,
    { ...order, count: 2, rmsd: 0 },
    giving(cis, mirrored(right), cis, right, right),
  );
  assert.deepEqual({ drawn, turned, dropped, exhausted }, {
    ...{ drawn: 4, turned: 1, dropped: { stereo: 2, broken: 0, duplicate: 0 }, exhausted: false },
  });
  assert.deepEqual(conformers.map(({ smiles }) => smiles), [trans.smiles, trans.smiles]);
  await assert.rejects(ensembleOf(trans, order, giving(cis, cis)), /got 2 of 2 sets of positions with another/);
  await assert.rejects(ensembleOf(trans, order, giving()), /made up can draw; got none/);
});

Deno.test("ensembleOf() draws four sets of positions at most for each that is asked for", async () => {
  const trans = graphOf("F/C=C/F"), cis = positionsOf(graphOf("F/C=C\\F")), right = positionsOf(trans);
  const many = [...Array(7).fill(cis), right, right, right];
  const { drawn, exhausted, conformers } = await ensembleOf(trans, { ...order, count: 2 }, giving(...many));
  assert.deepEqual([drawn, exhausted, conformers.length], [8, false, 1]);
});

Deno.test("ensembleOf() gives molecules without types in the force field as they are drawn, without energies, and says so", async () => {
  const graph = graphOf("C[P](C)(C)(C)C"),
    x = Float64Array.from({ length: 3 * graph.atomicNumbers.length }, (_, k) => Math.sin(k) * 4);
  const { conformers: [one], unrefined } = await ensembleOf(graph, order, giving(x));
  assert.equal(unrefined, "types");
  assert.deepEqual([one.energy, one.relativeEnergy, one.weight, one.refined], [null, null, null, false]);
  assert.deepEqual(one.positions, x);
});

Deno.test("ensembleOf() says by SMILES which stereo was drawn where none is specified", async () => {
  const right = positionsOf(graphOf("C[C@H](F)Cl")), graph = graphOf("CC(F)Cl");
  const { conformers } = await ensembleOf(graph, { ...order, rmsd: 0.1 }, giving(right, mirrored(right)));
  assert.deepEqual(conformers.map(({ smiles }) => smiles).sort(), ["C[C@@H](F)Cl", "C[C@H](F)Cl"]);
});

Deno.test("ensembleOf() resamples by weights: each conformer says how often it was drawn, and those that were not are left out", async () => {
  const drawn = [0, 120, 240].map((degrees) => butane(degrees).x), { graph } = butane(0);
  const asked = { ...order, count: 3, rmsd: 0.2, resample: true, temperature: 30 };
  const { conformers } = await ensembleOf(graph, asked, giving(...drawn));
  assert.deepEqual(conformers.map(({ times }) => times), [3]); // at 30 K the gauche ones have a weight of 2e-6
});

const options: ConformerOptions = { ...order, source: undefined, count: 4, form: "sdf", atomsMax: 60, seconds: 60 };
const tools = { rdkit, fields, sourceOf: () => ({ source: openchemlib }) };

Deno.test("answerConformers() finds the one conformer of symmetric molecules, by openchemlib, and writes SDF that reads back", async () => {
  for (const [text, formula] of [["CC(C)(C)C", 17], ["FC(F)=C(F)F", 6]] as const) {
    const { text: sdf, counts } = await answerConformers(
      { kind: "smiles", text, index: 3, name: "a name" },
      options,
      tools,
    );
    const [{ title, molecule, data }, ...others] = readSdf(sdf, DRUGLIKE);
    assert.deepEqual([others.length, counts.returned, title, molecule.atomicNumbers.length], [0, 1, "a name", formula]);
    assert.deepEqual([data.by, data.smiles, data.weight, data.index, data.seed], ["openchemlib", text, "1", "3", "1"]);
  }
});

Deno.test("answerConformers() says of a molecule that its source fails at that it failed", async () => {
  const source = {
    name: "broken",
    draw() {
      throw new TypeError("out of order");
    },
  };
  const { error, text } = await answerConformers(
    { kind: "smiles", text: "C", index: 0 },
    { ...options, form: "json" },
    { ...tools, sourceOf: () => ({ source }) },
  );
  assert.deepEqual(error, { reason: "failed", message: "out of order" });
  assert.deepEqual(JSON.parse(text), { index: 0, error });
});

Deno.test("openchemlib's positions depend on the molecule and the seed alone, not on what was drawn before", () => {
  const drawn = (smiles: string, seed: number) =>
    Array.from(openchemlib.draw(graphOf(smiles), 2, seed) as Iterable<Float64Array>, (x) => x.join()).join(" ");
  const first = drawn("CC1CC1", 1);
  assert.notEqual(drawn("CC1CC1", 2), first);
  drawn("FC1CC1", 3);
  assert.equal(drawn("CC1CC1", 1), first);
  assert.notEqual(drawn("CC1CC1", 0), first, "0 is a seed, too");
  assert.equal(drawn("CC1CC1", 0), drawn("CC1CC1", 0));
});

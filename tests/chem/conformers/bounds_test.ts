/** Distance bounds, and positions that keep to them. */
import assert from "node:assert/strict";
import { type DistanceBounds, distanceBounds } from "../../../chem/conformers/bounds.ts";
import { embed } from "../../../chem/conformers/proximity.ts";
import { createProximitySource, uniformOf } from "../../../chem/conformers/proximity_source.ts";
import { wrongStereo } from "../../../chem/conformers/stereo.ts";
import { druglike } from "../druglike.ts";
import { graphOf } from "./tools.ts";

/** How far outside of its bounds each pair lies, angstrom. */
function violations({ nodes: N, lower, upper }: DistanceBounds, x: ArrayLike<number>): number[] {
  const all: number[] = [];
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < i; j++) {
      const d = Math.hypot(...[0, 1, 2].map((a) => x[3 * i + a] - x[3 * j + a]));
      all.push(Math.max(0, lower[i * N + j] - d, d - upper[i * N + j]));
    }
  }
  return all;
}

const MOLECULES = [
  "Cn1ncc(Br)c1C(=O)Nc1ccc(F)cc1F",
  "C/C=C\\C(C)C",
  "c1ccc2ccccc2c1",
  "CC1CCC(N2CCS(=O)(=O)CC2)CC1",
  "C#CC[N+](C)(C)CC(=O)[O-]",
  "C1CC2CCC1C2",
  "O=C1CCCCCCCCCCCCO1",
];

Deno.test("distanceBounds() hold the minima of a force field, but for what strain does", () => {
  for (const { smiles, molecule } of druglike()) {
    const { atomicNumbers, charges = new Int8Array(atomicNumbers.length), bonds = [], positions } = molecule;
    const graph = { smiles, atomicNumbers, charges, bonds, centres: [], stereoBonds: [] };
    for (const which of ["all", "heavy"] as const) {
      const off = violations(distanceBounds(graph, which), positions),
        mean = off.reduce((a, b) => a + b, 0) / off.length;
      assert.ok(mean < 0.06, `${smiles}, ${which}: mean ${mean}`);
      assert.ok(off.filter((one) => one > 0.6).length <= 0.02 * off.length, `${smiles}: ${Math.max(...off)}`);
    }
  }
});

Deno.test("distanceBounds() obey the triangle inequality, and a double bond's stereo", () => {
  for (const smiles of MOLECULES) {
    const { nodes: N, lower, upper } = distanceBounds(graphOf(smiles), "all");
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < N; j++) {
        assert.ok(lower[i * N + j] <= upper[i * N + j] && lower[i * N + j] === lower[j * N + i]);
        for (let k = 0; k < N; k++) assert.ok(upper[i * N + j] <= upper[i * N + k] + upper[k * N + j] + 1e-9);
      }
    }
  }
  const ends = (smiles: string) => distanceBounds(graphOf(smiles), "heavy");
  const [cis, trans, either] = ["F/C=C\\F", "F/C=C/F", "FC=CF"].map(ends), pair = 3;
  assert.ok(cis.upper[pair] < trans.lower[pair] - 0.4);
  assert.ok(either.lower[pair] <= cis.lower[pair] && either.upper[pair] >= trans.upper[pair]);
});

Deno.test("embed() gives positions that keep to the bounds, other ones for other random numbers, in any unit", () => {
  for (const smiles of MOLECULES) {
    const bounds = distanceBounds(graphOf(smiles), "all"), x = embed({ ...bounds, turns: [] }, uniformOf(1));
    const off = violations(bounds, x), rms = Math.sqrt(off.reduce((sum, one) => sum + one * one, 0) / off.length);
    assert.ok(rms < 0.1, `${smiles}: ${rms}`);
    for (const axis of [0, 1, 2]) {
      const mean = x.reduce((sum, value, k) => sum + (k % 3 === axis ? value : 0), 0) / bounds.nodes;
      assert.ok(Math.abs(mean) < 1e-9);
    }
    assert.deepEqual(embed({ ...bounds, turns: [] }, uniformOf(1)), x);
    assert.notDeepEqual(embed({ ...bounds, turns: [] }, uniformOf(2)), x);
  }
});

Deno.test("turns are drawn as often as their shares say: of butane's ends anti and gauche, half and half", () => {
  const bounds = distanceBounds(graphOf("CCCC"), "heavy"), uniform = uniformOf(3);
  assert.deepEqual(bounds.turns.map(({ i, l, choices }) => [i, l, choices.length]), [[0, 3, 2]]);
  let anti = 0;
  for (let k = 0; k < 400; k++) {
    const x = embed(bounds, uniform), d = Math.hypot(...[0, 1, 2].map((a) => x[a] - x[9 + a]));
    const [first, second] = bounds.turns[0].choices,
      inside = ({ lower, upper }: typeof first) => d > lower - 0.1 && d < upper + 0.1;
    assert.ok(inside(first) !== inside(second), `${d}`);
    if (inside(first)) anti++;
  }
  assert.ok(anti > 150 && anti < 250, `${anti} of 400`);
});

Deno.test("the source proximity draws any molecule with its stereo, by the seed alone", () => {
  const source = createProximitySource();
  for (const smiles of ["C[C@H](O)[C@@H](N)C(=O)O", "F/C=C\\[C@H](C)Cl", "O"]) {
    const graph = graphOf(smiles), drawn = [...source.draw(graph, 5, 4) as Iterable<Float64Array>];
    assert.equal(drawn.length, 5);
    for (const x of drawn) {
      const { centres, bonds } = wrongStereo(graph, x);
      assert.ok(bonds === 0 && (centres === 0 || centres === graph.centres.length), `${smiles}: ${centres}, ${bonds}`);
    }
    assert.deepEqual([...source.draw(graph, 2, 4) as Iterable<Float64Array>], drawn.slice(0, 2));
  }
});

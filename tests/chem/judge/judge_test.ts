import assert from "node:assert/strict";
import { CHEMISTRIES } from "../../../chem/chemistry.ts";
import { angleDeparture } from "../../../chem/judge/angles.ts";
import { contactsOf, nearestContact, rulesAgree } from "../../../chem/judge/contacts.ts";
import { geometryOf } from "../../../chem/judge/findings.ts";
import { fromFlat, torsion } from "../../../chem/judge/geometry.ts";
import { environmentsOf, scaffoldAtoms } from "../../../chem/judge/motifs.ts";
import { aromaticPuckering, puckering, pyramidality } from "../../../chem/judge/planarity.ts";
import { ringStrainsOf } from "../../../chem/judge/ring_strains.ts";
import { isSound, LIMITS } from "../../../chem/judge/sound.ts";
import { type Structure, structureOf } from "../../../chem/judge/structure.ts";
import { twistsOf } from "../../../chem/judge/torsions.ts";
import { smallestRings } from "../../../chem/rings.ts";
import { methane, moved } from "../molecules.ts";
import { benzene, ethylene, formamide, graph, type Made, made, methanes } from "./hand_made.ts";

const structure = ({ molecule, bonds }: Made, aromatic?: number[]): Structure => structureOf(molecule, bonds, aromatic);
const near = (a: number | null | undefined, b: number, within = 0.01) =>
  assert.ok(typeof a === "number" && Math.abs(a - b) <= within, `expected ${b}; got ${a}`);
const RING = [0, 1, 2, 3, 4, 5];

Deno.test("torsion() has IUPAC's sign, and does not change where the molecule is turned", () => {
  const x = Float32Array.of(0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0.5, Math.sqrt(0.75));
  near(torsion(x, 0, 1, 2, 3), 60, 1e-4);
  near(torsion(x, 3, 2, 1, 0), 60, 1e-4);
  x[11] *= -1;
  near(torsion(x, 0, 1, 2, 3), -60, 1e-4);
  near(torsion(moved({ atomicNumbers: new Uint8Array(4), positions: x }).positions, 0, 1, 2, 3), -60, 1e-3);
  assert.deepEqual([0, 180, -170, 95, -60].map(fromFlat), [0, 0, 10, 85, 60]);
});

Deno.test("twistsOf() finds flat ethylene flat, and one twisted by 40 degrees twisted by 40", () => {
  near(twistsOf(structure(ethylene())).alkene, 0, 1e-4);
  near(twistsOf(structure(ethylene(40))).alkene, 40, 1e-3);
  near(twistsOf(structure(ethylene(140))).alkene, 40, 1e-3);
  assert.deepEqual(Object.keys(twistsOf(structure(ethylene(40)))), ["alkene"]);
  assert.deepEqual(geometryOf(structure(ethylene(40))).faults, ["twistedAlkene"]);
  assert.deepEqual(geometryOf(structure(ethylene(LIMITS.twistedAlkene - 1))).faults, []);
});

Deno.test("twistsOf() takes an amide's C-N for a double bond, and not an amine's", () => {
  near(twistsOf(structure(formamide())).amide, 0, 1e-4);
  near(twistsOf(structure(formamide(50))).amide, 50, 1e-3);
  assert.deepEqual(geometryOf(structure(formamide(50))).faults, ["twistedAmide"]);
  const { molecule, bonds } = formamide(50);
  const amine = bonds.map((bond) => ({ ...bond, order: 1 as const }));
  assert.deepEqual(twistsOf(structureOf(molecule, amine)), {});
});

Deno.test("twistsOf() tells kinds by elements and rings, and leaves out aromatic and cumulated bonds", () => {
  const kinds = (made: Made, aromatic?: number[]) => Object.keys(twistsOf(structure(made, aromatic)));
  assert.deepEqual(kinds(graph("CNCC", [[0, 1, 2], [0, 2, 1], [1, 3, 1]])), ["imine"]);
  const square = (
    ...more: [number, number, number][]
  ): [number, number, number][] => [[0, 1, 2], [1, 2, 1], [2, 3, 1], [0, 3, 1], ...more];
  // A ring of three has one atom at both ends: no torsion without others.
  assert.deepEqual(kinds(graph("CCC", [[0, 1, 2], [1, 2, 1], [0, 2, 1]])), []);
  assert.deepEqual(kinds(graph("CCCCHH", square([0, 4, 1], [1, 5, 1]))), ["alkeneInRing"]);
  assert.deepEqual(kinds(graph("CCCCHC", square([0, 4, 1], [1, 5, 1], [2, 5, 1]))), ["alkeneFused"]);
  assert.deepEqual(kinds(graph("CNCCHC", square([0, 4, 1]))), ["imineInRing"]);
  assert.deepEqual(kinds(graph("CCCHH", [[0, 1, 2], [1, 2, 2], [0, 3, 1], [2, 4, 1]])), []);
  assert.deepEqual(kinds(benzene()), ["alkeneInRing"]);
  assert.deepEqual(kinds(benzene(), RING), []);
  // Butadiene: two double bonds and the single one between them.
  const butadiene = graph("CCCCHH", [[0, 1, 2], [1, 2, 1], [2, 3, 2], [0, 4, 1], [3, 5, 1]]);
  assert.deepEqual(kinds(butadiene).sort(), ["alkene", "conjugated"]);
});

Deno.test("pyramidality() is 360 less the sum of angles at the worst sp2 carbon", () => {
  near(pyramidality(structure(ethylene(40))), 0, 0.05);
  assert.equal(pyramidality(structure(graph("CC", [[0, 1, 1]]))), null);
  // A carbonyl whose three neighbours are at right angles to each other: 360 - 3 x 90.
  const bent = made([["C", 0, 0, 0], ["O", 1.2, 0, 0], ["H", 0, 1.1, 0], ["H", 0, 0, 1.1]], [[0, 1, 2], [0, 2, 1], [
    0,
    3,
    1,
  ]]);
  near(pyramidality(structure(bent)), 90, 1e-3);
  assert.ok(geometryOf(structure(bent)).faults.includes("pyramidal"));
});

Deno.test("puckering() of benzene whose carbons are by turns above and below is how far", () => {
  near(aromaticPuckering(structure(benzene(), RING)), 0, 1e-6);
  near(aromaticPuckering(structure(benzene(0.3), RING)), 0.3, 1e-6);
  near(puckering(moved(benzene(0.3).molecule).positions, RING), 0.3, 1e-5);
  assert.equal(aromaticPuckering(structure(benzene(0.3))), null);
  assert.deepEqual(geometryOf(structure(benzene(0.3), RING)).faults.includes("puckered"), true);
  assert.deepEqual(geometryOf(structure(benzene(), RING)).faults, []);
});

Deno.test("ringStrainsOf() finds cyclopropene, norbornene, a bent allene and alkyne, and anti-Bredt double bonds", () => {
  const strains = (made: Made) => ringStrainsOf(structure(made));
  const ring = (size: number, orders: Record<number, number> = {}): [number, number, number][] =>
    Array.from({ length: size }, (_, k) => [Math.min(k, (k + 1) % size), Math.max(k, (k + 1) % size), orders[k] ?? 1]);
  assert.deepEqual(strains(graph("CCC", ring(3, { 0: 2 }))), ["doubleInThree"]);
  assert.deepEqual(strains(graph("CCC", ring(3))), []);
  assert.deepEqual(strains(graph("CCCC", ring(4, { 1: 2 }))), ["doubleInFour"]);
  // Norbornane: 0 and 3 are bridgeheads, 6 the bridge. Norbornene at 1=2; anti-Bredt at 0=1.
  const norbornane = (orders: Record<number, number> = {}): Made =>
    graph("CCCCCCC", [...ring(6, orders), [0, 6, 1], [3, 6, 1]]);
  assert.deepEqual(strains(norbornane()), ["bridged"]);
  assert.deepEqual(strains(norbornane({ 1: 2 })), ["bridged"]);
  assert.deepEqual(strains(norbornane({ 0: 2 })), ["bridged", "antiBredt"]);
  // Bicyclo[3.3.1]non-1-ene is made: seven atoms in its bridges.
  assert.deepEqual(strains(graph("CCCCCCCCC", [...ring(8, { 0: 2 }), [0, 8, 1], [4, 8, 1]])), ["bridged"]);
  assert.deepEqual(strains(graph("CCCCCC", ring(6, { 0: 2, 1: 2 }))), ["bent"]);
  assert.deepEqual(strains(graph("CCCCCC", ring(6, { 0: 3 }))), ["bent"]);
  assert.deepEqual(strains(graph("CCCCCCCCC", ring(9, { 0: 3 }))), []);
  // Fused rings share one bond; spiro rings one atom.
  assert.deepEqual(strains(graph("CCCC", [...ring(4), [0, 2, 1]])), []);
});

Deno.test("nearestContact() finds two methanes too near, and none within methane", () => {
  assert.equal(nearestContact(structureOf(methane(), [1, 2, 3, 4].map((j) => ({ i: 0, j, order: 1 as const })))), null);
  // Hydrogen to hydrogen 4 - 2 x 1.09 angstrom, of 2.2.
  near(nearestContact(structure(methanes(4))), 1.82 / 2.2, 1e-4);
  near(nearestContact(structure(methanes(3))), 0.82 / 2.2, 1e-4);
  assert.deepEqual(geometryOf(structure(methanes(3))).faults, ["clash"]);
  assert.deepEqual(geometryOf(structure(methanes(4))).faults, []);
});

Deno.test("nearestContact() and contactsOf() have radii of every chemistry's elements", () => {
  for (const { elements } of Object.values(CHEMISTRIES)) {
    for (const { atomicNumber, symbol, radius } of elements) {
      const pair = (distance: number) => ({
        atomicNumbers: Uint8Array.of(atomicNumber, atomicNumber),
        positions: Float32Array.of(0, 0, 0, distance, 0, 0),
      });
      const ratio = nearestContact(structureOf(pair(4), []))!;
      assert.ok(ratio > 0.9 && ratio < 2, `${symbol}: ${ratio}`);
      assert.deepEqual(contactsOf(pair(0.6)), [[0, 1]], symbol);
      assert.deepEqual(contactsOf(pair(2 * radius + 0.6)), [], symbol);
    }
  }
});

Deno.test("rulesAgree() where the sums of covalent radii find the very bonds", () => {
  const { molecule, bonds } = ethylene();
  assert.deepEqual(contactsOf(molecule), bonds.map(({ i, j }) => [i, j]));
  assert.equal(rulesAgree(molecule, bonds), true);
  assert.equal(rulesAgree(molecule, bonds.map((bond) => ({ ...bond, order: 1 as const }))), true);
  assert.equal(rulesAgree(molecule, bonds.slice(1)), false);
  assert.equal(rulesAgree(molecule, [...bonds.slice(1), { i: 2, j: 3, order: 1 }]), false);
});

Deno.test("angleDeparture() is of angles outside small rings", () => {
  near(angleDeparture(structureOf(methane(), [1, 2, 3, 4].map((j) => ({ i: 0, j, order: 1 as const })))), 0, 0.1);
  const water = (angle: number) =>
    made([["O", 0, 0, 0], ["H", 0.96, 0, 0], ["H", 0.96 * Math.cos(angle), 0.96 * Math.sin(angle), 0]], [[0, 1, 1], [
      0,
      2,
      1,
    ]]);
  near(angleDeparture(structure(water(Math.PI / 2))), 19.5, 1e-3);
  assert.deepEqual(geometryOf(structure(water(Math.PI * 0.8))).faults, ["bentAngle"]);
  assert.equal(angleDeparture(structure(graph("CCC", [[0, 1, 1], [1, 2, 1], [0, 2, 1]]))), null);
});

Deno.test("scaffoldAtoms() keeps rings, what links them, and double bonds at them", () => {
  // A methyl on a ring of three, a linker to another ring, a carbonyl on the linker; a tail with a double bond goes.
  const two = graph("CCCCCCCCOCC", [
    [0, 1, 1],
    [1, 2, 1],
    [0, 2, 1],
    [2, 3, 1],
    [3, 4, 1],
    [4, 5, 1],
    [5, 6, 1],
    [4, 6, 1],
    [0, 7, 1],
    [3, 8, 2],
    [7, 9, 2],
    [5, 10, 2],
  ]);
  assert.deepEqual(scaffoldAtoms(structure(two)), [0, 1, 2, 3, 4, 5, 6, 8, 10]);
  assert.deepEqual(scaffoldAtoms(structure(ethylene())), []);
});

Deno.test("environmentsOf() names each heavy atom by its neighbours, each once", () => {
  assert.deepEqual(environmentsOf(structure(ethylene())), ["CH2(=C)"]);
  assert.deepEqual(environmentsOf(structure(formamide())), ["CH1(-N=O)", "NH2(-C)", "OH0(=C)"]);
  assert.deepEqual(environmentsOf(structure(benzene(), RING)), ["CH1r6a(:C:C)"]);
});

Deno.test("isSound() asks for a valid, connected molecule that was looked at and has no fault", () => {
  const whole = { valid: true, connected: true };
  assert.equal(isSound({ ...whole, findings: { faults: [] } }), true);
  assert.equal(isSound({ ...whole, findings: { faults: ["clash"] } }), false);
  assert.equal(isSound({ ...whole, connected: false, findings: { faults: [] } }), false);
  assert.equal(isSound(whole), false);
});

Deno.test("smallestRings() gives the atoms of each ring in order round it", () => {
  const ring = benzene().bonds.filter(({ j }) => j < 6);
  assert.deepEqual(smallestRings(6, ring), [[0, 1, 2, 3, 4, 5]]);
  assert.deepEqual(
    smallestRings(5, [[0, 1], [1, 2], [2, 3], [0, 3], [0, 4], [1, 4]].map(([i, j]) => ({ i, j, order: 1 }))),
    [[0, 1, 4], [0, 1, 2, 3]],
  );
});

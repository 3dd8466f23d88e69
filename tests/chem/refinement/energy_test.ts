/** MMFF94 without charges against RDKit's: `mmff94.sdf` has its energies (2026.09, no electrostatic term), and how far above the local minimum they are. */
import assert from "node:assert/strict";
import { DRUGLIKE } from "../../../chem/chemistry.ts";
import { minimise } from "../../../chem/refinement/minimise.ts";
import { openMmff94 } from "../../../chem/refinement/mmff94.ts";
import { readSdf } from "../../../chem/sdf.ts";
import { random } from "../../../model/diffusion/random.ts";

const records = readSdf(await Deno.readTextFile(new URL("mmff94.sdf", import.meta.url)), DRUGLIKE);
const field = await openMmff94();
const typed = records.map(({ molecule, bonds, ...rest }) => ({
  ...rest,
  molecule,
  bonds,
  own: field.type(molecule, bonds)!,
}));

Deno.test("energy() is RDKit's, of charged, aromatic, linear and strained molecules", () => {
  assert.equal(typed.length, 18);
  for (const { title, own, molecule, data } of typed) {
    const energy = own.energy(Float64Array.from(molecule.positions));
    assert.ok(Math.abs(energy - Number(data.energy)) < 1e-3, `${title}: ${energy}, RDKit ${data.energy}`);
  }
});

Deno.test("potential() writes the gradient of its energy", () => {
  for (const { title, own, molecule } of typed) {
    const x = Float64Array.from(molecule.positions), g = new Float64Array(x.length), step = 1e-5;
    own.potential(x, g);
    for (let k = 0; k < x.length; k++) {
      const at = (by: number) => own.energy(x.map((value, j) => j === k ? value + by : value));
      const slope = (at(step) - at(-step)) / (2 * step);
      assert.ok(
        Math.abs(slope - g[k]) < 1e-3 + 1e-5 * Math.abs(slope),
        `${title}, ${k}: ${g[k]}, by differences ${slope}`,
      );
    }
  }
});

Deno.test("type() says the same whatever the order of the atoms", () => {
  const draw = random(3);
  for (const { title, molecule, bonds, data } of typed) {
    const n = molecule.atomicNumbers.length, order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(draw.uniform() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    const place = order.map((_, i) => order.indexOf(i));
    const turned = bonds.map(({ i, j, order }) => ({
      i: Math.min(place[i], place[j]),
      j: Math.max(place[i], place[j]),
      order,
    }));
    const charges = molecule.charges && Int8Array.from(order, (i) => molecule.charges![i]);
    const atomicNumbers = Uint8Array.from(order, (i) => molecule.atomicNumbers[i]);
    const positions = Float32Array.from(order.flatMap((i) => [...molecule.positions.subarray(3 * i, 3 * i + 3)]));
    const own = field.type({ atomicNumbers, positions, charges }, turned)!;
    assert.ok(Math.abs(own.energy(Float64Array.from(positions)) - Number(data.energy)) < 1e-3, title);
  }
});

Deno.test("minimise() of a molecule ends where RDKit's minimiser does, and its energy falls step by step", () => {
  for (const { title, own, molecule, data } of typed) {
    const x = Float64Array.from(molecule.positions), before = own.energy(x);
    let last = before;
    for (const iterations of [1, 5, 20, 500]) {
      const y = x.slice(), { energy, iterations: made } = own.minimise(y, { iterations, tolerance: 1e-3 });
      assert.ok(made <= iterations && energy <= last && energy === own.energy(y), title);
      last = energy;
    }
    assert.ok(Math.abs(before - last - Number(data.strain)) < 0.02, `${title}: ${before - last}, RDKit ${data.strain}`);
  }
});

Deno.test("minimise() leaves a minimum alone, and gives up where no step leads down", () => {
  const bowl = (x: Float64Array, g: Float64Array) => {
    g.set(x.map((value) => 2 * value));
    return x.reduce((sum, value) => sum + value * value, 0);
  };
  const x = Float64Array.of(1, -2, 3);
  const { energy, converged } = minimise(bowl, x, { iterations: 50, tolerance: 1e-6 });
  assert.ok(converged && energy < 1e-12);
  assert.equal(minimise(bowl, x, { iterations: 50, tolerance: 1e-3 }).iterations, 0);
  const wrong = (x: Float64Array, g: Float64Array) => -bowl(x, g), y = Float64Array.of(1, -2, 3);
  assert.equal(minimise(wrong, y, { iterations: 50, tolerance: 1e-6 }).converged, false);
  assert.deepEqual([...y], [1, -2, 3]);
});

/** MMFF94 without charges behind the refiner's port, against RDKit's: `mmff94.sdf` has its energies (2026.09, no electrostatic term), and how far above the local minimum they are. */
import assert from "node:assert/strict";
import { DRUGLIKE } from "../../../chem/chemistry.ts";
import { readTables } from "../../../chem/mmff94/tables.ts";
import { createMmff94 } from "../../../chem/refinement/mmff94.ts";
import { readSdf } from "../../../chem/sdf.ts";
import { random } from "../../../model/diffusion/random.ts";
import { openWasmMmff94 } from "../../../model/engines/c/mmff94.ts";
import { compileWasmEngine } from "../../../model/engines/c/wasm_module.ts";

const records = readSdf(await Deno.readTextFile(new URL("mmff94.sdf", import.meta.url)), DRUGLIKE);
const field = createMmff94(await readTables(), openWasmMmff94(await compileWasmEngine(false)));
const typed = records.map(({ molecule, bonds, ...rest }) => ({
  ...rest,
  molecule,
  bonds,
  own: field.type(molecule, bonds)!,
}));

Deno.test("energy() is RDKit's, of charged, aromatic, linear and strained molecules", () => {
  assert.equal(typed.length, 18);
  for (const { title, own, molecule, data } of typed) {
    const energy = own.energy(molecule.positions);
    assert.ok(Math.abs(energy - Number(data.energy)) < 1e-3, `${title}: ${energy}, RDKit ${data.energy}`);
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
    assert.ok(Math.abs(own.energy(positions) - Number(data.energy)) < 1e-3, title);
  }
});

Deno.test("minimise() of a molecule ends where RDKit's minimiser does, and its energy falls step by step", () => {
  for (const { title, own, molecule, data } of typed) {
    const before = own.energy(molecule.positions);
    let last = before;
    for (const iterations of [1, 5, 20, 500]) {
      const found = own.minimise(molecule.positions, { iterations, tolerance: 1e-3 });
      assert.ok(found.before === before && found.after <= last + 1e-9, title);
      assert.ok(Math.abs(found.after - own.energy(found.positions)) < 1e-9, title);
      last = found.after;
    }
    assert.ok(Math.abs(before - last - Number(data.strain)) < 0.02, `${title}: ${before - last}, RDKit ${data.strain}`);
  }
});

Deno.test("minimise() holds atoms to where they were, the more the harder, and energies do not count it", () => {
  for (const { title, own, molecule: { positions } } of typed) {
    const moves = [0.1, 10, 1000].map((hold) => {
      const found = own.minimise(positions, { iterations: 200, tolerance: 1e-3, hold });
      assert.ok(found.after <= found.before && Math.abs(found.after - own.energy(found.positions)) < 1e-9, title);
      return Math.hypot(...found.positions.map((x, k) => x - positions[k]));
    });
    assert.ok(moves[0] >= moves[1] && moves[1] >= moves[2], `${title}: ${moves}`);
  }
});

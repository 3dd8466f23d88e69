/** MMFF94 on the C engine: energies and minima beside RDKit's, gradients, and that a molecule depends on nothing but itself. */
import assert from "node:assert/strict";
import { type FieldOptions, type ForceField, forceFieldOf } from "../../../../chem/mmff94/force_field.ts";
import type { Topology } from "../../../../chem/mmff94/graph.ts";
import { readTables } from "../../../../chem/mmff94/tables.ts";
import {
  ENERGIES,
  type Mmff94,
  openNativeMmff94,
  openWasmMmff94,
  type Placed,
} from "../../../../model/engines/c/mmff94.ts";
import { compileWasmEngine, hasRelaxedSimd } from "../../../../model/engines/c/wasm_module.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { type Charged, compounds, hasQm9, qm9References, type Reference } from "../../../chem/mmff94/references.ts";
import { hasCompiler } from "./compiler.ts";

const tables = await readTables();

/** The published force field. */
const PUBLISHED = { variant: "mmff94s", charges: true } as const;

function fieldOf(topology: Topology, options?: FieldOptions): ForceField {
  const field = forceFieldOf(topology, tables, options);
  assert.ok(field.atoms !== undefined);
  return field;
}

const placed = ({ topology, positions }: Reference, options?: FieldOptions): Placed => ({
  field: fieldOf(topology, options),
  positions,
});

/** A reference of MMFF94s with charges: terms that are as in MMFF94 are as there. */
const published = (
  { terms, static: { terms: [planes, torsions, charges], minimised }, ...rest }: Reference & Charged,
) => ({
  ...{ ...rest, minimised },
  terms: [...terms.slice(0, 3), planes, torsions, terms[5], charges],
});

const native = hasCompiler ? openNativeMmff94() : undefined;
const engines: readonly (readonly [string, Mmff94])[] = [
  ["wasm with SIMD", openWasmMmff94(await compileWasmEngine(false))],
  ...hasRelaxedSimd() ? [["wasm with relaxed SIMD", openWasmMmff94(await compileWasmEngine(true))] as const] : [],
  ...native ? [["native", native] as const] : [],
];

/** All terms are RDKit's, whose four printed digits these are. */
function assertEnergies(engine: Mmff94, references: readonly Reference[], options?: FieldOptions): void {
  for (const reference of references) {
    const { energies } = engine.slope(placed(reference, options));
    ENERGIES.forEach((name, k) => {
      const { [k]: term = 0 } = reference.terms, off = Math.abs(energies[name] - term);
      assert.ok(off < 1e-3, `${reference.name}: ${name} must be ${term}; got ${energies[name]}`);
    });
  }
}

/** The share of molecules that end no more than 0.1 kcal/mol above RDKit's BFGS after as many iterations. */
function assertMinima(engine: Mmff94, references: readonly Reference[], options?: FieldOptions): void {
  const minimised = engine.minimise(references.map((one) => placed(one, options)), { iterations: 100 });
  const above = minimised.filter(({ after }, k) => after > references[k].minimised + 0.1).length;
  assert.ok(above <= 0.05 * references.length, `${above} of ${references.length} are above RDKit's`);
  for (const { before, after, iterations } of minimised) assert.ok(after <= before && iterations <= 100);
}

for (const [name, engine] of engines) {
  Deno.test(`minimise() and slope() on ${name} give RDKit's energies of compounds, and minima no higher`, () => {
    assertEnergies(engine, compounds());
    assertMinima(engine, compounds());
  });

  Deno.test(`minimise() and slope() on ${name} give those of MMFF94s with charges`, () => {
    const references = compounds().map(published);
    assertEnergies(engine, references, PUBLISHED);
    assertMinima(engine, references, PUBLISHED);
  });

  for (const place of ["positions", "noisy"] as const) {
    Deno.test(`minimise() and slope() on ${name} do so for QM9's molecules: ${place}`, { ignore: !hasQm9 }, () => {
      assertEnergies(engine, qm9References(place));
      assertMinima(engine, qm9References(place));
    });
  }

  Deno.test(`slope() on ${name} gives the energy's slope by finite differences, also far from rest`, () => {
    const total = (molecule: Placed) => Object.values(engine.slope(molecule).energies).reduce((sum, e) => sum + e, 0);
    for (const [k, reference] of compounds().entries()) {
      if (k % 8 !== 0) continue;
      const draw = random(k), { field } = placed(reference, k % 16 === 0 ? PUBLISHED : {});
      const positions = Float64Array.from(reference.positions, (x) => x + 0.05 * draw.normal());
      const { gradient } = engine.slope({ field, positions }), step = 1e-5;
      gradient.forEach((slope, c) => {
        const at = (by: number) => total({ field, positions: positions.with(c, positions[c] + by) });
        const found = (at(step) - at(-step)) / (2 * step);
        assert.ok(
          Math.abs(found - slope) < 1e-3 + 1e-5 * Math.abs(slope),
          `${reference.name} ${c}: ${found}; ${slope}`,
        );
      });
    }
  });

  Deno.test(`minimise() on ${name} gives the same bits alone and in company`, () => {
    const molecules = compounds().slice(0, 40).map((one, k) => placed(one, k % 2 ? PUBLISHED : {}));
    const alone = molecules.map((molecule) => engine.minimise([molecule])[0]);
    assert.deepEqual(engine.minimise(molecules.toReversed()).toReversed(), alone);
  });

  Deno.test(`minimise() on ${name} leaves frozen atoms to the last bit, and ends where nothing else has a slope`, () => {
    for (const reference of compounds().slice(0, 20)) {
      const molecule = placed(reference), draw = random(3), frozen = Math.min(4, molecule.field.atoms - 1);
      const positions = Float64Array.from(molecule.positions, (x) => x + 0.05 * draw.normal());
      const [{ positions: there, before, after }] = engine.minimise([{ ...molecule, positions }], {
        iterations: 400,
        frozen,
      });
      assert.deepEqual(there.subarray(0, 3 * frozen), positions.subarray(0, 3 * frozen));
      const { gradient } = engine.slope({ ...molecule, positions: there }), free = gradient.subarray(3 * frozen);
      assert.ok(after < before && Math.hypot(...free) < 0.5, `${reference.name}: ${Math.hypot(...free)}`);
    }
    assert.throws(
      () => engine.minimise([placed(compounds()[0])], { frozen: -1 }),
      /frozen must be a whole number from 0; got -1/,
    );
  });

  Deno.test(`minimise() on ${name} leaves what has no energy, and says so`, () => {
    const molecule = placed(compounds()[0]), positions = Float64Array.from(molecule.positions).with(4, NaN);
    const [lost, found] = engine.minimise([{ ...molecule, positions }, molecule]);
    assert.equal(lost.iterations, -1);
    assert.deepEqual(lost.positions, positions);
    assert.ok(Number.isNaN(lost.after) && Number.isFinite(found.after));
  });

  Deno.test(`minimise() on ${name} takes atoms apart that are nearly in one place, and bears those that are`, () => {
    const reference = compounds()[0], { field } = placed(reference), at = reference.positions;
    const beside = (by: number) => Float64Array.from(at).with(3, at[0] + by).with(4, at[1]).with(5, at[2]);
    const [near, same] = engine.minimise([{ field, positions: beside(0.05) }, { field, positions: beside(0) }]);
    assert.ok(near.before > 1000 && near.after < reference.minimised + 0.1, `${near.before} to ${near.after}`);
    assert.ok(Number.isFinite(same.after) && same.after <= same.before);
  });

  Deno.test(`minimise() on ${name} takes molecules of more atoms than its model of the Hessian`, () => {
    const { topology, positions } = alkane(70),
      { before, after } = engine.minimise([{
        field: fieldOf(topology),
        positions,
      }])[0];
    assert.ok(Number.isFinite(after) && after < 0.2 * before, `${before} to ${after}`);
  });

  Deno.test(`minimise() on ${name} refuses positions of other atoms, and limits that are none`, () => {
    const molecule = placed(compounds()[0]);
    assert.throws(() => engine.minimise([{ ...molecule, positions: [1, 2] }]), /positions must be \d+ numbers; got 2/);
    assert.throws(
      () => engine.minimise([molecule], { iterations: -1 }),
      /iterations must be a whole number from 0; got -1/,
    );
    assert.throws(() => engine.minimise([molecule], { tolerance: NaN }), /tolerance must be 0 or more; got NaN/);
  });
}

/** An unbranched alkane in zigzag, its hydrogens roughly where they belong. */
function alkane(carbons: number): { topology: Topology; positions: number[] } {
  const elements = Array.from({ length: carbons }, () => 6), positions: number[] = [];
  const bonds = Array.from({ length: carbons - 1 }, (_, i) => ({ i, j: i + 1, order: 1 as const }));
  const place = (k: number) => [1.25 * k, 0.45 * (k % 2 ? 1 : -1), 0];
  for (let k = 0; k < carbons; k++) positions.push(...place(k));
  const hydrogen = (carbon: number, x: number, y: number, z: number) => {
    bonds.push({ i: carbon, j: elements.length, order: 1 });
    elements.push(1);
    const [cx, cy, cz] = place(carbon);
    positions.push(cx + x, cy + y, cz + z);
  };
  for (let k = 0; k < carbons; k++) for (const side of [-0.9, 0.9]) hydrogen(k, 0, k % 2 ? 0.6 : -0.6, side);
  hydrogen(0, -0.9, 0.5, 0);
  hydrogen(carbons - 1, 0.9, (carbons - 1) % 2 ? -0.5 : 0.5, 0);
  return { topology: { atomicNumbers: elements, bonds }, positions };
}

Deno.test(
  "minimiseAll() on native gives the bits of minimise(), whatever the number of threads",
  { ignore: !native },
  async () => {
    const molecules = compounds().slice(0, 60).map((one) => placed(one, PUBLISHED)), here = native!.minimise(molecules);
    for (const threads of [1, 2, 7]) assert.deepEqual(await native!.minimiseAll(molecules, { threads }), here);
  },
);

/** Molecules about a fixed part, drawn with the shipped model. */
import assert from "node:assert/strict";
import { partOf } from "../../../bench/fixed_parts.ts";
import { bondsOf } from "../../../chem/bonds.ts";
import type { Molecule } from "../../../chem/molecule.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { superposedRmsd } from "../../../chem/refinement/rmsd.ts";
import { molblock, readMolblock } from "../../../chem/sdf.ts";
import { createValidator } from "../../../chem/validator.ts";
import { draw, type DrawOptions } from "../../../model/generation/generate.ts";
import type { FixedAsked } from "../../../model/generation/fixed_order.ts";
import { acceptOrder, type Order } from "../../../model/generation/order.ts";
import { generateMolecules } from "../../../model/generation/pipeline.ts";
import { loadModel } from "../../../model/models/load.ts";

const model = await loadModel("weights/qm9", { backend: "wasm", threads: 1 }), { card } = model;
const validate = createValidator(await createRdkit());

const orderOf = async (name: string, order: Partial<Order> = {}, fixed: Partial<FixedAsked> = {}): Promise<Order> => ({
  ...{ count: 6, steps: 4, seed: 3, sampler: "consistency" },
  ...order,
  fixed: { ...await partOf(name), ...fixed },
});

/** Molecules in the order of their indices. */
async function drawn(order: Order, options?: DrawOptions): Promise<Molecule[]> {
  const all: { index: number; molecule: Molecule }[] = [];
  for await (const { indices, molecules } of draw(model, acceptOrder(card, order), options)) {
    indices.forEach((index, k) => all.push({ index, molecule: molecules[k] }));
  }
  return all.sort((a, b) => a.index - b.index).map(({ molecule }) => molecule);
}

/** The part is where it was, is what it was, and has the bonds that it had: among its atoms those given, and of closed atoms no others. */
async function assertFixed(molecules: readonly Molecule[], name: string, closed: readonly number[] = []) {
  const { molblock: block, atoms } = await partOf(name), { molecule: given, bonds } = readMolblock(block);
  const kept = atoms ?? Array.from(given.atomicNumbers.keys()).filter((atom) => given.atomicNumbers[atom] > 1);
  const within = bonds.filter(({ i, j }) => kept.includes(i) && kept.includes(j))
    .map(({ i, j, order }) => [kept.indexOf(i), kept.indexOf(j)].sort().concat(order).join()).sort();
  for (const molecule of molecules) {
    kept.forEach((atom, k) => {
      assert.equal(molecule.atomicNumbers[k], given.atomicNumbers[atom]);
      for (let a = 0; a < 3; a++) {
        assert.ok(Math.abs(molecule.positions[3 * k + a] - given.positions[3 * atom + a]) < 1e-3);
      }
    });
    const found = bondsOf(molecule);
    const own = found.filter(({ j }) => j < kept.length).map(({ i, j, order }) => [i, j, order].join()).sort();
    assert.deepEqual(own, within);
    for (const { i, j } of found) {
      if (closed.includes(i)) assert.ok(j < kept.length || molecule.atomicNumbers[j] === 1);
    }
  }
}

Deno.test("draw() leaves a fixed part where and what it was, by every sampler and decoding", async () => {
  for (const sampler of ["consistency", "ddpm", "ddim", "dpm-solver++", "distilled"] as const) {
    for (const decoding of sampler === "consistency" ? ["argmax", "valence"] as const : ["valence"] as const) {
      const molecules = await drawn(await orderOf("acetamide", { sampler, decoding, count: 3 }));
      assert.equal(molecules.length, 3);
      await assertFixed(molecules, "acetamide");
    }
  }
  const valence = await drawn(await orderOf("carboxyl", { steps: 8, decoding: "valence" }));
  await assertFixed(valence, "carboxyl", [1, 2]);
});

Deno.test("generateMolecules() leaves a fixed part where it was in refined molecules too, and moves the rest", async () => {
  const order = await orderOf("benzene", { count: 6, steps: 8 }), request = acceptOrder(card, order);
  const generated = (await Array.fromAsync(generateMolecules(model, request, { validate, refine: "mmff94" }).windows))
    .flat();
  await assertFixed(generated.map(({ molecule }) => molecule), "benzene");
  const refined = generated.filter(({ validation }) => validation.refinement?.refined);
  assert.ok(refined.length >= 4, `${refined.length} of 6 were refined`);
  const plain = await drawn(order);
  for (const { index, molecule, validation } of refined) {
    const { strain, rmsd } = validation.refinement as { strain: { before: number; after: number }; rmsd: number };
    assert.ok(
      strain.after < strain.before && rmsd > 0.001 &&
        superposedRmsd(molecule.positions, plain[index].positions) > 0.001,
    );
  }
});

Deno.test("draw() gives the same molecules, moved along, where the part is given moved", async () => {
  const { molblock: block } = await partOf("pyrrolidine"), { molecule, bonds } = readMolblock(block);
  // A third of a turn about the diagonal and a shift: exact in a molblock's decimals.
  const there = (v: ArrayLike<number>) =>
    Float32Array.from({ length: v.length }, (_, k) => v[k - k % 3 + (k + 1) % 3] + (k % 3 === 0 ? 5 : -2));
  const moved = molblock({ ...molecule, positions: there(molecule.positions) }, bonds);
  const [plain, other] = [
    await drawn(await orderOf("pyrrolidine")),
    await drawn(await orderOf("pyrrolidine", {}, { molblock: moved })),
  ];
  plain.forEach(({ atomicNumbers, positions }, k) => {
    assert.deepEqual(other[k].atomicNumbers, atomicNumbers);
    there(positions).forEach((value, at) => assert.ok(Math.abs(value - other[k].positions[at]) < 5e-3));
  });
});

Deno.test("draw() gives a seed's molecules about a part whatever the count, and whoever makes the loop over the steps", async () => {
  const order = await orderOf("acetamide", { count: 4 }), all = await drawn(order);
  assert.deepEqual(await drawn(order), all);
  const parts = [await drawn({ ...order, count: 2 }), await drawn({ ...order, count: 2, first: 2 })];
  assert.deepEqual(parts.flat(), all);
  // The engine's alignment of noise and that of the loop here agree to rounding.
  (await drawn(order, { onEstimate() {} })).forEach(({ atomicNumbers, positions }, k) => {
    assert.deepEqual(atomicNumbers, all[k].atomicNumbers);
    positions.forEach((value, at) => assert.ok(Math.abs(value - all[k].positions[at]) < 1e-3));
  });
  const times: number[] = [], resample = { times: 2, back: 1 };
  const again = await drawn(await orderOf("acetamide", { count: 1 }, { resample }), {
    onEstimate: ({ time }) => void times.push(time),
  });
  assert.equal(times.length, 7);
  assert.notDeepEqual(again[0].positions, all[0].positions);
});

Deno.test("draw() draws molecules about a part that are larger, or of the size asked, and mostly valid at 16 steps", async () => {
  const heavy = ({ atomicNumbers }: Molecule) => atomicNumbers.filter((n) => n > 1).length;
  for (const molecule of await drawn(await orderOf("pyrrolidine", { count: 20 }))) {
    assert.ok(heavy(molecule) >= 6 && heavy(molecule) <= 9);
  }
  const range = { min: 8, max: 8 };
  const order = await orderOf("pyrrolidine", { count: 16, steps: 16, size: { counts: "heavyAtoms", range } });
  const molecules = await drawn(order);
  assert.deepEqual(new Set(molecules.map(heavy)), new Set([8]));
  assert.ok(molecules.filter((molecule) => validate(molecule).connected).length >= 12);
});

Deno.test("acceptOrder() refuses fixed parts that a model cannot have, by the field at fault", async () => {
  const refuses = (order: Order, field: string, message: RegExp) =>
    assert.throws(() => acceptOrder(card, order), { name: "ImpossibleOrderError", field, message });
  const { molblock: block } = await partOf("benzene");
  refuses(await orderOf("benzene", {}, { atoms: [0, 40] }), "fixed/atoms", /indices from 0 to 11; got 40/);
  refuses(
    await orderOf("benzene", {}, { attach: [] }),
    "fixed/attach",
    /must have an atom where others are drawn; got none/,
  );
  refuses(await orderOf("benzene", {}, { molblock: "x" }), "fixed/molblock", /line 4: expected a counts line/);
  refuses(
    await orderOf("benzene", {}, { molblock: block.replace("-1.2476", "1247.60") }),
    "fixed/molblock",
    /from -1000 to 1000; got 1247\.5999/,
  );
  refuses(
    await orderOf("benzene", {}, { molblock: block.replace("2  3  2  0", "2  3  4  0") }),
    "fixed/molblock",
    /a bond of order 1, 2 or 3/,
  );
  const small = { counts: "heavyAtoms", range: { min: 5, max: 9 } } as const;
  refuses(
    await orderOf("benzene", { size: small }),
    "heavyAtoms",
    /heavyAtoms must be at least 6, those of the fixed part; got 5/,
  );
  const chain = Array.from({ length: 10 }, (_, i) => i);
  const decane = molblock({
    atomicNumbers: new Uint8Array(10).fill(6),
    positions: Float32Array.from(chain.flatMap((i) => [1.3 * i, i % 2, 0])),
  }, chain.slice(1).map((j) => ({ i: j - 1, j, order: 1 as const })));
  refuses(
    await orderOf("benzene", {}, { molblock: decane }),
    "fixed/atoms",
    /at most 9 heavy atoms, as model qm9 has; got 10/,
  );
  refuses(
    await orderOf("benzene", { sampler: "dpm-solver++" }, { resample: { times: 2, back: 1 } }),
    "fixed/resample",
    /look back at estimates/,
  );
  const ddim = { ...card, distilled: card.distilled.map((student) => ({ ...student, variant: "ddim" as const })) };
  assert.throws(
    () => acceptOrder(ddim, { count: 1, steps: 4, seed: 1, fixed: { molblock: block } }),
    { field: "fixed", message: /student whose variant is consistency; that of 4 steps is of ddim/ },
  );
});

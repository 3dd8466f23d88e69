/** Parts put into estimates of the heavy-atom latent. */
import assert from "node:assert/strict";
import { partOf, PARTS } from "../../../../bench/fixed_parts.ts";
import { readMolblock } from "../../../../chem/sdf.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { fixPart, intoFrame } from "../../../../model/networks/heavy_atom/fix.ts";
import { type FixedChoice, fixedPart } from "../../../../model/networks/heavy_atom/fixed_part.ts";
import { ANGSTROM, heavyAtomSpace, ONE_HOT, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { orthogonal, turnLatents } from "../../../properties.ts";

const space = heavyAtomSpace(), sizes = { classes: space.scalars, features: space.pairs }, width = 9 + space.scalars;
const shape = { batch: 3, nodes: 9 }, length = latentLength(space, shape.nodes);

async function given(name: string, choice: FixedChoice = {}) {
  const { molblock, atoms, attach } = { ...await partOf(name), ...choice };
  return fixedPart(readMolblock(molblock), { atoms, attach }, QM9_CLASSES);
}

/** Estimates as a network may give them: centred, features of at least 0. */
function estimates(seed = 1): Float32Array {
  const z = drawNoise(space, shape, [0, 1, 2].map((k) => random(seed, k)));
  return z.map((value, k) => {
    const own = k % length, scalar = own >= shape.nodes * width || own % width >= 9;
    return scalar ? Math.abs(value) / 4 : value;
  });
}

const at = (z: Float32Array, b: number, i: number) => z.subarray(b * length + i * width, b * length + (i + 1) * width);
const distance = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

Deno.test("fixPart() puts a rigid copy of the part where its atoms are estimated, of its own hand, and the whole stays centred", async () => {
  for (const name of Object.keys(PARTS)) {
    const { part, atoms: { positions: there } } = await given(name), x0 = estimates();
    fixPart(x0, shape, part, sizes);
    for (let b = 0; b < shape.batch; b++) {
      for (let i = 0; i < part.nodes; i++) {
        for (let j = 0; j < i; j++) {
          const wanted = distance(there.subarray(3 * i), there.subarray(3 * j)) / ANGSTROM;
          assert.ok(Math.abs(distance(at(x0, b, i), at(x0, b, j)) - wanted) < 1e-5);
        }
      }
      for (let axis = 0; axis < 3; axis++) {
        let sum = 0;
        for (let i = 0; i < shape.nodes; i++) sum += at(x0, b, i)[axis];
        assert.ok(Math.abs(sum) < 1e-5);
      }
    }
    // Turned back into the part's frame by a rotation, its atoms are where they were: no mirror image is.
    intoFrame(x0, shape, part, sizes);
    for (let i = 0; i < part.nodes; i++) {
      assert.ok(distance(at(x0, 1, i), part.positions.subarray(3 * i)) < 1e-5, `${name}, atom ${i}`);
    }
  }
});

Deno.test("fixPart() turns with the estimate, and turning the part changes nothing", async () => {
  const { part } = await given("pyrrolidine", { attach: [0, 3] }), plain = estimates(), matrix = orthogonal(5);
  const turned = turnLatents(plain, space, shape, matrix), other = plain.slice();
  fixPart(plain, shape, part, sizes);
  fixPart(turned, shape, part, sizes);
  turnLatents(plain, space, shape, matrix).forEach((value, k) => assert.ok(Math.abs(value - turned[k]) < 1e-5));
  const spin = orthogonal(6),
    spun = (v: Float64Array) =>
      v.map((_, k) => {
        const r = k % 3, from = k - r;
        return spin[3 * r] * v[from] + spin[3 * r + 1] * v[from + 1] + spin[3 * r + 2] * v[from + 2];
      });
  const same = { ...part, positions: spun(part.positions), hydrogens: spun(part.hydrogens) };
  fixPart(other, shape, same, sizes);
  other.forEach((value, k) => assert.ok(Math.abs(value - plain[k]) < 1e-5));
});

Deno.test("fixPart() lets in the classes and bonds that the part may have, one-hot where there is one, and is the same done twice", async () => {
  const { part } = await given("acetamide", { attach: [0] }), x0 = estimates();
  fixPart(x0, shape, part, sizes);
  const classes = (i: number) => QM9_CLASSES.filter((_, k) => at(x0, 0, i)[9 + k] > 0);
  // The methyl carbon may give up to three hydrogens; the others are as they were.
  assert.deepEqual(classes(0), [[6, 0], [6, 1], [6, 2], [6, 3]]);
  assert.deepEqual([1, 2, 3].map((i) => classes(i)), [[[6, 0]], [[8, 0]], [[7, 2]]]);
  const orders = (i: number, j: number) => {
    const from = shape.nodes * width + (i * shape.nodes + j) * space.pairs;
    return [0, 1, 2, 3].filter((k) => x0[from + k] > 0);
  };
  assert.deepEqual([orders(0, 1), orders(1, 2), orders(1, 3), orders(0, 3)], [[1], [2], [1], [0]]);
  assert.deepEqual([orders(0, 5), orders(5, 0), orders(1, 5), orders(5, 3)], [[0, 1, 2, 3], [0, 1, 2, 3], [0], [0]]);
  for (let i = 0; i < shape.nodes; i++) {
    const sum = at(x0, 0, i).subarray(9).reduce((a, b) => a + b, 0);
    if (i < 4) assert.ok(Math.abs(sum - ONE_HOT) < 1e-6);
  }
  const once = x0.slice();
  fixPart(x0, shape, part, sizes);
  x0.forEach((value, k) => assert.ok(Math.abs(value - once[k]) < 1e-5));
});

Deno.test("fixPart() leaves hydrogens where they were given on atoms that keep all of them", async () => {
  const { part } = await given("pyrrolidine", { attach: [3] }), x0 = estimates();
  fixPart(x0, shape, part, sizes);
  intoFrame(x0, shape, part, sizes);
  for (const i of [0, 1, 2, 4]) {
    const [own, drawn] = [part.hydrogens.subarray(12 * i), at(x0, 0, i).subarray(3, 9)];
    for (let a = 0; a < 3; a++) assert.ok(Math.abs(drawn[a] - own[a] - own[3 + a]) < 1e-5);
    assert.ok(Math.min(distance(drawn.subarray(3), own), distance(drawn.subarray(3), own.subarray(3))) < 1e-5);
  }
});

Deno.test("fixedPart() takes a cut bond for hydrogens to give, and hydrogens that a molblock leaves out for there", async () => {
  const { part } = await given("carboxyl");
  const classes = (i: number) =>
    QM9_CLASSES.filter((_, k) => part.classes[i * QM9_CLASSES.length + k] === 1).map(([e, h]) => `${e}+${h}`);
  assert.deepEqual([0, 1, 2].map(classes), [["6+0", "6+1"], ["8+0"], ["8+1"]]);
  assert.deepEqual([...part.most], [1, 0, 0]);
  const { molblock } = await partOf("acetamide"), whole = readMolblock(molblock);
  const heavy = whole.bonds.filter(({ j }) => j < 4);
  const bare = {
    molecule: {
      atomicNumbers: whole.molecule.atomicNumbers.slice(0, 4),
      positions: whole.molecule.positions.slice(0, 12),
    },
    bonds: heavy,
  };
  const full = fixedPart(whole, {}, QM9_CLASSES).part, less = fixedPart(bare, {}, QM9_CLASSES).part;
  assert.deepEqual([less.classes, less.most, less.orders], [full.classes, full.most, full.orders]);
  assert.deepEqual([[...full.whole].map((k) => k >= 0), [...less.whole].map((k) => k >= 0)], [
    [true, true, true, true],
    [false, true, true, false],
  ]);
});

Deno.test("fixedPart() refuses what the model cannot have, and says what it can", async () => {
  const { molblock } = await partOf("acetamide"), amide = readMolblock(molblock);
  const refuses = (choice: FixedChoice, field: string, message: RegExp, from = amide) =>
    assert.throws(() => fixedPart(from, choice, QM9_CLASSES), { name: "ImpossiblePartError", field, message });
  refuses({ atoms: [0, 9] }, "atoms", /atoms must be indices from 0 to 8; got 9/);
  refuses({ atoms: [4] }, "atoms", /atoms must be heavy atoms, here 0, 1, 2, 3; got 4, a hydrogen/);
  refuses({ atoms: [1, 1] }, "atoms", /atoms must differ; got 1 twice/);
  refuses({ attach: [1] }, "attach", /attach must be fixed atoms with a hydrogen to give, here 0, 3; got atom 1 \(C\)/);
  refuses({ atoms: [1, 2], attach: [3] }, "attach", /here 1; got 3/);
  const bonds = [...amide.bonds, { i: 2, j: 3, order: 3 as const }];
  refuses({}, "molblock", /atom 2 \(O\) must have bonds of at most 2 in all; got 5/, { ...amide, bonds });
  const atomicNumbers = amide.molecule.atomicNumbers.with(0, 17), molecule = { ...amide.molecule, atomicNumbers };
  refuses({}, "molblock", /heavy atoms must be one of C\+0H .* F\+0H; got atom 0 \(Cl\)/, { ...amide, molecule });
  const charges = new Int8Array(9).with(3, 1);
  refuses({}, "molblock", /got atom 3 \(N\) of charge 1/, { ...amide, molecule: { ...amide.molecule, charges } });
  const none = { ...amide, molecule: { atomicNumbers: Uint8Array.of(1), positions: new Float32Array(3) }, bonds: [] };
  refuses({}, "molblock", /molblock must have a heavy atom; got none/, none);
});

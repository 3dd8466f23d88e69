import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { packSmiles, unpackSmiles } from "../../chem/smiles_set.ts";

const SMILES = Array.from({ length: 300 }, (_, k) => "C".repeat(k % 20 + 1) + "N".repeat(k % 15) + "O");

Deno.test("unpackSmiles() knows each SMILES that packSmiles() took, and no other", () => {
  const set = unpackSmiles(packSmiles(SMILES));
  assert.equal(set.size, new Set(SMILES).size);
  for (const one of SMILES) assert.ok(set.has(one), one);
  for (const one of ["C", "", "CO ", "OC", "F"]) assert.ok(!set.has(one), one);
  assert.equal(unpackSmiles(packSmiles([])).has("C"), false);
});

Deno.test("packSmiles() writes the first five bytes of SHA-256, and the same file for any order", () => {
  assert.deepEqual([...packSmiles(["CO"])], [...createHash("sha256").update("CO").digest().subarray(0, 5)]);
  assert.deepEqual(packSmiles(SMILES.toReversed()), packSmiles(SMILES));
});

Deno.test("unpackSmiles() refuses a file that is cut short or not in order", () => {
  const bytes = packSmiles(SMILES);
  assert.throws(() => unpackSmiles(bytes.subarray(0, 81), "a.u40"), /a\.u40: 81 bytes/);
  const swapped = new Uint8Array([...bytes.subarray(5, 10), ...bytes.subarray(0, 5)]);
  assert.throws(() => unpackSmiles(swapped, "a.u40"), /a\.u40: entry 1/);
});

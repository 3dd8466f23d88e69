import assert from "node:assert/strict";
import { checkParity, differences, rowOf } from "../../../bench/gpu/parity.ts";
import { openSubject } from "../../../bench/subject.ts";
import { withFolder, writeTinyModel } from "../../model/tiny_model.ts";

Deno.test("differences() are of each molecule by itself, and infinite where one is no number", () => {
  assert.deepEqual(differences([1, 2, 30, 40], [1, 2, 30, 44], 2), [0, 4 / 44]);
  assert.deepEqual(differences([0, 0], [0, 0], 1), [0]);
  assert.deepEqual(differences([1, NaN, 3, 4], [1, 2, 3, 4], 2), [Infinity, 0]);
  assert.deepEqual(differences([1], [0], 1), [Infinity]);
  assert.throws(() => differences([1, 2], [1, 2, 3], 1), /1 molecules must have 3 numbers; got 2/);
  assert.throws(() => differences([1, 2, 3], [1, 2, 3], 2), /2 molecules must have 3 numbers; got 3/);
});

Deno.test("rowOf() calls one estimate beyond the tolerance wrong, and more than a tenth of the samplings", () => {
  const note = (kind: "estimates" | "sampling", all: number[]) => rowOf({}, kind, all).note;
  assert.equal(note("estimates", [1e-5, 9e-5]), "");
  assert.match(String(note("estimates", [1e-5, 2e-4])), /^WRONG: at least 100 % must agree$/);
  const nine = Array(9).fill(1e-5);
  assert.equal(note("sampling", [...nine, 1]), "");
  assert.match(String(note("sampling", [...nine, 1, 1])), /^WRONG: at least 90 % must agree$/);
  assert.match(String(note("estimates", [NaN])), /^WRONG/);
});

Deno.test("checkParity() compares estimates and samplings of a model and of an EGNN with the first place that works", async () => {
  await withFolder(async (root) => {
    const folder = await writeTinyModel(root), computed = [{ nodes: 4 }, { nodes: 4, steps: 2 }];
    const { rows, why } = await checkParity({
      cases: [
        { name: "tiny", network: { folder }, batch: 3, computed },
        { name: "EGNN", network: { width: 16, blocks: 1 }, batch: 3, computed },
      ],
      place: "tfjs cpu",
      references: ["wasm engine"],
      patience: 60,
    });
    assert.deepEqual(rows.map(({ network, what }) => `${network} ${what}`), [
      ...["tiny estimates", "tiny sampling"],
      ...["EGNN estimates", "EGNN sampling"],
    ]);
    for (const row of rows) {
      assert.equal(row.note, "");
      assert.equal(row.beside, "wasm engine");
      assert.ok(Number(row["largest difference"]) > 0, "two engines do not round alike");
    }
    assert.deepEqual(Object.keys(why!).sort(), ["tfjs cpu", "wasm engine"]);
    const none = checkParity({
      cases: [{ name: "none", network: { folder: root }, batch: 1, computed }],
      patience: 60,
    });
    await assert.rejects(none, /^Error: native engine: .*card\.json.*; wasm engine: .*card\.json/);
  });
});

Deno.test("a parity subject samples an EGNN, and says what it can compute", async () => {
  const subject = await openSubject({ type: "parity", network: { width: 16, blocks: 1 }, place: "wasm engine" });
  try {
    const x0 = await subject.prepare(2, "sampling 3 2")();
    assert.equal(x0.length, 2 * 3 * 4);
    assert.ok(x0.every(Number.isFinite));
    assert.throws(() => subject.prepare(2, "guess 3"), /"estimates NODES" or "sampling NODES STEPS"; got "guess 3"/);
    assert.throws(() => subject.prepare(2, "sampling 3"), /got "sampling 3"/);
  } finally {
    subject.close();
  }
});

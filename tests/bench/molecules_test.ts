import assert from "node:assert/strict";
import { TALLY, tallyOf, whatOf } from "../../bench/generation.ts";
import { DECODINGS } from "../../model/diffusion/decodings.ts";
import { benchMolecules, roundCount } from "../../bench/molecules.ts";
import { openSubject } from "../../bench/subject.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

Deno.test("roundCount() fills a round's time with whole batches, at least one and not more than sixteen", () => {
  assert.equal(roundCount(6, 1), 64);
  assert.equal(roundCount(6, 0.03), 192);
  assert.equal(roundCount(6, 1e-6), 1024);
  assert.equal(roundCount(6, 0), 1024);
});

Deno.test("a generation's sample adds up over its calls, each of which draws other molecules", async () => {
  await withFolder(async (root) => {
    const subject = await openSubject({ type: "generation", folder: await writeTinyModel(root), place: "wasm engine" });
    try {
      const draw = { steps: 2, decoding: "valence", seed: 1 } as const, call = subject.prepare(12, whatOf(draw));
      const first = tallyOf(await call()), second = tallyOf(await call());
      assert.deepEqual([first.drawn, second.drawn], [12, 24]);
      for (const name of TALLY) assert.ok(second[name] >= first[name], name);
      assert.ok(first.sampleMs > 0 && first.validateMs > 0);
      assert.ok(first.validUniqueStable >= 1 && first.validUniqueStable <= Math.min(first.valid, first.stable));
      // The same seed gives the same molecules, of which none is new; another decoding judges others.
      const again = tallyOf(await subject.prepare(12, whatOf(draw))());
      assert.equal(again.validUniqueStable, first.validUniqueStable);
      const argmax = tallyOf(await subject.prepare(12, whatOf({ ...draw, decoding: "argmax" }))());
      assert.ok(argmax.stable < first.stable, `${argmax.stable} by argmax, ${first.stable} by valence`);
      assert.throws(() => subject.prepare(12, "2 guess 1"), /a decoding \(argmax, valence\) and a seed; got 2 guess 1/);
      assert.throws(() => subject.prepare(12), /got $/);
    } finally {
      subject.close();
    }
  });
});

Deno.test("benchMolecules() gives rates and shares by steps and decoding, and why a row is left out", async () => {
  await withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    const options = { folder, model: "qm9", weights: "test", places: ["wasm engine"], decodings: DECODINGS } as const;
    const { rows } = await benchMolecules({ ...options, steps: [2], rounds: 4, seconds: 0.1, limit: 4 });
    assert.deepEqual(rows.map(({ steps, decoding }) => `${steps} ${decoding}`), ["2 argmax", "2 valence"]);
    for (const row of rows) {
      assert.ok(Number(row["molecules/s"]) > 0 && Number(row.n) >= 4 * 64, JSON.stringify(row));
      const share = Number(row["valid-unique-stable/s"]) / Number(row["molecules/s"]);
      assert.ok(Math.abs(100 * share - Number(row["valid-unique-stable %"])) < 1e-6);
    }
    const slow = await benchMolecules({ ...options, steps: [1, 2], rounds: 1, seconds: 0.1, limit: 0.001 });
    assert.equal(slow.rows.length, 4);
    for (const row of slow.rows) {
      assert.equal(row["molecules/s"], null);
      assert.match(String(row.note), /^left out: 64 molecules take .* s$/);
    }
  });
});

/** On QM9's own molecules; skipped where QM9 is not at hand. */
import assert from "node:assert/strict";
import { isSound } from "../../../chem/judge/sound.ts";
import { scaffoldKey } from "../../../chem/judge/summary.ts";
import { findQm9, openQm9 } from "../../../chem/qm9.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator } from "../../../chem/validator.ts";
import { createValidatorPool } from "../../../chem/validator_pool.ts";
import { findReference } from "../../../model/evaluation/evaluate_reference.ts";

const folder = await findQm9().catch(() => undefined);

Deno.test({
  name: "isSound() passes at least 99 % of QM9's valid molecules that were held out",
  ignore: !folder,
  async fn() {
    const data = await openQm9(folder!), validate = createValidator(await createRdkit());
    const rows = data.split.valid.subarray(0, 1000);
    const judged = [...rows].map((row) => validate(data.molecule(row), { judge: true, inchikey: false }));
    const valid = judged.filter(({ connected }) => connected), agreed = judged.filter(({ bondsAgree }) => bondsAgree);
    assert.ok(
      valid.filter(isSound).length >= 0.99 * valid.length,
      `${valid.filter(isSound).length} of ${valid.length}`,
    );
    assert.ok(agreed.length >= 0.99 * judged.length, `${agreed.length} of ${judged.length}`);
    assert.ok(judged.every(({ valid, findings }) => valid === (findings !== undefined)));
  },
});

Deno.test({
  name: "a validating worker finds what the main thread finds; QM9's training molecules have none but known motifs",
  ignore: !folder,
  async fn() {
    const data = await openQm9(folder!), validate = createValidator(await createRdkit());
    const molecules = [...data.split.train.subarray(0, 40)].map((row) => data.molecule(row)), options = { judge: true };
    const here = molecules.map((molecule) => validate(molecule, options));
    const pool = createValidatorPool({ validate, workers: 1 });
    try {
      await pool.warm();
      assert.deepEqual((await pool.judge(molecules, options)).validations, here);
    } finally {
      pool.close();
    }
    const { motifs, training } = (await findReference())!;
    for (const { findings, edmSmiles } of here) {
      if (!findings) continue;
      assert.ok(training.has(edmSmiles!));
      const keys = [...findings.motifs, ...(findings.scaffold ? [scaffoldKey(findings.scaffold)] : [])];
      for (const key of keys) assert.ok(motifs!.has(key), `${edmSmiles}: ${key}`);
    }
  },
});

import assert from "node:assert/strict";
import type { ValidateOptions, Validation } from "../../../chem/validator.ts";
import { loadModel } from "../../../model/models/load.ts";
import { rehearse } from "../../../model/service/rehearsal.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

Deno.test("rehearse() draws for each form, with all that can be said of a molecule, and fails as a request would", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "cpu" }), asked: ValidateOptions[] = [];
    const verdict = { valid: false, stable: false, stableAtoms: 0, atoms: 1, connected: false, edmSmiles: null };
    const validate = (_: unknown, options: ValidateOptions = {}) => {
      asked.push(options);
      return { ...verdict, smiles: null, inchikey: null, fragments: 0, bonds: [] } as unknown as Validation;
    };
    await rehearse(model, validate);
    // JSON, SDF, XYZ, which has no InChIKey, and NDJSON.
    assert.deepEqual(asked.map(({ inchikey }) => inchikey), [true, true, false, true]);
    assert.ok(asked.every(({ descriptors }) => descriptors));
    await assert.rejects(
      rehearse(model, () => {
        throw new Error("no chemistry");
      }),
      /no chemistry/,
    );
    model.dispose();
  }));

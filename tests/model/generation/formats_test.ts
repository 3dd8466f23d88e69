import assert from "node:assert/strict";
import { readSdf } from "../../../chem/sdf.ts";
import { readXyz } from "../../../chem/xyz.ts";
import { toFault } from "../../../model/generation/formats.ts";

Deno.test("toFault() is a record of the form: an object, or a molecule of no atoms, that says what is wrong", () => {
  const fault = { error: 'the "deadline" has passed', drawn: 256, count: 600 };
  assert.deepEqual(JSON.parse(toFault("ndjson", fault)), fault);
  assert.ok(toFault("ndjson", fault).endsWith("}\n"));
  const [{ title, data, molecule }] = readSdf(toFault("sdf", fault));
  assert.deepEqual([title, molecule.atomicNumbers.length], ["error", 0]);
  assert.deepEqual(data, { error: fault.error, drawn: "256", count: "600" });
  const [frame] = readXyz(toFault("xyz", fault));
  assert.equal(frame.comment, 'error="the \\"deadline\\" has passed" drawn=256 count=600');
  assert.equal(frame.molecule.atomicNumbers.length, 0);
});

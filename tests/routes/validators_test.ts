import assert from "node:assert/strict";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator } from "../../chem/validator.ts";
import { createRefiningPool } from "../../model/generation/refiner.ts";
import { post, withApp } from "./app_fixture.ts";

/** Bodies without what is measured, of several requests at once. */
async function bodies(app: Parameters<Parameters<typeof withApp>[0]>[0]): Promise<unknown[]> {
  const include = ["bonds", "molblock", "descriptors"];
  const requests: [body: Record<string, unknown>, accept: string][] = [
    [{ count: 40, include }, "application/json"],
    [{ count: 1 }, "application/json"],
    [{ count: 30, filter: "unique", include }, "application/json"],
    [{ count: 300, filter: "valid" }, "application/x-ndjson"],
    [{ count: 25, include }, "chemical/x-mdl-sdfile"],
  ];
  return await Promise.all(requests.map(async ([body, accept], k) => {
    const response = await post(app, { steps: 1, seed: 7 + k, ...body }, { Accept: accept });
    assert.equal(response.status, 200);
    if (accept !== "application/json") return await response.text();
    const { timings, ...rest } = await response.json();
    assert.ok(timings.validateMs >= 0);
    return rest;
  }));
}

Deno.test("POST /generate answers alike when the main thread validates, and when workers do", async () => {
  const validate = createValidator(await createRdkit());
  const found: unknown[][] = [];
  await withApp(async (app) => void found.push(await bodies(app)), { validate: () => Promise.resolve(validate) });
  for (const workers of [0, 2]) {
    const pool = createRefiningPool({ validate, workers, piece: 2 });
    try {
      await pool.warm();
      await withApp(async (app) => void found.push(await bodies(app)), { validate: () => Promise.resolve(pool) });
      assert.equal(pool.ready > 0, workers > 0);
    } finally {
      pool.close();
    }
  }
  assert.deepEqual(found[1], found[0]);
  assert.deepEqual(found[2], found[0]);
});

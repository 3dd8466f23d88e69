import assert from "node:assert/strict";
import { batchOf, benchSizes, egnnFlops, flopsOf, sizeCases } from "../../bench/sizes.ts";

Deno.test("flopsOf() counts what docs/benchmarks.md says of both networks", () => {
  assert.equal(Math.round(flopsOf("egnn", 18) / 1e6), 871);
  assert.equal(Math.round(egnnFlops({ width: 256, blocks: 9 }, 18) / 1e6), 871);
  assert.ok(Math.abs(flopsOf("pair-attention", 9) / 1e6 - 48.2) < 0.1);
  // One node has no edge.
  assert.equal(egnnFlops({ width: 2, blocks: 1 }, 1), 2 * 7 * 4);
});

Deno.test("batchOf() is a power of two, smaller for larger calls, and never below a molecule", () => {
  assert.deepEqual([1e6, 1e9, 5e9, 80e9].map(batchOf), [64, 16, 4, 1]);
});

Deno.test("sizeCases() covers 3 to 180 nodes and batches of 1 to 512, the largest last", () => {
  for (const network of ["pair-attention", "egnn"] as const) {
    const cases = sizeCases(network), nodes = cases.map(({ what }) => Number(what));
    for (const one of [3, 29, 30, 60, 90, 120, 180]) assert.ok(nodes.includes(one), String(one));
    assert.equal(Math.max(...cases.map(({ batch }) => batch)), 512);
    assert.equal(nodes.at(-1), 180);
  }
});

Deno.test("benchSizes() measures one process at several nodes, and gives the cost of a pair", async () => {
  const { rows, settings } = await benchSizes(
    "pair-attention",
    { rounds: 1, seconds: 0.02, limit: 60 },
    ["wasm engine", "tfjs cpu"],
    sizeCases("pair-attention").filter(({ batch, what }) => batch === 1 || what === "3").map((one) => ({
      ...one,
      batch: 1,
      name: { ...one.name, batch: 1 },
    })).slice(0, 2),
  );
  assert.equal(settings.type, "pair-attention");
  assert.deepEqual(rows.map(({ nodes, batch, backend }) => `${nodes} ${batch} ${backend}`), [
    "9 1 wasm engine",
    "9 1 tfjs cpu",
    "3 1 wasm engine",
    "3 1 tfjs cpu",
  ]);
  for (const row of rows) {
    const nodes = Number(row.nodes), rate = Number(row["molecule-steps/s"]);
    assert.ok(rate > 0 && Number(row.difference) < 1e-4, JSON.stringify(row));
    assert.ok(Math.abs(Number(row["us a pair"]) * rate * nodes * (nodes - 1) / 1e6 - 1) < 1e-9);
  }
  assert.ok(Number(rows[2]["molecule-steps/s"]) > Number(rows[0]["molecule-steps/s"]));
});

import assert from "node:assert/strict";
import { createClampCrew } from "../../../../model/engines/webgpu/clamp_crew.ts";
import { clampToValence } from "../../../../model/networks/heavy_atom/clamp.ts";
import { bondSumsOf, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { noisy } from "./network.ts";

for (const workers of [1, 2]) {
  Deno.test(`clamp() by ${workers} gives what clampToValence() gives`, async () => {
    const shape = { nodes: 4, batch: 37 },
      { z } = noisy(shape),
      x0 = z.map((value) => Math.abs(value)),
      own = x0.slice();
    const crew = createClampCrew(workers);
    try {
      await crew.clamp({ x0, shape, bondSums: bondSumsOf(QM9_CLASSES), features: 4 });
    } finally {
      crew.dispose();
    }
    assert.ok(clampToValence(own, shape, bondSumsOf(QM9_CLASSES)) > 0);
    assert.deepEqual(x0, own);
  });
}

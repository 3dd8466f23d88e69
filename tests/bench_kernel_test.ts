import assert from "node:assert/strict";
import { fmaLoop } from "../bench/fma_loop.ts";
import { productFlops } from "../bench/kernel.ts";
import { hasRelaxedSimd } from "../model/engines/c/wasm_module.ts";
import { pairAttentionParameters } from "../model/networks/pair_attention/parameters.ts";

Deno.test("fmaLoop() is a module whose sums each become s 0.999 + 0.5 a turn", () => {
  for (const relaxed of hasRelaxedSimd() ? [false, true] : [false]) {
    const { run } = new WebAssembly.Instance(new WebAssembly.Module(fmaLoop(relaxed))).exports as {
      run(turns: number): number;
    };
    for (const turns of [1, 2, 7]) {
      let expected = 0;
      for (let first = 3; first < 15; first++) {
        let sum = first;
        for (let turn = 0; turn < turns; turn++) sum = sum * 0.999 + 0.5;
        expected += sum;
      }
      assert.ok(Math.abs(run(turns) / expected - 1) < 1e-6, `${turns} turns: ${run(turns)}, not ${expected}`);
    }
  }
});

Deno.test("productFlops() counts two for each weight of a lone node", () => {
  const space = { vectors: 3, scalars: 16, pairs: 8 };
  const sizes = { width: 32, blocks: 2, levels: 4, estimates: true };
  let weights = 0;
  for (const { name, shape } of pairAttentionParameters(space, sizes)) {
    if (!/weight$|mix$/.test(name)) continue;
    const size = shape.reduce((a, b) => a * b);
    // Sets are mixed along three axes.
    weights += /mix$/.test(name) ? 3 * size : size;
  }
  // Attention multiplies without weights: queries by keys, shares by values.
  const attention = 2 * 2 * 32, paddedBonds = 32 * 8;
  assert.equal(productFlops(space, sizes, 1), 2 * (weights + attention + paddedBonds));
});

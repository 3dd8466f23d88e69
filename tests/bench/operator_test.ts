/** The small network of `bench/operator.ts`. */
import assert from "node:assert/strict";
import { createNetwork } from "../../bench/operator_network.ts";
import { random } from "../../model/diffusion/random.ts";

/** Root mean square error after so many updates, where each time's target is made of its own input, or of the time's before it. */
function learned(mixed: boolean, of: "own" | "before"): number {
  const stream = random(1, 0), times = 3, batch = 32, network = createNetwork({ times, width: 12, mixed }, stream);
  const drawn = () => {
    const x = Float64Array.from({ length: batch * times * 2 }, () => stream.normal());
    const target = Float64Array.from({ length: batch * times }, (_, row) => {
      const from = of === "own" || row % times === 0 ? row : row - 1;
      return Math.sin(x[2 * from]) + 0.5 * x[2 * from + 1];
    });
    return { x, target };
  };
  for (let update = 0; update < 1500; update++) {
    const { x, target } = drawn();
    network.learn(x, target, 0.01 * (1 - update / 1500));
  }
  const { x, target } = drawn(), square = network.predict(x).reduce((sum, y, k) => sum + (y - target[k]) ** 2, 0);
  return Math.sqrt(square / target.length);
}

Deno.test("createNetwork() learns what is of its own time with and without mixing, and what is of another time only with it", () => {
  assert.ok(learned(false, "own") < 0.1);
  assert.ok(learned(true, "own") < 0.1);
  assert.ok(learned(true, "before") < 0.35);
  assert.ok(learned(false, "before") > 0.6);
});

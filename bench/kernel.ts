/**
 * How near the WebAssembly engine comes to what the processor can do: its matrix products' rate as a share of the rate of bare
 * multiply-adds, measured in turns in this process, on one core, each by its quickest call. The share depends little on the machine and
 * its load, so that a lower one than yesterday's tells of a worse kernel.
 */
import { LANES } from "../model/engines/c/constants.ts";
import { createWasmInstance } from "../model/engines/c/wasm_instance.ts";
import { compileWasmEngine, hasRelaxedSimd } from "../model/engines/c/wasm_module.ts";
import { conditioned, eachCondition } from "../model/diffusion/condition.ts";
import { rowsOf } from "../model/networks/pair_attention/conditions.ts";
import { heavyAtomSpace } from "../model/networks/heavy_atom/space.ts";
import { drawNoise } from "../model/diffusion/latent.ts";
import { flatten } from "../model/engines/c/parameters.ts";
import { initialValues } from "../model/networks/pair_attention/initialise.ts";
import {
  DISTANCES,
  EXPANSION,
  HEADS,
  PAIR_WIDTH,
  pairAttentionParameters,
  type PairAttentionSizes,
  SETS,
  TIMES,
  toldRows,
} from "../model/networks/pair_attention/parameters.ts";
import { random } from "../model/diffusion/random.ts";
import { cosineSchedule } from "../model/diffusion/schedules.ts";
import type { LatentSpace } from "../model/diffusion/types.ts";
import { FLOPS_A_TURN, fmaLoop } from "./fma_loop.ts";
import { spread, takeTurns } from "./statistics.ts";
import type { Result, Row } from "./table.ts";

/** Floating-point operations of the matrix products, attention's among them, for one molecule: two a multiply-add. */
export function productFlops(space: LatentSpace, sizes: PairAttentionSizes, nodes: number) {
  const { width: f, blocks, estimates = false } = sizes;
  const pairs = nodes * nodes,
    radial = (estimates ? 2 : 1) * DISTANCES + space.pairs,
    wide = f + SETS,
    hidden = EXPANSION * f;
  const blockNode = 3 * f * f + 2 * PAIR_WIDTH * wide + (f + PAIR_WIDTH) * f + 2 * wide * hidden + 3 * SETS * SETS;
  const blockPair = (radial + 2 * SETS) * PAIR_WIDTH + PAIR_WIDTH * (PAIR_WIDTH + HEADS + SETS) + 2 * f;
  const endsNode = (space.scalars + TIMES + toldRows(sizes)) * f + f * Math.ceil(space.scalars / LANES) * LANES +
    f * PAIR_WIDTH;
  const endsPair = (radial + SETS) * PAIR_WIDTH + PAIR_WIDTH * LANES;
  return 2 * (blocks * (nodes * blockNode + pairs * blockPair) + nodes * endsNode + pairs * endsPair);
}

/** What to measure. */
interface KernelOptions {
  /** Rounds of each. */
  readonly rounds: number;
  /** Least length of a round. */
  readonly seconds: number;
}

/** Calls a second of the quickest of the calls that fit into `seconds`: others may have been interrupted. */
function rate(call: () => void, seconds: number): number {
  const start = performance.now();
  let shortest = Infinity;
  for (let last = start; last - start < 1000 * seconds;) {
    call();
    const now = performance.now();
    shortest = Math.min(shortest, now - last);
    last = now;
  }
  return 1000 / shortest;
}

/** The round that was disturbed least. */
const best = (rates: readonly number[]) => Math.max(...rates);

/** Turns of the reference's loop a call: a fraction of a millisecond. */
const TURNS = 100_000;
/** A molecule, and as many as the engine takes at a time: larger batches repeat that. */
const BATCHES = [1, 8];

/** Measures both builds that run here, on the shipped denoiser's sizes and nine nodes; random weights. */
export async function benchKernel({ rounds, seconds }: KernelOptions): Promise<Result> {
  const space = heavyAtomSpace(), sizes = { width: 192, blocks: 6 }, nodes = 9;
  const specs = pairAttentionParameters(space, sizes), flat = flatten(specs, initialValues(specs, 1));
  const flops = productFlops(space, sizes, nodes), rows: Row[] = [];
  for (const relaxed of hasRelaxedSimd() ? [true, false] : [false]) {
    const engine = createWasmInstance(await compileWasmEngine(relaxed), space, sizes, flat);
    const { run } = new WebAssembly.Instance(new WebAssembly.Module(fmaLoop(relaxed))).exports as {
      run(turns: number): number;
    };
    const reference = () => void run(TURNS);
    for (const batch of BATCHES) {
      const shape = { batch, nodes },
        conditions = rowsOf(conditioned(eachCondition({ time: 0.4 }, batch), cosineSchedule()));
      const z = drawNoise(space, shape, Array.from({ length: batch }, (_, k) => random(1, k)));
      const predict = () => void engine.predict(z, shape, conditions);
      // The first calls run on code that is not optimised yet.
      for (const call of [reference, predict]) rate(call, 0.3);
      const measured = await takeTurns([
        // deno-lint-ignore require-await
        { name: "engine", round: async () => rate(predict, seconds) * batch * flops / 1e9 },
        // deno-lint-ignore require-await
        { name: "reference", round: async () => rate(reference, seconds) * TURNS * FLOPS_A_TURN / 1e9 },
      ], rounds);
      const [own, base] = ["engine", "reference"].map((name) => measured.get(name) as number[]);
      const build = relaxed ? "relaxed SIMD" : "plain SIMD";
      rows.push({
        build,
        batch,
        "molecule-steps/s": best(own) * 1e9 / flops,
        "GFLOPS": best(own),
        "GFLOPS of multiply-adds": best(base),
        share: best(own) / best(base),
        spread: spread(own),
      });
    }
  }
  return {
    bench: "kernel",
    settings: { ...sizes, nodes, "MFLOP a molecule-step": flops / 1e6, rounds, seconds },
    rows,
  };
}

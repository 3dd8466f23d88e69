import assert from "node:assert/strict";
import { join } from "node:path";
import { decide, readCheckOptions } from "../../../bench/gpu/main.ts";
import { type Report, runLimited } from "../../../bench/gpu/limited.ts";
import { compareRates, LIMITS, PARTS } from "../../../bench/gpu/parts.ts";
import { checkRound } from "../../../bench/gpu/round.ts";
import type { Row } from "../../../bench/table.ts";
import { withFolder, writeTinyModel } from "../../model/tiny_model.ts";
import { withoutQm9 } from "../../model/without_qm9.ts";

const result = (...rows: Row[]) => ({ bench: "x", settings: {}, rows });
const cpu = { backend: "native engine", rate: 10, note: "ratios are to this row" };
const gpu = { backend: "webgpu engine", rate: 25, note: "" };

Deno.test("the parts of check:gpu take less than eight minutes together", () => {
  assert.ok(PARTS.reduce((sum, part) => sum + LIMITS[part], 0) < 8 * 60);
});

Deno.test("readCheckOptions() takes parts by name, and refuses what it does not know", () => {
  const options = readCheckOptions(["--only", "training,parity", "--rehearse"])!;
  assert.deepEqual([options.only, options.rehearse, options.model], [["parity", "training"], true, "qm9"]);
  assert.deepEqual(readCheckOptions([])!.only, PARTS);
  assert.equal(readCheckOptions(["--help"]), undefined);
  assert.throws(() => readCheckOptions(["--only", "speed"]), /no part "speed"; there are parity, molecules, round/);
  assert.throws(() => readCheckOptions(["--fast"]), /--fast/);
});

Deno.test("compareRates() is wrong without a rate on the GPU or with other numbers, and content without one beside it", () => {
  const good = compareRates(result(cpu, gpu), "rate");
  assert.deepEqual([good.wrong, good.ratio], [false, 2.5]);
  assert.equal(good.said, "webgpu engine 25.0 rate, native engine 10.0: 2.50 times");
  const absent = compareRates(result(cpu, { ...gpu, rate: null, note: "no GPU" }), "rate");
  assert.deepEqual([absent.wrong, absent.said, absent.ratio], [true, "no GPU", undefined]);
  const alone = compareRates(result({ ...cpu, rate: null, note: "no compiler" }, gpu), "rate");
  assert.deepEqual([alone.wrong, alone.ratio], [false, undefined]);
  assert.match(alone.said, /native engine: no compiler/);
  const other = compareRates(result(cpu, { ...gpu, note: "WRONG: differs" }), "rate");
  assert.equal(other.wrong, true);
  assert.match(other.said, /WRONG: differs$/);
});

Deno.test("decide() keeps training in WGSL where it is faster than the native engine, and says where that is not known", () => {
  const report: Report = { part: "training", seconds: 1, results: [], said: "so", wrong: false, ratio: 2 };
  assert.match(decide([report], false), /: keep it: 2\.00 times/);
  assert.match(decide([{ ...report, ratio: 0.5 }], false), /: drop it: 0\.500 times/);
  assert.match(decide([{ ...report, wrong: true }], false), /drop it or mend it: so/);
  assert.match(decide([{ ...report, ratio: undefined }], false), /not decided: so/);
  assert.match(decide([{ ...report, part: "parity" }], false), /not asked for/);
  assert.match(decide([report], true), /not decided, as this was a rehearsal/);
});

Deno.test("runLimited() tells what a part found, and why one that fails, dies or is late has found nothing", async () => {
  await withFolder(async (root) => {
    const lines: string[] = [], asked = { part: "parity", rehearse: true, model: "m" } as const;
    const run = async (code: string, limit = 60) => {
      const program = join(root, "part.ts");
      await Deno.writeTextFile(program, code);
      return await runLimited(asked, limit, (line) => lines.push(line), program);
    };
    const say = (answer: string) => `console.log("@molstep-check " + JSON.stringify(${answer}));`;
    const found = await run(`console.log("on its way"); ${say(`{ results: [], said: Deno.args[0], wrong: false }`)}`);
    assert.deepEqual([JSON.parse(found.said), found.wrong, lines], [asked, false, ["on its way"]]);
    const failed = await run(say(`{ error: "no GPU" }`));
    assert.deepEqual([failed.said, failed.wrong], ["no GPU", true]);
    assert.match((await run("Deno.exit(3)")).said, /ended by code 3/);
    const late = await run("setTimeout(() => {}, 100_000)", 0.5);
    assert.deepEqual([late.said, late.wrong], ["not done within 0.5 s", true]);
    assert.ok(late.seconds < 20);
  });
});

Deno.test({
  name: "checkRound() follows a round to its end, and is not content with one that trains elsewhere",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root, { recommended: [{ steps: 4, sampler: "ddpm" }] });
      const order = { from: 8, to: 4, updates: 4, batch: 4, samples: 4, accept: 100 }, lines: string[] = [];
      const options = { root, model: "qm9", order, patience: 120, onProgress: (line: string) => lines.push(line) };
      const { rows: [row] } = await withoutQm9(() => checkRound({ ...options, backend: "cpu" }));
      assert.deepEqual([row.state, row.backend, row.updates, row["molecules after"]], ["done", "cpu", 4, 4]);
      assert.ok(Number(row["updates/s"]) > 0);
      assert.ok(lines.some((line) => line.includes("done, 4 updates")), lines.join("\n"));
      const elsewhere = withoutQm9(() => checkRound({ ...options, backend: "wasm" }));
      await assert.rejects(elsewhere, /the service runs on wasm, the round trained on (native|cpu)/);
    }),
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { commands } from "../../main.ts";
import { run } from "../../main/run.ts";
import { readCard } from "../../model/models/card.ts";
import { isPacked } from "../../model/models/packed.ts";
import { LARGEST_ERROR } from "../../model/models/scaled.ts";
import { readWeightsFile } from "../../model/models/weights.ts";
import { loadCheckpoint } from "../../model/training/checkpoint.ts";
import { withFolder } from "../model/tiny_model.ts";
import { tinyRun } from "../model/training/tiny_run.ts";

/** Runs a command. @returns its status, and what it wrote to stderr */
async function molstep(...args: string[]) {
  let error = "";
  const status = await run(commands, args, {
    out: () => {},
    error: (text) => void (error += text),
    interactive: false,
    environment: {},
    signal: new AbortController().signal,
  });
  return { status, error };
}

Deno.test("molstep export writes halves, and with --packed matrices of 12 bits, and the card says which", () =>
  withFolder(async (root) => {
    const folder = join(root, "run");
    await tinyRun(folder, { updates: 2 });
    const { tensors } = (await loadCheckpoint(folder))!.state, sizes: number[] = [];
    for (const flags of [[], ["--packed"]]) {
      const to = join(root, `tiny${flags}`), packed = flags.length > 0;
      const { status, error } = await molstep("export", "--folder", folder, "--to", to, ...flags);
      assert.equal(status, 0, error);
      const { training, denoiser } = await readCard(to);
      assert.equal(
        training.weights,
        `exponential moving average, ${packed ? "matrices of 12 bits with a scale a column" : "16-bit floats"}`,
      );
      const found = await readWeightsFile(join(to, denoiser.file), denoiser.sha256);
      assert.equal(isPacked(found.bytes), packed);
      assert.equal(found.tensors.get("blocks.0.qkv.weight")!.dtype, packed ? "F32" : "F16");
      for (const [name, { data }] of found.tensors) {
        const wanted = tensors.get(`ema/${name}`)!.data;
        const error = Math.hypot(...data.map((value, i) => value - wanted[i]));
        // Below 2^-14 the steps of halves are 2^-24.
        const least = packed ? 0 : 2 ** -25 * Math.sqrt(data.length);
        assert.ok(error <= LARGEST_ERROR * Math.hypot(...wanted) + least, `${name} ${packed}`);
      }
      sizes.push(found.bytes.length);
    }
    assert.ok(sizes[1] < sizes[0]);
  }));

Deno.test("molstep train refuses --packed without --export", async () => {
  const { status, error } = await molstep("train", "--updates", "1", "--packed");
  assert.equal(status, 2);
  assert.match(error, /--packed is for --export, which must be given; got --packed alone/);
});

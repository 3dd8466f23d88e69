/**
 * `deno task average FILE:SHARE FILE:SHARE ... --out FILE`: the mean of networks of one shape by shares, in float16. Of students that go on from one another it is
 * often better than any of them (Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
 * inference time", 2022): docs/distillation.md.
 */
import { writeAtomically } from "../model/diffusion/files.ts";
import { readSafetensors, writeSafetensors } from "../model/diffusion/safetensors.ts";
import { averageWeights } from "../model/training/average.ts";
import { runProgram } from "./program.ts";

const USAGE = "deno task average FILE:SHARE FILE:SHARE ... --out FILE, with shares that add up to 1";

if (import.meta.main) {
  await runProgram(async (args) => {
    const at = args.indexOf("--out"), out = args[at + 1], parts = args.filter((_, k) => at < 0 || k < at || k > at + 1);
    if (at < 0 || !out || parts.length === 0) throw new RangeError(`${USAGE}; got ${args.join(" ") || "nothing"}`);
    const networks = await Promise.all(parts.map(async (part) => {
      const [, file, share] = /^(.+):([0-9.]+)$/.exec(part) ?? [];
      if (!file) throw new RangeError(`${USAGE}; got ${part}`);
      return { tensors: readSafetensors(await Deno.readFile(file)), share: Number(share) };
    }));
    await writeAtomically(out, writeSafetensors(averageWeights(networks), { dtype: "F16" }));
    console.log(`${out}: the mean of ${parts.length} networks`);
  });
}

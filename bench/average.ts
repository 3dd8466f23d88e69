/**
 * `deno task average FILE:SHARE FILE:SHARE ... --out FILE`: the mean of networks of one shape by shares, in float16. Of students that go on from one another it is
 * often better than any of them (Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
 * inference time", 2022): docs/distillation.md. With `--differences` it is written as differences from the denoiser of the card beside FILE, as students ship; with
 * `--packed` its matrices have 12 bits. Of one file, `FILE:1`, that is a change of form alone.
 */
import { dirname } from "node:path";
import { writeAtomically } from "../model/diffusion/files.ts";
import { writeSafetensors } from "../model/diffusion/safetensors.ts";
import { readCard } from "../model/models/card.ts";
import { writePacked } from "../model/models/packed.ts";
import { readWeights, studentBytes } from "../model/models/weights.ts";
import { averageWeights } from "../model/training/average.ts";
import { runProgram } from "./program.ts";

const USAGE =
  "deno task average FILE:SHARE FILE:SHARE ... --out FILE [--differences | --packed], with shares that add up to 1";

type Mean = ReturnType<typeof averageWeights>;

/** Forms other than float16, by their flags: what they are in words, and how a file of one is made. */
const FORMS = {
  "--differences": {
    told: ", as differences from the denoiser",
    write: async (mean: Mean, folder: string) => await studentBytes(folder, await readCard(folder), mean),
  },
  "--packed": { told: ", packed", write: (mean: Mean) => writePacked(mean) },
};

/** Reads the networks and writes their mean. @throws RangeError for arguments that are not as {@link USAGE} has them; as `readWeights` */
export async function average(all: readonly string[]): Promise<string> {
  const flags = Object.keys(FORMS).filter((flag) => all.includes(flag)) as (keyof typeof FORMS)[];
  const args = all.filter((arg) => !Object.hasOwn(FORMS, arg)), form = flags.length > 0 ? FORMS[flags[0]] : undefined;
  const at = args.indexOf("--out"), out = args[at + 1], parts = args.filter((_, k) => at < 0 || k < at || k > at + 1);
  if (at < 0 || !out || parts.length === 0 || flags.length > 1) {
    throw new RangeError(`${USAGE}; got ${all.join(" ") || "nothing"}`);
  }
  const networks = await Promise.all(parts.map(async (part) => {
    const [, file, share] = /^(.+):([0-9.]+)$/.exec(part) ?? [];
    if (!file) throw new RangeError(`${USAGE}; got ${part}`);
    return { tensors: await readWeights(file), share: Number(share) };
  }));
  const mean = averageWeights(networks), compact = await form?.write(mean, dirname(out));
  await writeAtomically(out, compact ?? writeSafetensors(mean, { dtype: "F16" }));
  return `${out}: the mean of ${parts.length} networks${compact ? form!.told : ""}`;
}

if (import.meta.main) await runProgram(async (args) => console.log(await average(args)));

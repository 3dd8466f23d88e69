/**
 * `deno task bench:same FOLDER`: whether another checkout of Molstep draws the same molecules from the same seeds, over samplers, step counts,
 * decodings and backends, with the weights of this one. Run before and after a rebuilding. Says for each whether the files are the same
 * to the last byte, else how many SMILES differ and how far positions are apart.
 */
import { fileURLToPath } from "node:url";
import { SAMPLERS } from "../model/diffusion/samplers/mod.ts";
import { runProgram } from "./program.ts";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const COUNT = 48, SEED = 5;

/** Options of a generation, by what they are called in the table. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(SAMPLERS.map((name) => [name, ["--sampler", name, "--steps", "8", "--backend", "native"]])),
  "recommended, 16 steps": ["--steps", "16", "--backend", "native"],
  "between rows, 12 steps": ["--steps", "12", "--backend", "native"],
  "distilled, 4 steps": ["--steps", "4", "--backend", "native"],
  "argmax, not clamped": ["--steps", "8", "--decoding", "argmax", "--clamp", "0", "--backend", "native"],
  "WebAssembly": ["--steps", "8", "--backend", "wasm"],
};

/** What a checkout draws, as SDF text. */
async function drawn(root: string, options: readonly string[]): Promise<string> {
  const out = await Deno.makeTempFile({ suffix: ".sdf" });
  try {
    const args = ["run", "-A", "main.ts", "generate", "--model", `${HERE}weights/qm9`, "--out", out];
    const asked = ["--count", String(COUNT), "--seed", String(SEED), ...options];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args, ...asked], cwd: root })
      .output();
    if (!success) throw new Error(`${root}: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readTextFile(out);
  } finally {
    await Deno.remove(out).catch(() => {});
  }
}

/** SMILES and positions of each record. */
const records = (sdf: string) =>
  sdf.split("$$$$\n").filter((text) => text.trim()).map((text) => ({
    smiles: /<SMILES>[^\n]*\n([^\n]*)/i.exec(text)?.[1] ?? "",
    positions: text.split("\n").flatMap((line) =>
      /^(\s+-?\d+\.\d{4}){3} [A-Z]/.test(line) ? line.trim().split(/\s+/).slice(0, 3) : []
    )
      .map(Number),
  }));

/** How two files differ, in words. */
function difference(a: string, b: string): string {
  if (a === b) return "the same bytes";
  const [one, other] = [records(a), records(b)];
  if (one.length !== other.length) return `${one.length} and ${other.length} records`;
  const smiles = one.filter((record, k) => record.smiles !== other[k].smiles).length;
  const apart = Math.max(
    0,
    ...one.flatMap((record, k) =>
      record.positions.map((value, i) => Math.abs(value - (other[k].positions[i] ?? Infinity)))
    ),
  );
  return `${smiles} of ${one.length} SMILES differ, positions up to ${apart.toPrecision(2)} angstrom`;
}

if (import.meta.main) {
  await runProgram(async ([other]) => {
    if (!other) throw new RangeError("the folder of the other checkout is needed: deno task bench:same FOLDER");
    for (const [name, options] of Object.entries(CASES)) {
      const here = await drawn(HERE, options);
      const there = await drawn(other, options).catch((error: Error) => error);
      const told = there instanceof Error ? `not drawn there: ${there.message.trim()}` : difference(here, there);
      console.log(`${name}: ${told}`);
    }
  });
}

/** What `integrations/` calls is there: the command's options, and shell and Python that can be read. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { generateCommand } from "../main/generate.ts";

const path = (name: string) => fileURLToPath(new URL(`../integrations/${name}`, import.meta.url));

/** Where the command is called, and a part of the call. */
const CALLS: Readonly<Record<string, RegExp>> = {
  "docking/dock.sh": /task generate ([^)]+)\)/,
  "snakemake/molstep.smk": /\.command\} generate ([^#]+)$/,
  "nextflow/molstep/generate/main.nf": /\$molstep generate ([^"]+?)\$args/,
};

for (const [file, call] of Object.entries(CALLS)) {
  Deno.test(`integrations/${file} gives molstep generate options that it has`, async () => {
    const [, words] = call.exec(await Deno.readTextFile(path(file)))!, options = words.match(/--[a-z-]+/g) ?? [];
    assert.ok(options.length >= 5, words);
    assert.deepEqual(options.filter((option) => !Object.hasOwn(generateCommand.options, option.slice(2))), []);
  });
}

/** Whether a program is there and takes the arguments. */
const takes = async (program: string, ...args: string[]) => {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
};

Deno.test({
  name: "integrations/docking/dock.sh is a shell script, and refuses what it does not know before it does anything",
  ignore: !await takes("sh", "-c", "true"),
  async fn() {
    const dock = async (...args: string[]) => {
      const { code, stderr } = await new Deno.Command("sh", { args: [path("docking/dock.sh"), ...args] }).output();
      return { code, error: new TextDecoder().decode(stderr) };
    };
    assert.deepEqual(await dock("--help"), { code: 0, error: "" });
    assert.deepEqual(await dock("--colour"), {
      code: 2,
      error: "dock.sh: the option must be one of --help's; got --colour\n",
    });
    assert.match((await dock("--count")).error, /--count must have a value/);
    assert.match((await dock("--receptor", "a.pdbqt")).error, /--receptor and --box must be given together/);
  },
});

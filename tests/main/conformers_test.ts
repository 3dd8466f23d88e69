/** `molstep conformers`: files that are read and written, errors by line, the record, exit statuses. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DRUGLIKE } from "../../chem/chemistry.ts";
import { readSdf } from "../../chem/sdf.ts";
import { commands } from "../../main.ts";
import { run } from "../../main/run.ts";
import { accessOf } from "../../main/permissions.ts";
import { withFolder } from "../model/tiny_model.ts";

async function conformers(...args: string[]) {
  let error = "";
  const status = await run(commands, ["conformers", "--workers", "1", ...args], {
    ...{ out: () => {}, error: (text) => void (error += text), interactive: false, environment: {} },
    signal: new AbortController().signal,
  });
  return { status, error };
}

const read = async (path: string) => {
  const { readable } = await Deno.open(path);
  const text = path.endsWith(".gz") ? readable.pipeThrough(new DecompressionStream("gzip")) : readable;
  return readSdf(await new Response(text).text(), DRUGLIKE);
};

Deno.test("molstep conformers answers the good lines of a file of SMILES, tells the others by line, and keeps a record", () =>
  withFolder(async (folder) => {
    const from = join(folder, "in.smi"), out = join(folder, "out.sdf.gz"), second = join(folder, "again.sdf");
    await Deno.writeTextFile(from, "C[C@H](F)Cl  a name\n\nC1CC broken\n# a note\nF/C=C/F\nCC.O\n");
    const { status, error } = await conformers(
      from,
      "--model",
      "openchemlib",
      "--out",
      out,
      "--count",
      "2",
      "--seed",
      "4",
    );
    assert.equal(status, 0, error);
    assert.match(error, /in\.smi, line 3 \(broken\): must be SMILES/);
    assert.match(error, /in\.smi, line 6: must be one fragment; got 2/);
    assert.match(error, /2 conformers of 2 of 4 molecules to .*out\.sdf\.gz: seed 4; 2 drawn/);
    const records = await read(out);
    assert.deepEqual(records.map(({ title, data }) => [title, data.smiles, data.by, data.weight]), [
      ["a name", "C[C@H](F)Cl", "openchemlib", "1"],
      ["molecule-2", "F/C=C/F", "openchemlib", "1"],
    ]);
    const { counts, failures, request } = JSON.parse(await Deno.readTextFile(`${out}.json`));
    assert.deepEqual([counts.molecules, counts.answered, counts.returned, request.seed], [4, 2, 2, 4]);
    assert.deepEqual(failures.map(({ place, reason }: Record<string, unknown>) => [place, reason]), [
      [3, "unreadable"],
      [6, "fragments"],
    ]);

    // What was written is read, as it is compressed, with its stereo; raw positions are others than refined ones.
    const raw = await conformers("--in", out, "--out", second, "--raw", "--seed", "4", "--count", "1");
    assert.equal(raw.status, 0, raw.error);
    const again = await read(second);
    assert.deepEqual(again.map(({ data }) => [data.smiles, data.refined]), [["C[C@H](F)Cl", "false"], [
      "F/C=C/F",
      "false",
    ]]);
    assert.ok(again.every(({ data }, k) => Number(data.energy) > Number(records[k].data.energy)));
    const plain = await conformers("--in", out, "--out", second, "--refine", "mmff94", "--seed", "4", "--count", "1");
    assert.equal(plain.status, 0, plain.error);
    const { forceField, request: { refine } } = JSON.parse(await Deno.readTextFile(`${second}.json`));
    assert.deepEqual([refine, forceField], ["mmff94", "MMFF94 without charges"]);
    assert.ok((await read(second)).every(({ data }) => data.forceField === forceField));
  }));

Deno.test("molstep conformers fails where no molecule has conformers, and refuses files of other forms", () =>
  withFolder(async (folder) => {
    const from = join(folder, "in.smi"), out = join(folder, "out.sdf");
    for (
      const [text, why] of [["C1CC\n", /no molecule has conformers/], ["\n", /there is no molecule in it/]] as const
    ) {
      await Deno.writeTextFile(from, text);
      const { status, error } = await conformers(from, "--out", out);
      assert.equal(status, 1);
      assert.match(error, why);
    }
    for (
      const [args, why] of [
        [[join(folder, "in.txt"), "--out", out], /--in must end in \.smi/],
        [[from, "--out", join(folder, "out.xyz")], /--out must end in \.sdf/],
        [["--out", out], /--in must be given/],
        [[from, "--rmsd", "11"], /--rmsd/],
        [[from, "--raw", "--refine", "mmff94"], /--refine must be absent beside --raw; got mmff94/],
        [[from, "--refine", "mmff94-qm9"], /--refine/],
        [[from, "--temperature", "cold"], /--temperature/],
      ] as const
    ) {
      const { status, error } = await conformers(...args);
      assert.equal(status, 2, error);
      assert.match(error, why);
    }
  }));

Deno.test("molstep conformers may read the file that stands first, and write its output and the record alone", () => {
  const { read, write, net, run } = accessOf("conformers", ["/x/in.smi", "--resample", "--out", "/y/out.sdf"], {});
  assert.ok((read as string[]).includes("/x/in.smi"));
  assert.ok(
    (write as string[]).includes("/y/out.sdf.json") && (write as string[]).every((path) => path.startsWith("/y/")),
  );
  assert.deepEqual([net, run], [undefined, undefined]);
  // A generator needs no native library; a model's folder is read.
  const by = (model: string) => accessOf("conformers", ["/x/in.smi", "--model", model], {});
  assert.equal(by("proximity").ffi, undefined);
  assert.ok((by("/m/druglike").read as string[]).includes("/m/druglike"));
});

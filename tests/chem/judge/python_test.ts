/** Against bench/judge.py, which finds the same by RDKit in Python: another perception of bonds' kinds, another formula of torsions. */
import assert from "node:assert/strict";
import { geometryOf } from "../../../chem/judge/findings.ts";
import { structureOf } from "../../../chem/judge/structure.ts";
import { molblockBytes } from "../../../chem/molblock_bytes.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { readSdf } from "../../../chem/sdf.ts";
import { pythonThat } from "../../python.ts";

/** Of each molecule, by its title. */
interface Found {
  readonly title: string;
  readonly smiles: string;
  /** Degrees. */
  readonly twists: Readonly<Record<string, number>>;
  readonly mmff: readonly [strain: number, rmsd: number] | null;
}

const here = (name: string) => decodeURIComponent(new URL(name, import.meta.url).pathname);
const read = async (path: string): Promise<Found[]> =>
  Object.values(JSON.parse(await Deno.readTextFile(path)) as Record<string, Found[]>)[0];
const ALKENES = ["alkene", "alkeneInRing", "alkeneFused"] as const;

Deno.test("geometryOf() finds the twists that bench/judge.py finds, of drawn molecules and of QM9's", async () => {
  const rdkit = await createRdkit(), aromatic = rdkit.pattern("a");
  const records = readSdf(await Deno.readTextFile(here("pinned.sdf"))), found = await read(here("pinned.json"));
  let compared = 0, twisted = 0;
  try {
    assert.deepEqual(records.map(({ title }) => title), found.map(({ title }) => title));
    for (const [k, { molecule, bonds, title }] of records.entries()) {
      const atoms = rdkit.withMol(molblockBytes(molecule, bonds), (mol) => aromatic.matches(mol).flat(), {
        removeHs: false,
      });
      const { twists } = geometryOf(structureOf(molecule, bonds, atoms!));
      const any = ALKENES.flatMap((kind) => twists[kind] ?? []);
      const own = { ...twists, ...(any.length > 0 && { anyAlkene: Math.max(...any) }) };
      for (const kind of ["alkene", "imine", "amide", "anyAlkene"] as const) {
        const theirs = found[k].twists[kind];
        assert.equal(own[kind] === undefined, theirs === undefined, `${title}: ${kind}`);
        if (theirs === undefined) continue;
        assert.ok(Math.abs(own[kind]! - theirs) < 0.02, `${title}, ${kind}: ${own[kind]} for ${theirs}`);
        compared++;
        if (theirs > 30) twisted++;
      }
    }
  } finally {
    aromatic.close();
  }
  assert.ok(compared > 15 && twisted > 5, `${compared} compared, ${twisted} twisted`);
});

const python = await pythonThat("import rdkit");

Deno.test({
  name: "bench/judge.py finds what is pinned of it",
  ignore: !python,
  async fn() {
    const out = await Deno.makeTempFile({ suffix: ".json" });
    try {
      const args = [here("../../../bench/judge.py"), "--json", out, here("pinned.sdf")];
      const { success, stdout, stderr } = await new Deno.Command(python!, { args }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      assert.match(
        new TextDecoder().decode(stdout),
        /20 records, 20 read, 20 of one fragment\n\s+strain, MMFF94: median /,
      );
      const found = await read(out), pinned = await read(here("pinned.json"));
      assert.equal(found.length, pinned.length);
      for (const [k, { title, twists, mmff }] of found.entries()) {
        assert.deepEqual([title, Object.keys(twists)], [pinned[k].title, Object.keys(pinned[k].twists)]);
        for (const [kind, degrees] of Object.entries(twists)) {
          assert.ok(Math.abs(degrees - pinned[k].twists[kind]) < 0.01, `${title}, ${kind}`);
        }
        // Versions of RDKit stop minimising at other places.
        if (mmff) assert.ok(Math.abs(mmff[0] - pinned[k].mmff![0]) < 0.05 + 0.01 * mmff[0], `${title}: ${mmff[0]}`);
      }
    } finally {
      await Deno.remove(out);
    }
  },
});

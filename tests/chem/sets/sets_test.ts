/** Sets of anybody's molecules: from SDF files and arrays to what is trained on, and what is refused on the way. */
import assert from "node:assert/strict";
import { gzipSync } from "fflate";
import { digestIfThere, openDataSet, openIfThere } from "../../../chem/data_sets.ts";
import { SMILES_FILE } from "../../../chem/compact.ts";
import { MANIFEST } from "../../../chem/manifest.ts";
import type { Molecule } from "../../../chem/molecule.ts";
import { molblock, sdfRecord } from "../../../chem/sdf.ts";
import { PICTURE_FILE, REFUSED_FILE, SET_FILES, SUMMARY_FILE } from "../../../chem/sets/form.ts";
import { type PreparedSet, type SetOrder } from "../../../chem/sets/prepare.ts";
import { prepareInWorker } from "../../../chem/sets/prepare_in_worker.ts";
import { RECORD_MAX } from "../../../chem/sets/records.ts";
import { splitByHash } from "../../../chem/sets/split.ts";
import { druglike, DRUGLIKE_SDF } from "../druglike.ts";
import { withFolder } from "../folder.ts";

const known = druglike();

/** Makes a set of an SDF file's text. */
async function fromSdf(folder: string, text: string, more: Partial<SetOrder> = {}): Promise<PreparedSet> {
  await Deno.writeFile(`${folder}/in.sdf.gz`, gzipSync(new TextEncoder().encode(text)));
  return await prepareInWorker({ from: { sdf: `${folder}/in.sdf.gz` }, to: `${folder}/set`, name: "mine", ...more });
}

/** A molecule by its atoms and bonds, as a record. */
function record(title: string, symbols: string, positions: number[][], bonds: [number, number, number][], head = "3D") {
  const counts = [symbols.length, bonds.length].map((n) => String(n).padStart(3)).join("");
  const atoms = positions.map((xyz, k) => `${xyz.map((x) => x.toFixed(4).padStart(10)).join("")} ${symbols[k]}   0  0`);
  const lines = bonds.map((bond) => bond.map((n) => String(n).padStart(3)).join(""));
  return [
    title,
    `  somebody          ${head}`,
    "",
    `${counts}  0  0  0  0  0  0  0  0999 V2000`,
    ...atoms,
    ...lines,
    "M  END",
    "$$$$",
    "",
  ].join("\n");
}

/** Hydrogen cyanide, and things that are like it. */
const cyanide = (
  title: string,
  x = [0, 1.06, 2.22],
  bonds: [number, number, number][] = [[1, 2, 1], [2, 3, 3]],
  head?: string,
) => record(title, "HCN", x.map((one) => [one, 0, 0.1 * one]), bonds, head);

/** Benzene, flat on the plane, its bonds aromatic in the file. */
function benzene(head: string): string {
  const at = (radius: number) =>
    Array.from({ length: 6 }, (_, k) => [radius * Math.cos(k * Math.PI / 3), radius * Math.sin(k * Math.PI / 3), 0]);
  const ring = Array.from({ length: 6 }, (_, k): [number, number, number] => [k + 1, (k + 1) % 6 + 1, 4]);
  const outward = Array.from({ length: 6 }, (_, k): [number, number, number] => [k + 1, k + 7, 1]);
  return record("benzene", "CCCCCCHHHHHH", [...at(1.39), ...at(2.48)], [...ring, ...outward], head);
}

const near = (a: Float32Array, b: Float32Array) => a.every((value, k) => Math.abs(value - b[k]) < 6e-4);

/** As a set has it: about the mean of its atoms. */
const centred = ({ positions }: Molecule) => {
  const mean = [0, 1, 2].map((axis) =>
    positions.reduce((sum, value, k) => sum + (k % 3 === axis ? value : 0), 0) * 3 / positions.length
  );
  return positions.map((value, k) => value - mean[k % 3]);
};

Deno.test("a set of an SDF file has its molecules, bonds and charges, a split of which each row is in one part, and is found by path or name", () =>
  withFolder(async (folder) => {
    const text = await Deno.readTextFile(DRUGLIKE_SDF), { about, summary, refused } = await fromSdf(folder, text);
    const data = await openDataSet(`${folder}/set`), rows = [...known.keys()];
    assert.deepEqual(refused, []);
    assert.deepEqual([data.name, data.chemistry, data.atomCounts.length], ["mine", "druglike", known.length]);
    known.forEach(({ molecule }, row) => {
      const { positions, ...graph } = data.molecule(row), { positions: given, ...wanted } = molecule;
      assert.deepEqual(graph, wanted);
      assert.ok(near(positions, centred({ ...molecule, positions: given })));
    });
    const { train, valid, test } = data.split;
    assert.deepEqual([...train, ...valid, ...test].sort(), rows);
    assert.deepEqual([summary.parts.valid, summary.parts.test, summary.repeated], [1, 1, 0]);
    assert.deepEqual(about.classes, data.classes);
    for (const kind of [[16, 0], [16, 0, 1], [7, 0, 1], [8, 0, -1], [15, 0], [17, 0], [35, 0]]) {
      assert.ok(data.classes.some((one) => one.join() === kind.join()), `class ${kind}`);
    }
    assert.throws(() => data.molecule(6), /row must be 0 to 5; got 6/);
    const kept = JSON.parse(await Deno.readTextFile(`${folder}/set/${SUMMARY_FILE}`));
    assert.deepEqual([kept.molecules, kept.elements.Br.molecules], [6, summary.elements.Br.molecules]);
    const picture = await Deno.readTextFile(`${folder}/set/${PICTURE_FILE}`);
    assert.match(picture, /^<svg .*mine: 6 molecules by heavy atoms.*amides/s);
  }));

Deno.test("what is no molecule to train on is refused record by record, with the reason, and the rest is taken", () =>
  withFolder(async (folder) => {
    const salt = sdfRecord(molblock(
      {
        atomicNumbers: Uint8Array.of(9, 1, 9, 1),
        positions: Float32Array.of(0, 0, 0, 0.92, 0, 0, 5, 0, 1, 5.92, 0, 1),
      },
      [{ i: 0, j: 1, order: 1 }, { i: 2, j: 3, order: 1 }],
      "two",
    ));
    const text = [
      cyanide("good"),
      benzene("2D"),
      benzene("3D"),
      cyanide("sodium").replace(" H  ", " Na "),
      salt,
      cyanide("five", undefined, [[1, 2, 2], [2, 3, 3]]),
      cyanide("bare", undefined, [[1, 2, 1], [2, 3, 2]]),
      cyanide("long", [0, 1.06, 7]),
      cyanide("torn").replace(/^M {2}END\n/m, ""),
      cyanide("letters").replace("1.0600", "l.o6oo"),
      `${"x".repeat(RECORD_MAX + 1)}\n$$$$\n`,
      "CCO\n$$$$\n",
      cyanide("last").replace("$$$$\n", ""),
    ].join("");
    const { refused, summary } = await fromSdf(folder, text);
    assert.deepEqual(refused.map(({ record, title, reason }) => [record, title, reason]), [
      [2, "benzene", "coordinates"],
      [4, "sodium", "element"],
      [5, "two", "disconnected"],
      [6, "five", "sanitisation"],
      [7, "bare", "valence"],
      [8, "long", "geometry"],
      [9, "torn", "broken"],
      [10, "letters", "broken"],
      [11, "", "broken"],
      [12, "CCO", "broken"],
    ]);
    const said = refused.map(({ message }) => message).join("\n");
    assert.match(said, /element must be one of H, C, .*; got "Na"/);
    assert.match(said, /all atoms must be connected; there are 2 pieces/);
    assert.match(said, /Explicit valence for atom # 0 H, 2/);
    assert.match(said, /atom 2, C of charge 0: bond orders must add up to 4; got 3; are hydrogens missing\?/);
    assert.match(said, /bond 2-3 must be 0.6 to 3 angstrom long; got 5.97/);
    const lines = (await Deno.readTextFile(`${folder}/set/${REFUSED_FILE}`)).trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => JSON.parse(line)), refused);
    assert.deepEqual([summary.molecules, summary.repeated, summary.refused.broken], [3, 1, 4]);
    const orders = (await openDataSet(`${folder}/set`)).molecule(1).bonds!.map(({ order }) => order).sort();
    assert.deepEqual(orders, [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2]);
  }));

Deno.test("arrays are read as SDF is: a set made of a set is the same set, split and all, and its titles follow the SMILES", () =>
  withFolder(async (folder) => {
    const first = await fromSdf(folder, await Deno.readTextFile(DRUGLIKE_SDF)), from = `${folder}/set`;
    // As others write them: without a list, and with a 16 on bonds that they call aromatic.
    await Deno.remove(`${from}/${MANIFEST}`);
    const path = `${from}/${SET_FILES.bonds.name}`, bonds = await Deno.readFile(path);
    for (let at = 128 + 2; at < bonds.length; at += 3) bonds[at] |= 16;
    await Deno.writeFile(path, bonds);
    const again = await prepareInWorker({ from: { compact: from }, to: `${folder}/again`, name: "mine" });
    const { composition, ...rest } = first.summary, { composition: other, ...same } = again.summary;
    assert.deepEqual([same, other], [rest, composition]);
    const data = await openDataSet(`${folder}/again`);
    assert.equal(data.splitWords, "the source's own");
    known.forEach(({ molecule }, row) => assert.deepEqual(data.molecule(row).bonds, molecule.bonds));
    const smiles = (folder: string) => Deno.readFile(`${folder}/${SMILES_FILE}`);
    const text = await new Response(
      new Blob([await smiles(`${folder}/again`)]).stream().pipeThrough(new DecompressionStream("gzip")),
    ).text();
    assert.equal(text.trimEnd().split("\n").length, known.length);
    // In thousandths where they are said to be half of that, bonds come out too long.
    await assert.rejects(
      prepareInWorker({ from: { compact: from, units: 100 }, to: `${folder}/far`, name: "far" }),
      /at least one molecule is needed; 6 records have none; of record 1: bond .* must be 0.6 to 3 angstrom/,
    );
    await Deno.truncate(path, 200);
    await assert.rejects(
      prepareInWorker({ from: { compact: from }, to: `${folder}/cut`, name: "cut" }),
      /bonds\.u8\.npy: shape .* takes/,
    );
  }));

Deno.test("a set that cannot be made leaves what was there: no molecules, too many records, a torn archive, an interruption", () =>
  withFolder(async (folder) => {
    await fromSdf(folder, cyanide("good"));
    const kept = () => openDataSet(`${folder}/set`).then(({ atomCounts }) => assert.equal(atomCounts.length, 1));
    await assert.rejects(fromSdf(folder, ""), /at least one molecule is needed; 0 records have none/);
    await assert.rejects(
      fromSdf(folder, cyanide("a") + cyanide("b"), { records: 1 }),
      /records must be at most 1; there are more/,
    );
    await assert.rejects(fromSdf(folder, cyanide("a"), { heavyAtoms: 1 }), /there must be 1 to 1 heavy atoms; got 2/);
    const whole = await Deno.readFile(`${folder}/in.sdf.gz`);
    await Deno.writeFile(`${folder}/torn.sdf.gz`, whole.subarray(0, whole.length - 12));
    const order = { to: `${folder}/set`, name: "mine" };
    await assert.rejects(
      prepareInWorker({ ...order, from: { sdf: `${folder}/torn.sdf.gz` } }),
      /not a whole gzip file/,
    );
    await assert.rejects(prepareInWorker({ ...order, from: { sdf: `${folder}/nothing.sdf` } }), Deno.errors.NotFound);
    const stop = AbortSignal.abort(new Error("stopped"));
    await assert.rejects(
      prepareInWorker({ ...order, from: { sdf: `${folder}/in.sdf.gz` } }, { signal: stop }),
      /stopped/,
    );
    await kept();
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.startsWith(".")), []);
    await Deno.writeTextFile(`${folder}/set/other.txt`, "");
    await assert.rejects(fromSdf(folder, cyanide("good")), /holds other.txt, which is no part of the data set/);
    const path = `${folder}/set/${SET_FILES.charges.name}`;
    await Deno.writeFile(path, (await Deno.readFile(path)).map((byte, k) => k < 128 ? byte : byte + 1));
    await assert.rejects(kept(), /charges\.i8\.npy: damaged/);
  }));

Deno.test("splitByHash() keeps equal molecules together, whatever their order, and leaves something to train on", () => {
  const hashes = BigUint64Array.from({ length: 400 }, (_, k) => BigInt(7919 * (k % 100) % 101));
  const split = splitByHash(hashes),
    parts = Object.values(split).map((rows) => new Set([...rows].map((row) => hashes[row])));
  assert.deepEqual(parts.map(({ size }) => size), [90, 5, 5]);
  assert.equal(parts.reduce((sum, { size }) => sum + size, 0), 100);
  const back = splitByHash(hashes.toReversed());
  assert.deepEqual([...back.test].map((row) => 399 - row).sort((a, b) => a - b), [...split.test]);
  const sizes = (...values: bigint[]) =>
    Object.values(splitByHash(BigUint64Array.from(values))).map(({ length }) => length);
  assert.deepEqual([sizes(1n), sizes(1n, 2n), sizes(1n, 2n, 3n), sizes(1n, 1n, 1n)], [[1, 0, 0], [1, 1, 0], [1, 1, 1], [
    3,
    0,
    0,
  ]]);
});

Deno.test("a data set that is named and not there says where it was looked for, and one of a path that nothing is at", async () => {
  await assert.rejects(
    openDataSet("nobodys"),
    /the data set nobodys was looked for in .*data\/nobodys and is not there/,
  );
  assert.equal(await openIfThere("nobodys"), undefined);
  await assert.rejects(openIfThere("qm9", "/nowhere"), Deno.errors.NotFound);
});

Deno.test("digestIfThere() tells data sets apart by what is in them, wherever they lie and whatever they are called", () =>
  withFolder(async (folder) => {
    const make = async (
      to: string,
      text: string,
    ) => (await fromSdf(folder, text, { to: `${folder}/${to}`, name: to }), `${folder}/${to}`);
    const [one, same, other] = [
      await make("one", cyanide("a")),
      await make("same", cyanide("a")),
      await make("other", cyanide("a", [0, 1.06, 2.3])),
    ];
    const digest = await digestIfThere("one", one);
    assert.match(digest!, /^[0-9a-f]{64}$/);
    assert.equal(await digestIfThere("same", same), digest);
    assert.notEqual(await digestIfThere("other", other), digest);
    assert.equal(await digestIfThere("nobodys"), undefined);
  }));

import assert from "node:assert/strict";
import { decompress, readTar } from "../../chem/archive.ts";
import { openQm9 } from "../../chem/qm9.ts";
import { edmSplit, parseUncharacterized, prepareQm9 } from "../../chem/qm9_prepare.ts";
import { parseQm9Xyz } from "../../chem/qm9_xyz.ts";
import { withFolder } from "./folder.ts";

/** A molecule of `index` fluorine atoms, in the official text form; the numbers are made up. */
function xyz(index: number): string {
  const atoms = Array.from({ length: index }, (_, i) => `F\t${i % 10}.5\t-6.25*^-1\t 1.0e-3\t-0.1`);
  const properties = Array.from({ length: 15 }, (_, i) => `${index}.${i}`).join("\t");
  const smiles = "F".repeat(index);
  return [
    index,
    `gdb ${index}\t${properties}\t`,
    ...atoms,
    "100.0\t200.5",
    `${smiles}\t${smiles}x`,
    "InChI=a\tInChI=b\t",
  ]
    .join("\n") + "\n";
}

const fileName = (index: number) => `dsgdb9nsd_${String(index).padStart(6, "0")}.xyz`;

/** A ustar archive of text files. */
function tar(files: readonly (readonly [string, string])[]): Uint8Array<ArrayBuffer> {
  const blocks: number[] = [];
  for (const [name, text] of files) {
    const header = new Uint8Array(512), put = (at: number, value: string) => header.set(encode(value), at);
    put(0, name), put(100, "0000644\0"), put(124, text.length.toString(8).padStart(11, "0") + "\0");
    put(148, "        "), put(156, "0"), put(257, "ustar\x0000");
    put(148, header.reduce((a, b) => a + b, 0).toString(8).padStart(6, "0") + "\0 ");
    blocks.push(...header, ...encode(text), ...new Array((512 - text.length % 512) % 512).fill(0));
  }
  return new Uint8Array([...blocks, ...new Array(1024).fill(0)]);
}

const encode = (text: string) => new TextEncoder().encode(text);
const archive = (indices: readonly number[]) => tar(indices.map((index) => [fileName(index), xyz(index)]));
const pieces = (bytes: Uint8Array<ArrayBuffer>, size = 100) =>
  ReadableStream.from((function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
  })());

/** `archive([3, 1])` through bzip2 1.0.8, base64. */
const BZIP2 =
  "QlpoOTFBWSZTWTTEwC0AAPJfgOQyQBN/4gkkAAH2wR5wCAgwATq1QNVPypj0n6pGTJhoRiNDJgSmikzU/VGgADQAABVTKEynlG00mmg00YmTT0" +
  "TDLF37MUwvki0UWOixUpSDgreB5mw+AwgZ6LWyqsTnWTPhjDIUJgVVJJJGQpBCBAzNN+kx0EaCT7Pwkt1LpoiSZiIiIiIWIHdKMighx3SSSS2k" +
  "AXVJk5cFBy0RStclTg4t61WwvLrzCaoijvbWRSlN9bc8pNsRRJVtxqgJC8993mxmaabiuUWGYQEAiTWxRFSxBtcjqZG6IjGUdSpK9yP1LmzQqM" +
  "2ZjxyMFj+NR0c2tg7LXZsZbWl3VD/F3JFOFCQNMTALQA==";

/** An archive of molecules 1 to 30 of which 2 and 5 are excluded, and what `prepareQm9` is to be told of it. */
async function writeArchive(folder: string, bytes = archive(Array.from({ length: 30 }, (_, i) => i + 1))) {
  await Deno.writeFile(`${folder}/qm9.tar`, bytes);
  await Deno.writeTextFile(`${folder}/uncharacterized.txt`, "# Index SMILES\n\n 2 FF 0.1\n 5 FFFFF 0.2\n");
  return { from: `${folder}/qm9.tar`, to: `${folder}/out/qm9`, expect: { molecules: 30, excluded: 2 } };
}

Deno.test("parseQm9Xyz() reads numbers in Mathematica's form and the first SMILES", () => {
  const record = parseQm9Xyz(xyz(2), "a.xyz");
  assert.deepEqual(record.positions, [0.5, -0.625, 0.001, 1.5, -0.625, 0.001]);
  assert.deepEqual(record.atomicNumbers, [9, 9]);
  assert.equal(record.smiles, "FF");
  assert.deepEqual(record.properties.slice(0, 3), [2, 2.1, 2.2]);
});

Deno.test("parseQm9Xyz() names the file and the line that is wrong", () => {
  const spoil = (from: string, to: string) => () => parseQm9Xyz(xyz(2).replace(from, to), "a.xyz");
  assert.throws(spoil("2\n", "two\n"), /a\.xyz: the number of atoms must be 1 to 255; got "two"/);
  assert.throws(spoil("gdb", "gdc"), /a\.xyz: line 2/);
  assert.throws(spoil("2.3", "x"), /15 numbers/);
  assert.throws(spoil("F", "Si"), /element "Si"; QM9 has H, C, N, O, F/);
  assert.throws(spoil("1.5", ""), /line 4 does not hold a position/);
  assert.throws(
    () => parseQm9Xyz(xyz(2).split("\n").slice(0, 4).join("\n"), "a.xyz"),
    /a\.xyz: a file of 2 atoms must have at least 6 lines; got 4/,
  );
});

Deno.test("decompress() undoes bzip2 and refuses a damaged or cut archive", async () => {
  const packed = Uint8Array.from(atob(BZIP2), (c) => c.charCodeAt(0));
  const bytes = await new Response(ReadableStream.from(decompress(pieces(packed)))).bytes();
  assert.deepEqual(bytes, archive([3, 1]));
  const damaged = packed.slice();
  damaged[200] ^= 4;
  const consume = (packed: Uint8Array<ArrayBuffer>) => Array.fromAsync(decompress(pieces(packed)));
  await assert.rejects(consume(damaged), /damaged or cut short/);
  for (const cut of [20, packed.length >> 1, packed.length - 1]) {
    await assert.rejects(consume(packed.slice(0, cut)), /damaged or cut short/, `cut at ${cut}`);
  }
});

Deno.test("readTar() gives files in order and refuses a damaged or cut archive", async () => {
  const bytes = archive([1, 2, 12]), read = (bytes: Uint8Array<ArrayBuffer>) => Array.fromAsync(readTar(pieces(bytes)));
  const files = await read(bytes);
  assert.deepEqual(files.map((file) => file.name), [1, 2, 12].map(fileName));
  assert.equal(new TextDecoder().decode(files[2].bytes), xyz(12));
  await assert.rejects(read(bytes.slice(0, -1024)), /cut short/);
  await assert.rejects(read(bytes.slice(0, 700)), /cut short/);
  const damaged = bytes.slice();
  damaged[3] ^= 1;
  await assert.rejects(read(damaged), /header is damaged/);
});

Deno.test("prepareQm9() writes from an archive what openQm9() reads", async () => {
  await withFolder(async (folder) => {
    const options = await writeArchive(folder);
    assert.equal(await prepareQm9(options), 28);
    const qm9 = await openQm9(options.to);
    assert.deepEqual([...qm9.index], [1, 3, 4, ...Array.from({ length: 25 }, (_, i) => i + 6)]);
    assert.equal(qm9.smiles(1), "FFF");
    assert.deepEqual([...qm9.molecule(1).positions.slice(0, 6)], [
      0.5,
      -0.625,
      Math.fround(0.001),
      1.5,
      -0.625,
      Math.fround(0.001),
    ]);
    assert.equal(qm9.properties[15 + 14], 3.14);
    assert.deepEqual(qm9.split, edmSplit(28));
    assert.deepEqual((await Array.fromAsync(Deno.readDir(`${folder}/out`))).map((entry) => entry.name), ["qm9"]);
  });
});

Deno.test("prepareQm9() copies a folder in compact form, and refuses a damaged one by name", async () => {
  await withFolder(async (folder) => {
    const options = await writeArchive(folder);
    await prepareQm9(options);
    assert.equal(await prepareQm9({ from: options.to, to: `${folder}/copy` }), 28);
    assert.deepEqual((await openQm9(`${folder}/copy`)).molecule(27), (await openQm9(options.to)).molecule(27));
    await Deno.truncate(`${options.to}/positions.i16.npy`, 300);
    await assert.rejects(prepareQm9({ from: options.to, to: `${folder}/copy` }), /positions\.i16\.npy/);
    assert.equal((await openQm9(`${folder}/copy`)).count, 28);
  });
});

Deno.test("prepareQm9() leaves what was there when the archive is partial or damaged", async () => {
  await withFolder(async (folder) => {
    const options = await writeArchive(folder);
    await prepareQm9(options);
    for (
      const [bytes, message] of [
        [archive([1, 2, 3, 5]), /qm9\.tar: expected 30 molecules, 28 of them not excluded; got 4 and 2/],
        [archive([1, 1]), /molecule 1 is there twice/],
        [archive([1, 2]).slice(0, -1500), /qm9\.tar: the tar archive is cut short/],
      ] as const
    ) {
      await writeArchive(folder, bytes);
      await assert.rejects(prepareQm9(options), message);
      assert.equal((await openQm9(options.to)).count, 28);
      assert.equal((await Array.fromAsync(Deno.readDir(`${folder}/out`))).length, 1);
    }
  });
});

Deno.test("prepareQm9() does not replace a folder that holds other things", async () => {
  await withFolder(async (folder) => {
    const options = await writeArchive(folder);
    await Deno.mkdir(options.to, { recursive: true });
    await Deno.writeTextFile(`${options.to}/thesis.txt`, "years of work");
    await assert.rejects(prepareQm9(options), /thesis\.txt/);
    assert.equal(await Deno.readTextFile(`${options.to}/thesis.txt`), "years of work");
  });
});

Deno.test("prepareQm9() stops when it is told to", async () => {
  await withFolder(async (folder) => {
    const stop = new AbortController(), options = await writeArchive(folder);
    stop.abort();
    await assert.rejects(prepareQm9({ ...options, signal: stop.signal }), { name: "AbortError" });
    await assert.rejects(Deno.stat(options.to), Deno.errors.NotFound);
  });
});

Deno.test("prepareQm9() asks for the list of excluded molecules when it is not there, or not whole", async () => {
  await withFolder(async (folder) => {
    const options = await writeArchive(folder);
    await assert.rejects(
      prepareQm9({ ...options, expect: { molecules: 30, excluded: 3 } }),
      /expected 3 molecules; got 2/,
    );
    await Deno.remove(`${folder}/uncharacterized.txt`);
    await assert.rejects(prepareQm9(options), /uncharacterized\.txt is not there.*figshare/);
  });
});

Deno.test("prepareQm9() reads from an address, and names it when the answer is no archive", async () => {
  await withFolder(async (folder) => {
    const options = await writeArchive(folder), served = await Deno.readFile(options.from), seen: number[] = [];
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/archive") return new Response(served);
      if (pathname === "/list") return new Response(" 2 FF\n 5 FFFFF\n");
      return new Response("gone", { status: 410, statusText: "Gone" });
    });
    const at = `http://127.0.0.1:${server.addr.port}`;
    const remote = { ...options, from: `${at}/archive`, uncharacterized: `${at}/list` };
    const onProgress = ({ molecules }: { molecules: number }) => seen.push(molecules);
    assert.equal(await prepareQm9({ ...remote, onProgress }), 28);
    assert.deepEqual(seen, [28]);
    await assert.rejects(prepareQm9({ ...remote, from: `${at}/old` }), /\/old answered 410 Gone/);
    await assert.rejects(prepareQm9({ ...remote, from: `${at}/list` }), /\/list: .*(no tar|cut short)/);
  });
});

Deno.test("parseUncharacterized() takes lines that begin with a number", () => {
  assert.deepEqual([...parseUncharacterized("-----\n  58 N1C 1.0\nIndex\n\n 61 CC\nend\n")], [58, 61]);
});

Deno.test("edmSplit() cuts 130,831 as EDM does", () => {
  const { train, valid, test } = edmSplit(130831);
  assert.deepEqual([train.length, valid.length, test.length], [100000, 17748, 13083]);
  assert.equal(new Set([...train, ...valid, ...test]).size, 130831);
});

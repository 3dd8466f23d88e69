import assert from "node:assert/strict";
import { zstdDecompressSync } from "node:zlib";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { partialOf } from "../../../model/diffusion/files.ts";
import { groupRowsAfter, type ParquetColumn, ParquetFile, type ParquetRow } from "../../../model/campaigns/parquet.ts";

const COLUMNS: readonly ParquetColumn[] = [
  { name: "index", type: "INT64" },
  { name: "smiles", type: "STRING" },
  { name: "logP", type: "DOUBLE", nullable: true },
  { name: "sound", type: "BOOLEAN" },
  { name: "atomicNumbers", type: "LIST<INT32>" },
  { name: "positions", type: "LIST<FLOAT>", nullable: true },
];

const rowOf = (index: number): ParquetRow => ({
  index: index + 2 ** 40,
  smiles: index % 7 === 0 ? "" : `C${"é".repeat(index % 5)}O`,
  ...(index % 3 !== 0 && { logP: index / 3 }),
  sound: index % 2 === 0,
  atomicNumbers: Array.from({ length: index % 4 }, (_, k) => 6 + k),
  ...(index % 5 !== 0 && { positions: [index / 4, -0.5] }),
});

/** A row as it is read back. */
const readOf = (index: number) => ({
  logP: undefined,
  positions: undefined,
  ...rowOf(index),
  index: BigInt(index + 2 ** 40),
});

async function written(path: string, count: number, groupRows: number): Promise<void> {
  await using file = await ParquetFile.create(path, COLUMNS, { groupRows, metadata: { campaign: "c1" } });
  for (let k = 0; k < count; k++) await file.add(rowOf(k));
  await file.finish();
}

const compressors = { ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes)) };

Deno.test("ParquetFile writes rows that are read back as they were, nulls, empty text and empty lists included, in row groups", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/rows.parquet`;
  await written(path, 1050, 100);
  const file = await asyncBufferFromFile(path), metadata = await parquetMetadataAsync(file);
  assert.deepEqual(metadata.row_groups.map(({ num_rows }) => Number(num_rows)), [...Array(10).fill(100), 50]);
  assert.deepEqual(metadata.key_value_metadata, [{ key: "campaign", value: "c1" }]);
  assert.deepEqual(
    parquetSchema(metadata).children.map(({ element }) => element.name),
    COLUMNS.map(({ name }) => name),
  );
  const rows = await parquetReadObjects({ file, compressors });
  const plain = (row: Record<string, unknown>) => ({
    ...row,
    logP: row.logP ?? undefined,
    positions: row.positions ?? undefined,
  });
  assert.deepEqual(rows.map(plain), Array.from({ length: 1050 }, (_, k) => readOf(k)));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("ParquetFile writes the same bytes for the same rows, and nothing under its name until it is whole", async () => {
  const folder = await Deno.makeTempDir(), one = `${folder}/one.parquet`, two = `${folder}/two.parquet`;
  await written(one, 300, 64);
  await written(two, 300, 64);
  assert.deepEqual(await Deno.readFile(one), await Deno.readFile(two));
  {
    await using file = await ParquetFile.create(`${folder}/three.parquet`, COLUMNS, { groupRows: 1 });
    await file.add(rowOf(0));
    assert.ok((await Deno.stat(partialOf(`${folder}/three.parquet`))).size > 0);
  }
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["one.parquet", "two.parquet"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("ParquetFile has row groups of 2,500 rows by default, as memory goes by them, and larger ones only in a file of millions", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/rows.parquet`;
  {
    await using file = await ParquetFile.create(path, [{ name: "index", type: "INT64" }]);
    for (let index = 0; index < 6000; index++) await file.add({ index });
    await file.finish();
  }
  const { row_groups } = await parquetMetadataAsync(await asyncBufferFromFile(path));
  assert.deepEqual(row_groups.map(({ num_rows }) => Number(num_rows)), [2500, 2500, 1000]);
  assert.deepEqual([2.5e6, 5e6, 1e8].map(groupRowsAfter), [2500, 5000, 20_000]);
  let groups = 0;
  for (let rows = 0; rows < 1e8; rows += groupRowsAfter(rows)) groups++;
  assert.ok(groups < 8000, `${groups} row groups`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("ParquetFile ends a row group at its bytes, too", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/text.parquet`;
  {
    await using file = await ParquetFile.create(path, [{ name: "text", type: "STRING" }], { groupBytes: 10_000 });
    for (let k = 0; k < 10; k++) await file.add({ text: String(k).repeat(4000) });
    await file.finish();
  }
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  assert.deepEqual(metadata.row_groups.map(({ num_rows }) => Number(num_rows)), [3, 3, 3, 1]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("ParquetFile refuses columns of one name, values of another type, and values that no column has", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/rows.parquet`;
  const twice = [{ name: "a", type: "INT32" }, { name: "a", type: "STRING" }] as const;
  await assert.rejects(ParquetFile.create(path, twice), /columns must have different names; got "a" twice/);
  await assert.rejects(ParquetFile.create(path, []), /columns must be one at least; got none/);
  {
    await using file = await ParquetFile.create(path, [{ name: "a", type: "INT32" }, {
      name: "b",
      type: "LIST<FLOAT>",
    }]);
    await assert.rejects(file.add({ a: 2 ** 31, b: [] }), /a must be an integer of 32 bits; got 2147483648/);
    await assert.rejects(file.add({ a: 1 }), /b must be a list of numbers; got null/);
    await assert.rejects(file.add({ a: 1, b: [], c: 1 }), /row: unknown column "c"; known: a, b/);
  }
  await Deno.remove(folder, { recursive: true });
});

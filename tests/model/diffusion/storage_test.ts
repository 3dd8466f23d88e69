import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { storing } from "../../../model/diffusion/storage.ts";

Deno.test("storing() names a full disk and a refused one, of the system and of SQLite, and leaves other faults as they are", async () => {
  const fault = async (work: () => unknown) => {
    const error = await storing(work).then(() => assert.fail("it worked"), (error) => error);
    return error.name === "StorageError" ? error.full : error.name;
  };
  const database = new DatabaseSync(":memory:");
  database.exec("PRAGMA max_page_count = 2; CREATE TABLE t (a)");
  assert.equal(await fault(() => Deno.writeFile("/dev/full", new Uint8Array(9))), true);
  assert.equal(await fault(() => database.exec("INSERT INTO t VALUES (zeroblob(99999))")), true);
  assert.equal(await fault(() => Deno.mkdir("/sys/molstep")), false);
  assert.equal(await fault(() => new DatabaseSync("/nowhere/a.sqlite")), false);
  const wrapped = (code: string) =>
    new Error("jobs.sqlite cannot be used", { cause: Object.assign(new Error("os"), { code }) });
  assert.equal(await fault(() => Promise.reject(wrapped("EROFS"))), false);
  assert.equal(await fault(() => Promise.reject(wrapped("EDQUOT"))), true);
  assert.equal(await fault(() => Promise.reject(new RangeError("gold"))), "RangeError");
  assert.equal(await storing(() => 7), 7);
  database.close();
});

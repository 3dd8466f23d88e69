/** What the README says is what the code and the card say. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { commands } from "../main.ts";
import { shippedModels } from "../main/models.ts";
import { keptResults, readmeWithTables } from "../main/readme.ts";
import { readBenchRuns } from "../main/speed_table.ts";
import { listModels } from "../model/models/load.ts";

const read = (path: string) => Deno.readTextFile(fileURLToPath(new URL(`../${path}`, import.meta.url)));
const shipped = (await listModels([shippedModels()])).find(({ name }) => name === "qm9");

Deno.test("README.md's tables are those of the shipped card, the newest results of benchmarks and the configuration", async () => {
  const text = await read("README.md");
  const runs = await readBenchRuns(keptResults());
  assert.equal(readmeWithTables(text, shipped?.card ?? { name: "qm9", evaluation: [] }, runs), text);
});

Deno.test("every command that README.md names is a task, and every task but a few is a command", async () => {
  const { tasks } = JSON.parse(await read("deno.json"));
  for (const [, task] of (await read("README.md")).matchAll(/task ([a-z][a-z:]*)/g)) assert.ok(task in tasks, task);
  for (const name of Object.keys(commands)) assert.ok((name === "serve" ? "start" : name) in tasks, name);
});

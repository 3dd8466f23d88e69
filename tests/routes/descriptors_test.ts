import assert from "node:assert/strict";
import { connectionsFor, filesLeft } from "../../routes/descriptors.ts";

Deno.test("filesLeft() and connectionsFor() give what is asked where there is room, say nothing, and leave no file open", () => {
  const open = () => Deno.build.os === "linux" ? Array.from(Deno.readDirSync("/proc/self/fd")).length : 0,
    before = open();
  assert.equal(filesLeft(20), 20);
  const lines: string[] = [], config = { maxConnections: 30, validators: 1, threads: 2 };
  assert.equal(connectionsFor(config, (_, message) => lines.push(message)), 30);
  assert.deepEqual([lines, open()], [[], before]);
});

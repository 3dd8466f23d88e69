import assert from "node:assert/strict";
import { createCollecting } from "../../../model/campaigns/collecting.ts";
import { withFolder } from "../tiny_model.ts";
import { madeFile } from "./made_shards.ts";

const order = (folder: string) => ({
  ...{ folder, formats: ["ndjson", "parquet"] as const, unique: "none" as const, values: ["logP"] },
  ...{ sdf: 0, parts: [] },
});

Deno.test("createCollecting() collects shards of one campaign while another's Parquet file is made, which leaves nothing where it is closed", () =>
  withFolder(async (data) => {
    const collecting = createCollecting();
    try {
      const long = await collecting.open(order(`${data}/long`)), other = await collecting.open(order(`${data}/other`));
      const parts: number[] = [];
      for (let k = 0; k < 2; k++) {
        const { gzip } = await long.take(madeFile({ seed: k, first: 0, count: 16_384 }), Infinity);
        parts.push(gzip);
      }
      const ends: string[] = [];
      const made = long.finish(parts).then((bytes) => ends.push(bytes > 0 ? "Parquet" : "nothing"));
      await other.take(madeFile({ seed: 1, first: 0, count: 256 }), Infinity).then(() => ends.push("shard"));
      await made;
      assert.deepEqual(ends, ["shard", "Parquet"]);
      const closed = long.finish(parts);
      await other.take(madeFile({ seed: 2, first: 0, count: 256 }), Infinity);
      long.close();
      await assert.rejects(closed, /the collector is closed/);
      await collecting.pack(""); // by the same worker, behind the closing
      const names = [...Deno.readDirSync(`${data}/long`)].map(({ name }) => name);
      assert.deepEqual(names.filter((name) => name.includes("parquet")), ["results.parquet"]);
    } finally {
      collecting.close();
    }
  }));

/**
 * `deno task bench:scale-pictures FILE...`: pictures of what results of `bench:campaigns` and `bench:keys` say of scale, from their files in `bench/results`:
 * `docs/pictures/scale_campaigns.svg`, processor time and memory by workers, and `docs/pictures/scale_keys.svg`, rate and memory by known keys.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lineChart, type Series } from "../chem/plot.ts";
import { runProgram } from "./program.ts";
import type { Result, Row } from "./table.ts";

const FOLDER = fileURLToPath(new URL("../docs/pictures", import.meta.url));

/** A column over another. */
const line = (rows: readonly Row[], x: string, y: string): Series => ({
  name: y,
  x: rows.map((row) => Number(row[x])),
  y: rows.map((row) => Number(row[y])),
});

/** What is drawn of each benchmark. */
const PICTURES: Readonly<Record<string, { file: string; draw: (rows: readonly Row[]) => string }>> = {
  campaigns: {
    file: "scale_campaigns.svg",
    draw: (rows) =>
      lineChart(
        ["server ms/shard", "collector ms/shard", "server MiB", "collector MiB"].map((y) => line(rows, "workers", y)),
        {
          title: "A campaign over NATS: processor time of a shard, and memory",
          xLabel: "simulated workers",
          yLabel: "ms, MiB",
          logX: true,
          logY: true,
        },
      ),
  },
  keys: {
    file: "scale_keys.svg",
    draw: (rows) => {
      const ways = [...new Set(rows.map(({ way }) => way))];
      const series = ways.flatMap((way) => {
        const own = rows.filter((row) => row.way === way);
        return ["peak MiB", "disk MiB", "longest keep s"].map((y) => {
          const one = line(own, "million keys", y);
          return ways.length > 1 ? { ...one, name: `${way}: ${y}` } : one;
        });
      });
      return lineChart(series, {
        title: "Known InChIKeys of a campaign: memory, disk and the longest wait",
        xLabel: "keys added, millions",
        yLabel: "MiB, s",
        logX: true,
        logY: true,
      });
    },
  },
};

if (import.meta.main) {
  await runProgram(async (files) => {
    const all = new Map<string, Row[]>();
    for (const file of files) {
      const { results } = JSON.parse(await Deno.readTextFile(file)) as { results: Result[] };
      for (const { bench, rows } of results) all.set(bench, [...all.get(bench) ?? [], ...rows]);
    }
    if (all.size === 0) throw new RangeError("results are needed: deno task bench:scale-pictures bench/results/...");
    for (const [bench, rows] of all) {
      const picture = PICTURES[bench];
      if (!picture) throw new RangeError(`pictures are of ${Object.keys(PICTURES).join(", ")}; got ${bench}`);
      await Deno.writeTextFile(join(FOLDER, picture.file), picture.draw(rows));
      console.log(`docs/pictures/${picture.file}`);
    }
  });
}

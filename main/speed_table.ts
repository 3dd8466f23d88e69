/** The table of speeds of docs/speed.md, from the files that `deno task bench` keeps. */
import { basename, join } from "node:path";
import { z } from "zod";
import { absent } from "../model/diffusion/files.ts";
import { markdownTable } from "../model/evaluation/markdown_table.ts";
import { type Claim, CLAIMING, claimsOf, COLUMNS, partOf } from "./speed_claims.ts";

const cells = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));

/** What a file of results holds, as far as the table needs it. */
const file = z.object({
  /** Older files do not tell it. */
  command: z.string().optional(),
  date: z.iso.datetime(),
  commit: z.string().nullable(),
  machine: z.object({ cpu: z.string(), cores: z.number(), memoryGiB: z.number(), os: z.string(), deno: z.string() }),
  load: z.number(),
  results: z.array(z.object({ bench: z.string(), settings: z.record(z.string(), z.unknown()), rows: z.array(cells) })),
});

/** A run of the benchmarks. */
export type BenchRun = z.infer<typeof file> & {
  /** The name of its file. */
  readonly name: string;
};

/** Reads a file of results. @throws TypeError where it is none */
export async function readBenchRun(path: string): Promise<BenchRun> {
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof SyntaxError) throw new TypeError(`${path}: ${error.message}`);
    throw error;
  }
  const result = file.safeParse(value);
  if (!result.success) throw new TypeError(`${path} holds no results of a benchmark: ${z.prettifyError(result.error)}`);
  return { ...result.data, name: basename(path) };
}

/** Reads all files of results of a folder; none where there is no such folder. */
export async function readBenchRuns(folder: string): Promise<BenchRun[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(absent) ?? [];
  return await Promise.all(
    names.filter((name) => name.endsWith(".json")).sort().map((name) => readBenchRun(join(folder, name))),
  );
}

const machineOf = ({ machine: { cpu, cores } }: BenchRun) => `${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}`;

/** The table of one machine: each bench from the newest run that has it. */
function machineTable(runs: readonly BenchRun[]): string {
  const newest = runs.toSorted((a, b) => b.date.localeCompare(a.date)), sources: BenchRun[] = [];
  const claims: (Claim & { source: string })[] = CLAIMING.flatMap((bench) => {
    for (const run of newest) {
      const found = run.results.filter((result) => result.bench === bench).flatMap(claimsOf);
      if (found.length === 0) continue;
      if (!sources.includes(run)) sources.push(run);
      return found.map((claim) => ({ ...claim, source: `\`${partOf(bench)}\` [${sources.indexOf(run) + 1}]` }));
    }
    return [];
  });
  if (claims.length === 0) return "";
  const columns = COLUMNS.filter((column) => claims.some(({ values }) => values[column] !== undefined));
  const head = ["", ...columns, "measured over", "part"];
  const told = sources.map(({ name, command, date, commit, load, machine }, k) =>
    `${k + 1}. ${command ? `\`${command}\`, ` : ""}${date.slice(0, 10)}, commit ${
      commit ? commit.slice(0, 7) : "unknown"
    }` +
    `${commit?.endsWith("+changes") ? " with changes" : ""}, Deno ${machine.deno}, load ${
      load.toFixed(1)
    } at the start` +
    ` (\`${name}\`)`
  );
  const { machine: { memoryGiB, os } } = sources[0];
  return [
    `On ${machineOf(sources[0])}, ${memoryGiB} GiB, ${os}:`,
    "",
    markdownTable(
      head,
      claims.map(({ what, values, n, source }) => [what, ...columns.map((column) => values[column] ?? ""), n, source]),
    ),
    "",
    ...told,
  ].join("\n");
}

/** A table a machine, the machine measured last first; a line that says so where nothing was measured. */
export function speedTable(runs: readonly BenchRun[]): string {
  const machines = Object.groupBy(runs.toSorted((a, b) => b.date.localeCompare(a.date)), machineOf);
  const tables = Object.values(machines).map((own) => machineTable(own!)).filter((text) => text !== "");
  return tables.length > 0 ? tables.join("\n\n") : "Nothing has been measured yet.";
}

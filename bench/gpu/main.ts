/** `deno task check:gpu`: whether the GPU computes what the CPU does, how fast, and what that says of training in WGSL. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findAdapter, wordsOf } from "../../model/engines/webgpu/device.ts";
import { conditions } from "../conditions.ts";
import { keep, machineLine, runProgram } from "../program.ts";
import { formatTable } from "../table.ts";
import { toldCommand } from "../told.ts";
import { type Report, runLimited } from "./limited.ts";
import { LIMITS, type Part, PARTS, REHEARSAL_LIMIT } from "./parts.ts";

/** How it is used. */
const USAGE = `deno task check:gpu [options]
Needs no more than eight minutes on a GPU. Exit code 1 where numbers differ or a part fails. See docs/gpu.md.
  --only PARTS   parts, set apart by commas: ${PARTS.join(", ")} (default all)
  --rehearse     in small, so that an adapter in software gets through; by itself where there is only such a one
  --model NAME   a model's name or folder (default qm9)
  --out FILE     where the JSON goes; - for nowhere (default runs/check-gpu/<date>-<commit>.json)`;

/** Checked options. */
export interface CheckOptions {
  readonly only: readonly Part[];
  readonly rehearse: boolean;
  readonly model: string;
  readonly out: string | undefined;
}

/** Reads the command line; undefined where help is asked for. @throws TypeError for an unknown option, RangeError for an unknown part */
export function readCheckOptions(args: string[]): CheckOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", default: PARTS.join() },
      rehearse: { type: "boolean", default: false },
      model: { type: "string", default: "qm9" },
      out: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const named = values.only.split(","), wrong = named.find((name) => !(PARTS as readonly string[]).includes(name));
  if (wrong !== undefined) throw new RangeError(`no part ${JSON.stringify(wrong)}; there are ${PARTS.join(", ")}`);
  return { ...values, only: PARTS.filter((part) => named.includes(part)), out: values.out };
}

/** What the numbers say of `model/engines/webgpu/training/`. */
export function decide(reports: readonly Report[], rehearse: boolean): string {
  const training = reports.find(({ part }) => part === "training");
  if (rehearse) return "training in WGSL: not decided, as this was a rehearsal";
  if (!training) return "training in WGSL: not decided, as it was not asked for";
  if (training.wrong) return `training in WGSL: drop it or mend it: ${training.said}`;
  if (training.ratio === undefined) return `training in WGSL: not decided: ${training.said}`;
  const times = `${training.ratio.toPrecision(3)} times the native engine's updates a second`;
  return `training in WGSL: ${training.ratio > 1 ? "keep" : "drop"} it: ${times}`;
}

const outOf = ({ date, commit }: { date: string; commit: string | null }) =>
  join(
    fileURLToPath(new URL("../../runs/check-gpu", import.meta.url)),
    `${date.slice(0, 10)}-${commit?.slice(0, 7) ?? "unknown"}.json`,
  );

async function main(args: string[]): Promise<void> {
  const options = readCheckOptions(args);
  if (!options) return console.log(USAGE);
  const adapter = await findAdapter(), rehearse = options.rehearse || adapter.software, { only, model } = options;
  const command = toldCommand("check:gpu", args), under = { command, ...await conditions() };
  const path = options.out ?? outOf(under), reports: Report[] = [];
  console.log(machineLine(under));
  console.log(`${wordsOf(adapter)}${rehearse ? "; a rehearsal, whose rates say nothing of a GPU" : ""}`);
  for (const part of only) {
    console.log(`\n${part} ...`);
    const limit = rehearse ? REHEARSAL_LIMIT : LIMITS[part];
    reports.push(await runLimited({ part, rehearse, model }, limit, console.log));
    // After each, so that an interrupted run keeps what it has.
    const parts = reports.map(({ results: _, ...report }) => report), decision = decide(reports, rehearse);
    const kept = { ...under, adapter: adapter.label, software: adapter.software, rehearse, parts, decision };
    if (path !== "-") await keep(path, kept, reports.flatMap(({ results }) => results));
  }
  const rows = reports.map(({ part, wrong, seconds, said }) => ({
    part,
    is: wrong ? "WRONG" : "right",
    seconds,
    said,
  }));
  console.log(`\n${formatTable(rows)}\n\n${decide(reports, rehearse)}`);
  if (path !== "-") console.log(`kept in ${path}`);
  const wrong = rows.filter((row) => row.is === "WRONG").map(({ part }) => part);
  if (wrong.length > 0) throw new Error(`wrong: ${wrong.join(", ")}`);
}

if (import.meta.main) await runProgram(main);

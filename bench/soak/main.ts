/** `deno task soak --minutes N`: mixed load on a service in a process of its own, with rounds, kills and restarts; docs/soak.md. */
import { dirname } from "node:path";
import { z } from "zod";
import { findModel } from "../../main/models.ts";
import { helpText, option, positive, readOptions, whole } from "../../main/options.ts";
import { RUNTIME_CHOICES } from "../../model/engines/runtimes.ts";
import { conditions } from "../conditions.ts";
import { asksForHelp, machineLine, runProgram } from "../program.ts";
import { endStarted } from "../started.ts";
import { toText } from "./report.ts";
import { soak } from "./run.ts";

const OPTIONS = {
  minutes: option("N", "how long, at least (default 60)", positive().default(60)),
  out: option("FOLDER", "where samples, report and picture go (default runs/soak)", z.string().default("runs/soak")),
  model: option("NAME", "a model's name or folder (default qm9)", z.string().default("qm9")),
  backend: option(
    "NAME",
    `${RUNTIME_CHOICES.filter((name) => name !== "auto").join(", ")} (default wasm)`,
    z.enum(RUNTIME_CHOICES).exclude(["auto"]).default("wasm"),
  ),
  seed: option("N", "of what the clients ask (default 1)", whole(0, 0xffffffff).default(1)),
};

async function main(args: string[]): Promise<void> {
  if (asksForHelp(args)) {
    return console.log(
      helpText("deno task soak", "Holds the service under mixed load, with kills and rounds.", OPTIONS),
    );
  }
  const { model: name, ...options } = readOptions(args, OPTIONS);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => endStarted().finally(() => Deno.exit(130)));
  }
  const { folder, card } = await findModel(name);
  console.log(machineLine(await conditions()));
  const report = await soak({ ...options, root: dirname(folder), model: card.name, onLine: console.log });
  console.log(
    `\n${toText(report)}\n\n${options.out} has report.json, samples.csv, memory.svg and the service's warnings`,
  );
  if (!report.sound) Deno.exit(1);
}

if (import.meta.main) await runProgram(main);

/**
 * Starts a command in a process of its own, with the permissions that its options and the environment ask for, and no others: what `deno task start` and
 * its like do. It draws and serves nothing itself, waits for that process, and ends with its exit status.
 *
 *     deno run --no-prompt --allow-env --allow-read --allow-run main/launch.ts [--show] COMMAND [options]
 *
 * `--show` prints the process's command line in place of starting it, an argument a line.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { GPU_NODES, type Hardware, MACHINE, PROCESSOR_LINE } from "../model/engines/hardware.ts";
import { webgpuVariables } from "../model/engines/webgpu/variables.ts";
import { LAUNCHER } from "../model/service/launcher.ts";
import { type Access, flagsOf, ROOT } from "../model/service/permissions.ts";
import { accessOf } from "./permissions.ts";
import { tellFault } from "./run.ts";

/** Prints what a process without all permissions may not see for itself. */
const LOOK = `grep -m 1 -E '^(flags|Features)[[:space:]]*:' /proc/cpuinfo; ls -d ${GPU_NODES.join(" ")}`;

/** The machine, for those who are started; undefined where there is no shell to look. */
async function look(): Promise<Hardware | undefined> {
  try {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", LOOK], stderr: "null" }).output();
    const text = new TextDecoder().decode(stdout), lines = text.split("\n");
    return {
      processor: PROCESSOR_LINE.exec(text)?.[0] ?? "",
      devices: GPU_NODES.filter((node) => lines.includes(node)),
    };
  } catch {
    return undefined;
  }
}

/** Programs by their paths, without those that are not there: Deno tells of each of them. */
function present({ run, ...access }: Access): Access {
  if (!Array.isArray(run)) return { ...access, run };
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
  const found = run.flatMap((name) => name.includes("/") ? name : folders.map((folder) => join(folder, name)));
  return { ...access, run: found.filter((path) => existsSync(path)) };
}

/** Signals that are handed on. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs a command, and hands on the signals that it does not hear itself. @returns its exit status */
async function start(command: readonly string[]): Promise<number> {
  const [program, ...args] = command;
  const env = { [LAUNCHER]: String(Deno.pid), ...webgpuVariables(Deno.env.toObject()) };
  const child = new Deno.Command(program, { args, env }).spawn();
  // A terminal interrupts all of its processes, wherever their input comes from, and who is interrupted twice does not take leave.
  const terminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  const heard = SIGNALS.filter((signal) => signal !== "SIGINT" || !terminal);
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (!heard.includes(signal)) return;
      try {
        child.kill(signal);
      } catch { /* it has just ended */ }
    });
  }
  return (await child.status).code;
}

if (import.meta.main) {
  const show = Deno.args[0] === "--show", [name = "", ...args] = show ? Deno.args.slice(1) : Deno.args;
  const encoder = new TextEncoder(), environment = Deno.env.toObject();
  if (Deno.build.os === "linux" && !environment[MACHINE]) {
    const machine = await look();
    if (machine) Deno.env.set(MACHINE, JSON.stringify(machine));
  }
  try {
    const flags = flagsOf(present(accessOf(name, args, environment)));
    const command = [Deno.execPath(), "run", ...flags, join(ROOT, "main.ts"), ...name ? [name, ...args] : []];
    if (show) console.log(command.join("\n"));
    else Deno.exit(await start(command));
  } catch (error) {
    Deno.exit(
      tellFault(name, error, { environment, error: (text) => void Deno.stderr.writeSync(encoder.encode(text)) }),
    );
  }
}

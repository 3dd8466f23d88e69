/** From the words of a command line to an exit status. */
import { VERSION } from "../model/models/version.ts";
import type { Command, Terminal } from "./command.ts";
import { helpText, UsageError } from "./options.ts";

/** Exit statuses: of a fault, of a command line that is wrong, and of an interrupt. */
const EXIT = { ok: 0, fault: 1, usage: 2, interrupted: 130 } as const;

/** Commands by name; each is loaded when it is called. */
export type Commands = Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>>;

function overview(commands: Commands): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length)) + 2;
  const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`).join("\n");
  return `Molstep ${VERSION}: 3D molecules in few steps\n\nUsage: molstep COMMAND [options]\n\nCommands:\n${list}\n\n` +
    "molstep COMMAND --help tells its options.\n";
}

/** Runs the command that `args` names. Errors are told on stderr. */
export async function run(commands: Commands, args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    terminal.out(overview(commands));
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version") {
    terminal.out(`${VERSION}\n`);
    return EXIT.ok;
  }
  if (!Object.hasOwn(commands, name)) {
    terminal.error(`the command must be one of ${Object.keys(commands).join(", ")}; got ${name}\n`);
    return EXIT.usage;
  }
  try {
    const command = await commands[name].load();
    if (rest.includes("--help") || rest.includes("-h")) {
      terminal.out(helpText(`molstep ${name}`, command.summary, command.options));
      return EXIT.ok;
    }
    return await command.run(rest, terminal);
  } catch (error) {
    if (terminal.signal.aborted) {
      terminal.error("\ninterrupted\n");
      return EXIT.interrupted;
    }
    return tellFault(name, error, terminal);
  }
}

/** Tells on stderr why a command ended. @returns the exit status */
export function tellFault(
  name: string,
  error: unknown,
  { error: tell, environment }: Pick<Terminal, "error" | "environment">,
): number {
  if (error instanceof UsageError) {
    tell(`${error.message}\n\nmolstep ${name} --help tells its options.\n`);
    return EXIT.usage;
  }
  tell(`molstep ${name}: ${error instanceof Error ? error.message : error}\n`);
  if (environment.MOLSTEP_LOG_LEVEL === "debug") tell(`${(error as Error).stack}\n`);
  return EXIT.fault;
}

/** A command: what it is called, what it takes, what it does. */
import { type Options, readOptions, type Values } from "./options.ts";

/** Where a command reads and writes; a test gives its own. */
export interface Terminal {
  /** Text to stdout. */
  readonly out: (text: string) => void;
  /** Text to stderr. */
  readonly error: (text: string) => void;
  /** Whether stderr is a terminal that a progress bar can be drawn on. */
  readonly interactive: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** A command whose options are not read yet. */
export interface Command {
  readonly summary: string;
  readonly options: Options;
  /** @returns the exit status */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>;
}

/** Binds options to the function that takes their values. */
export function command<O extends Options>(
  { summary, options, words, run }: {
    summary: string;
    options: O;
    /** The option, a list, that words without an option's name are added to. */
    words?: keyof O & string;
    run: (values: Values<O>, terminal: Terminal) => Promise<number>;
  },
): Command {
  return { summary, options, run: async (args, terminal) => await run(readOptions(args, options, words), terminal) };
}

/** Command-line options: read by node:util's parseArgs, checked by zod, described by `--help`. */
import { parseArgs } from "node:util";
import { z } from "zod";
import "../chem/issues.ts";

/** The command line is at fault: exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An option: its values are strings, or it is a flag. */
interface Option<T extends z.ZodType = z.ZodType> {
  /** Checks what was given (a string, true for a flag, undefined where absent) and fills in the default. */
  readonly schema: T;
  readonly help: string;
  /** What stands for the value in the help; absent for a flag. */
  readonly value?: string;
  /** It may be given more than once: the same as one list set apart by commas. */
  readonly repeated?: boolean;
}

/** Options by their names without the dashes. */
export type Options = Readonly<Record<string, Option>>;

/** The values of options. */
export type Values<O extends Options> = { readonly [K in keyof O]: z.infer<O[K]["schema"]> };

/** Only those options that were given, so that defaults fill in. */
export function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** An option that takes a value. */
export const option = <T extends z.ZodType>(value: string, help: string, schema: T): Option<T> => ({
  schema,
  help,
  value,
});

/** An option that takes a list, and may be given more than once. */
export const repeated = <T extends z.ZodType>(value: string, help: string, schema: T): Option<T> => ({
  ...option(value, help, schema),
  repeated: true,
});

/** An option that is there or not. */
export const flag = (help: string): Option<z.ZodDefault<z.ZodBoolean>> => ({
  schema: z.boolean().default(false),
  help,
});

/** A whole number within limits. */
export const whole = (min = 0, max = Number.MAX_SAFE_INTEGER) =>
  z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(z.number().min(min).max(max));

/** A positive number. */
export const positive = () =>
  z.string().transform(Number).pipe(z.number({ error: "must be a number" }).positive("must be above 0"));

/** "7" or "7-9": a range of sizes. */
export const range = () =>
  z.string().regex(/^\d+(-\d+)?$/, "must be a number or a range such as 7-9").transform((text) => {
    const [min, max = min] = text.split("-").map(Number);
    return { min, max };
  }).refine(({ min, max }) => min >= 1 && min <= max, "must run from a smaller size to a larger one");

/** A list, set apart by commas. */
export const list = <T extends z.ZodType<unknown, string>>(each: T) =>
  z.string().transform((text) => text.split(",").map((part) => part.trim())).pipe(z.array(each).min(1));

/** JSON of any kind. @param fault said of what is none, before the parser's own words */
export const json = (fault = "not JSON") =>
  z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: `${fault}: ${(error as Error).message}` });
      return z.NEVER;
    }
  });

/** A JSON object. */
export const object = () => json("must be a JSON object").pipe(z.record(z.string(), z.unknown()));

/**
 * Reads the options of a command.
 *
 * @param words the option, a list, that words without an option's name are added to; they are refused where absent
 * @throws UsageError for an unknown option (listing those allowed), a missing value, or values that break the schema
 */
export function readOptions<O extends Options>(
  args: readonly string[],
  options: O,
  words?: keyof O & string,
): Values<O> {
  const names = Object.keys(options);
  let given: Record<string, unknown>;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: words !== undefined,
      options: Object.fromEntries(names.map((name) => {
        const { value, repeated: multiple = false } = options[name];
        return [name, { type: value ? "string" : "boolean", multiple }];
      })),
    });
    const lists = {
      ...values,
      ...(words && positionals.length > 0 && { [words]: [values[words] ?? [], positionals].flat() }),
    };
    given = Object.fromEntries(
      Object.entries(lists).map(([name, one]) => [name, Array.isArray(one) ? one.join() : one]),
    );
  } catch (error) {
    const [reason] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${reason}; allowed are ${names.map((name) => `--${name}`).join(", ")}`);
  }
  const values: Record<string, unknown> = {}, faults: string[] = [];
  for (const name of names) {
    const result = options[name].schema.safeParse(given[name]);
    if (result.success) values[name] = result.data;
    else if (given[name] === undefined) faults.push(`--${name} must be given: ${options[name].help}`);
    else faults.push(`--${name} ${given[name]}: ${result.error.issues.map(({ message }) => message).join("; ")}`);
  }
  if (faults.length > 0) throw new UsageError(faults.join("\n"));
  return values as Values<O>;
}

/** The help text of a program. */
export function helpText(program: string, summary: string, options: Options): string {
  const rows = Object.entries(options).map(([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ""}`, help]);
  rows.push(["--help", "show this text"]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const list = rows.map(([left, help]) => `  ${left.padEnd(width)}${help}`).join("\n");
  return `${summary}\n\nUsage: ${program} [options]\n\nOptions:\n${list}\n`;
}

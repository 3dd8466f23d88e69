/** What zod finds wrong, in the form of our own errors: what is allowed, and what was given. Schemas that say more of their own say that. */
import { z } from "zod";

const KINDS: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  string: "a string",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** Most characters of a string that an error repeats. */
const SHOWN = 60;

/** A value that was given, in few words. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return value.length > SHOWN ? `${JSON.stringify(value.slice(0, SHOWN))} and more` : JSON.stringify(value);
}

/** Of strings and lists: what is counted. */
const COUNTED: Readonly<Record<string, string>> = { string: "character", array: "item" };

function boundOf(origin: string, side: "least" | "most", bound: number | bigint, inclusive: boolean | undefined) {
  const counted = COUNTED[origin];
  if (counted) return `have at ${side} ${bound} ${counted}${bound === 1 ? "" : "s"}`;
  if (inclusive === false) return `be ${side === "least" ? "above" : "below"} ${bound}`;
  return `be at ${side} ${bound}`;
}

/** How much of a thing was given: its length where that is what is wrong. */
const amount = (origin: string, input: unknown): string =>
  COUNTED[origin] && (typeof input === "string" || Array.isArray(input)) ? String(input.length) : shown(input);

const oneOf = (values: readonly unknown[], given: unknown): string =>
  `must be ${values.length > 1 ? "one of " : ""}${values.join(", ")}; got ${shown(given)}`;

/** An issue in words; undefined for one that zod's own words, or the schema's, say well enough. */
export function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${KINDS[issue.expected] ?? issue.expected}; got ${shown(input)}`;
    case "too_small":
      return `must ${boundOf(issue.origin, "least", issue.minimum, issue.inclusive)}; got ${
        amount(issue.origin, input)
      }`;
    case "too_big":
      return `must ${boundOf(issue.origin, "most", issue.maximum, issue.inclusive)}; got ${
        amount(issue.origin, input)
      }`;
    case "invalid_value":
      return oneOf(issue.values, input);
    case "invalid_union": {
      const { discriminator, options } = issue as { discriminator?: string; options?: readonly unknown[] };
      if (discriminator === undefined || !options) return undefined;
      return oneOf(options, (input as Record<string, unknown>)[discriminator]);
    }
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}; got ${shown(input)}`;
  }
}

/** An issue, and where. */
export interface Found {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What zod says of a choice of forms where the schema says nothing. */
const UNSAID = "Invalid input";

const MUST = "must be ", GOT = "; got ";

/** What each of several forms asks of the same thing, as one: `must be a string, or a list; got 5`. */
function eitherOf(messages: readonly string[]): string {
  const each = [...new Set(messages)], parts = each.map((message) => message.split(GOT));
  const [[, got]] = parts,
    alike = parts.every((part) => part.length === 2 && part[1] === got && part[0].startsWith(MUST));
  return alike
    ? MUST + parts.map(([allowed]) => allowed.slice(MUST.length)).join(", or ") + GOT + got
    : each.join(", or ");
}

/**
 * All that was found. Of a choice of forms, those of the one form that what was given is nearly: whose own parts are wrong, rather than the whole; where there is
 * no such form, what each would take.
 */
export function foundOf(issues: readonly z.core.$ZodIssue[], at: readonly PropertyKey[] = []): Found[] {
  return issues.flatMap((issue): Found[] => {
    const path = [...at, ...issue.path];
    if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ path, message: issue.message }];
    const near = issue.errors.filter((form) => form.every(({ path }) => path.length > 0));
    if (near.length === 1) return foundOf(near[0], path);
    if (issue.message !== UNSAID) return [{ path, message: issue.message }];
    return [{ path, message: eitherOf(issue.errors.flatMap((form) => foundOf(form).map(({ message }) => message))) }];
  });
}

z.config({ customError: wordsOf });

/** What molecules are asked for: windows on numbers, formula and elements, substructures, alerts, soundness. What it means: `filter.ts`. */
import { z } from "zod";
import { CHEMISTRIES } from "../chemistry.ts";
import { strict } from "../strict.ts";
import { type WindowName, windowNames, WINDOWS } from "./windows.ts";

/** Most patterns of a list, and characters of each. */
export const PATTERNS_MAX = 32, PATTERN_LENGTH_MAX = 2000;

/**
 * Most recursive parts `$(...)` of all patterns of a filter, and of these within one another. Each is looked for at every atom, so that 99 of seven atoms in each
 * of 64 patterns took half a second of a molecule of nine; and from 240 within one another RDKit.js 2026.9.1 ends its thread.
 */
export const RECURSIONS_MAX = 128, RECURSION_DEPTH_MAX = 8;

/** Sets of structural alerts (`alerts.ts`). */
export const ALERT_SETS = ["pains", "brenk"] as const;

/** One of {@link ALERT_SETS}. */
export type AlertSet = typeof ALERT_SETS[number];

/** Symbols of the elements of all chemistries. */
export const SYMBOLS: readonly string[] = [
  ...new Set(Object.values(CHEMISTRIES).flatMap(({ elements }) => elements.map(({ symbol }) => symbol))),
];

const window = (value: z.ZodNumber) =>
  strict({ min: value.optional(), max: value.optional() })
    .refine(({ min, max }) => min !== undefined || max !== undefined, "must have min, max or both")
    .refine(({ min = -Infinity, max = Infinity }) => min <= max, "must have min <= max")
    .meta({ description: "Both ends are inside" });

/** A window on a number: both ends are inside. */
export type Window = z.infer<ReturnType<typeof window>>;

const number = window(z.number()), count = window(z.int().min(0));

/** A formula's elements and their numbers. @throws RangeError where it is none */
export function parseFormula(formula: string): Map<string, number> {
  const counts = new Map<string, number>();
  if (!/^([A-Z][a-z]?([1-9]\d*)?)+$/.test(formula)) {
    throw new RangeError(`must be a formula such as C6H6O; got ${JSON.stringify(formula)}`);
  }
  for (const [, symbol, digits] of formula.matchAll(/([A-Z][a-z]?)(\d*)/g)) {
    if (!SYMBOLS.includes(symbol)) {
      throw new RangeError(
        `must be of the elements ${SYMBOLS.join(", ")}; got ${symbol} in ${JSON.stringify(formula)}`,
      );
    }
    counts.set(symbol, (counts.get(symbol) ?? 0) + (digits === "" ? 1 : Number(digits)));
  }
  return counts;
}

const formula = z.string().min(1).max(200).superRefine((text, context) => {
  try {
    parseFormula(text);
  } catch (error) {
    context.addIssue((error as Error).message);
  }
});

const pattern = z.string().min(1).max(PATTERN_LENGTH_MAX).refine((smarts) => /^[!-~]+$/.test(smarts), {
  // RDKit takes what stands behind a space for a name; a pattern is told as a reason, in files and terminals.
  error: ({ input }) => `must be SMARTS of letters, digits and signs, without spaces; got ${JSON.stringify(input)}`,
}).refine((smarts) => !smarts.includes("."), {
  // A component more multiplies the time of a search by the number of atoms, so that a short pattern can take for ever.
  error: "must be SMARTS of one component; put what a dot sets apart into patterns of their own",
}).superRefine((smarts, context) => {
  const { depth } = recursionsOf(smarts);
  if (depth > RECURSION_DEPTH_MAX) {
    context.addIssue(
      `must have at most ${RECURSION_DEPTH_MAX} recursive parts $(...) within one another; got ${depth}`,
    );
  }
});

/** How many recursive parts a pattern has, and how many of them at most are within one another. */
export function recursionsOf(smarts: string): { readonly count: number; readonly depth: number } {
  const open: boolean[] = [];
  let count = 0, now = 0, depth = 0;
  for (const [sign] of smarts.matchAll(/\$\(|[()]/g)) {
    if (sign === ")") now -= Number(open.pop() ?? false);
    else {
      open.push(sign === "$(");
      if (sign !== "$(") continue;
      count++;
      depth = Math.max(depth, ++now);
    }
  }
  return { count, depth };
}

const patterns = (what: string) => z.array(pattern).max(PATTERNS_MAX).optional().describe(what);

/** A window's line in the description. */
const told = (name: WindowName) => {
  const { what, unit } = WINDOWS[name];
  return `${what[0].toUpperCase()}${what.slice(1)}${unit ? `, ${unit}` : ""}`;
};

const windows = Object.fromEntries(
  windowNames.map((name) => [name, number.optional().describe(told(name))]),
) as Record<WindowName, z.ZodOptional<typeof number>>;

/** The schema: strict, with limits on everything. That patterns are SMARTS is checked by who compiles them. */
export const whereSchema = strict({
  ...windows,
  formula: formula.optional().describe("The whole molecule's, hydrogens included, such as C6H6O; in any order"),
  elements: strict(Object.fromEntries(SYMBOLS.map((symbol) => [symbol, count.optional()])) as Record<
    string,
    z.ZodOptional<typeof count>
  >).optional().describe("Atoms of each element, hydrogens included"),
  required: patterns(
    `SMARTS that each must be there. Hydrogens are implicit: [OX2H], not O[H]. All patterns have at most ${RECURSIONS_MAX} recursive parts $(...), ${RECURSION_DEPTH_MAX} within one another`,
  ),
  forbidden: patterns("SMARTS of which none may be there"),
  alerts: z.array(z.enum(ALERT_SETS)).max(ALERT_SETS.length).optional().describe(
    "Sets of structural alerts of which none may be there: `pains` (Baell and Holloway 2010), `brenk` (Brenk et al. 2008), as RDKit has them",
  ),
  sound: z.boolean().optional().describe(
    "Whether it must be sound, by the rule of `filter: sound`: of one fragment, and without a fault of geometry",
  ),
}).superRefine(({ required = [], forbidden = [] }, context) => {
  const count = [...required, ...forbidden].reduce((sum, smarts) => sum + recursionsOf(smarts).count, 0);
  if (count > RECURSIONS_MAX) {
    context.addIssue(`must have at most ${RECURSIONS_MAX} recursive parts $(...) in all patterns; got ${count}`);
  }
}).meta({ id: "Where", description: "What a molecule must be, beside valid; all of it at once" });

/** A filter's description. What is absent is not asked for; a molecule that is not valid never passes. */
export type Where = z.infer<typeof whereSchema>;

/** What has to be found out of a molecule, beside its validity, before a filter can judge it. */
export const needsOf = (where: Where): { readonly judge: boolean; readonly strain: boolean } => ({
  judge: where.sound === true,
  strain: windowNames.some((name) => WINDOWS[name].from === "strain" && where[name] !== undefined),
});

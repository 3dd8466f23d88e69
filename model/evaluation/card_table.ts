/** A card's evaluations as a Markdown table. */
import { columnGroups } from "../../chem/composition.ts";
import type { Summary } from "../../chem/metrics.ts";
import { QM9_WORDS } from "../../chem/qm9.ts";
import type { Card } from "../models/card.ts";
import { gridSpec, gridText } from "../diffusion/grids.ts";
import type { ReferenceStatistics } from "./evaluate_reference.ts";
import { markdownTable } from "./markdown_table.ts";
import { type EvaluationEntry, evaluationsOf } from "./record.ts";

/** A rate in percent with its interval. */
export const percent = ({ value, low, high }: { value: number; low: number; high: number }) =>
  `${(100 * value).toFixed(1)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;

/** The sampler with what differs from its defaults. */
export function samplerText({ sampler, grid, options = {}, clamp, autoguidance }: EvaluationEntry["settings"]): string {
  const more = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const known = gridSpec.safeParse(grid ?? { type: "uniform" }),
    text = known.success ? gridText(known.data) : grid?.type;
  if (text) more.push(text);
  if (clamp) more.push(`clamp ${clamp}`);
  if (autoguidance !== undefined) more.push(`autoguidance ${autoguidance}`);
  return more.length > 0 ? `${sampler}, ${more.join(", ")}` : sampler;
}

/** The ratio of hits among trained and held-out molecules, with its interval. */
const memorised = (found: EvaluationEntry["memorisation"]) =>
  found?.ratio
    ? `${found.ratio.value.toFixed(2)} (${found.ratio.low.toFixed(2)} to ${found.ratio.high.toFixed(2)})`
    : "";

/** The head of {@link judgedCell}. */
export const JUDGED_HEAD = "sound % / twisted C=C % / groups from the data's, points";

interface Value {
  readonly value: number;
}

/** What cells tell of the judge's findings, in a card's entry or of the data. */
interface Judged {
  readonly judge?: {
    readonly sound: Value;
    readonly twistedAlkenes: Value;
    readonly strain?: { readonly before: { readonly median: Value; readonly ninety: Value } };
  };
  readonly judgeDistances?: { readonly groups: Value };
}

/** What the judge found, in short; nothing in entries of before it. */
export function judgedCell({ judge, judgeDistances }: Judged): string {
  if (!judge) return "";
  const percents = [judge.sound, judge.twistedAlkenes].map(({ value }) => (100 * value).toFixed(1));
  return [...percents, judgeDistances ? (100 * judgeDistances.groups.value).toFixed(1) : "-"].join(" / ");
}

/** Median and 90 % of MMFF94's strain of the positions as drawn; nothing where nobody measured it. */
const strainCell = ({ judge }: Judged) =>
  judge?.strain
    ? [judge.strain.before.median, judge.strain.before.ninety].map(({ value }) => value.toFixed(1)).join(" / ")
    : "";

/** Shares of the groups that have a column. */
const sharesCell = (composition: EvaluationEntry["composition"]) =>
  composition ? columnGroups.map(({ name }) => (100 * composition[name]?.value).toFixed(1)).join(" / ") : "";

/** The data's own row: the test split's metrics, and distances of training molecules from it. */
const dataRow = ({ label = QM9_WORDS.label, metrics, composition, judge, floor }: ReferenceStatistics): string[] => [
  "",
  `${label} test`,
  "",
  String(metrics.count),
  ...ratesOf(metrics),
  sharesCell(composition),
  judgedCell({ judge: judge?.summary, judgeDistances: judge?.floor }),
  strainCell({ judge: judge?.summary }),
  "",
  decimals(floor.distances.bondLengths, 4),
  decimals(floor.distances.bondAngles, 2),
  "",
];

/** Those that have a column, in this order. */
const RATES = [
  "moleculeStability",
  "atomStability",
  "validity",
  "validUnique",
  "novelty",
  "connected",
] as const satisfies readonly (keyof Summary)[];

const ratesOf = (metrics: Partial<Record<typeof RATES[number], Parameters<typeof percent>[0]>>) =>
  RATES.map((name) => metrics[name] ? percent(metrics[name]) : "");

/** A number with so many decimals; nothing where there is none. */
const decimals = (value: number | null | undefined, places: number) => value?.toFixed(places) ?? "";

/** Rows of Markdown, by steps, and the data's own last where it is given; a line that says so where the card has no evaluation. */
export function cardTable(card: Pick<Card, "name" | "evaluation">, data?: ReferenceStatistics): string {
  const entries = evaluationsOf(card);
  if (entries.length === 0) return `The card of \`${card.name}\` holds no evaluation yet.`;
  const head = [
    "steps",
    "sampler",
    "decoding",
    "n",
    "molecule stability %",
    "atom stability %",
    "validity %",
    "valid x unique %",
    "novelty %",
    "connected %",
    `${columnGroups.map(({ label }) => label).join(" / ")}, % of the valid`,
    JUDGED_HEAD,
    "MMFF94 strain, median / 90 %, kcal/mol",
    "memorised",
    "bond lengths, W1 Å",
    "angles, W1 °",
    "molecules/s",
  ];
  const rows = entries.map((
    { settings, metrics, distances, composition, memorisation, moleculesPerSecond, ...judged },
  ) => [
    String(settings.steps),
    samplerText(settings),
    settings.decoding ?? "",
    String(settings.count),
    ...ratesOf(metrics),
    sharesCell(composition),
    judgedCell(judged),
    strainCell(judged),
    memorised(memorisation),
    decimals(distances?.bondLengths, 4),
    decimals(distances?.bondAngles, 2),
    `${moleculesPerSecond.toPrecision(3)}${settings.backend ? ` (${settings.backend})` : ""}`,
  ]);
  return markdownTable(head, data ? [...rows, dataRow(data)] : rows);
}

/** What is between two marks of a text, replaced. */
export function replaceBetween(text: string, name: string, content: string): string {
  const begin = `<!-- ${name}: begin -->`, end = `<!-- ${name}: end -->`;
  const from = text.indexOf(begin), to = text.indexOf(end);
  if (from < 0 || to < from) throw new RangeError(`the text lacks the marks ${begin} and ${end}, in this order`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

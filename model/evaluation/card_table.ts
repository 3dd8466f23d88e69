/** A card's evaluations as a Markdown table. */
import { columnGroups } from "../../chem/composition.ts";
import type { Card } from "../models/card.ts";
import { gridSpec, gridText } from "../diffusion/grids.ts";
import { markdownTable } from "./markdown_table.ts";
import { type EvaluationEntry, evaluationsOf } from "./record.ts";

const percent = ({ value, low, high }: { value: number; low: number; high: number }) =>
  `${(100 * value).toFixed(1)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;

/** The sampler with what differs from its defaults. */
export function samplerText({ sampler, grid, options = {}, clamp }: EvaluationEntry["settings"]): string {
  const more = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const known = gridSpec.safeParse(grid ?? { type: "uniform" }),
    text = known.success ? gridText(known.data) : grid?.type;
  if (text) more.push(text);
  if (clamp) more.push(`clamp ${clamp}`);
  return more.length > 0 ? `${sampler}, ${more.join(", ")}` : sampler;
}

/** The ratio of hits among trained and held-out molecules, with its interval. */
const memorised = (found: EvaluationEntry["memorisation"]) =>
  found?.ratio
    ? `${found.ratio.value.toFixed(2)} (${found.ratio.low.toFixed(2)} to ${found.ratio.high.toFixed(2)})`
    : "";

/** The head of {@link judgedCell}. */
export const JUDGED_HEAD = "sound % / twisted C=C % / groups from the data's, points";

/** What the judge found, in short; nothing in entries of before it. */
export function judgedCell({ judge, judgeDistances }: Pick<EvaluationEntry, "judge" | "judgeDistances">): string {
  if (!judge) return "";
  const percents = [judge.sound, judge.twistedAlkenes].map(({ value }) => (100 * value).toFixed(1));
  return [...percents, judgeDistances ? (100 * judgeDistances.groups.value).toFixed(1) : "-"].join(" / ");
}

/** A number with so many decimals; nothing where there is none. */
const decimals = (value: number | null | undefined, places: number) => value?.toFixed(places) ?? "";

/** Rows of Markdown, by steps; a line that says so where the card has no evaluation. */
export function cardTable(card: Pick<Card, "name" | "evaluation">): string {
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
    percent(metrics.moleculeStability),
    percent(metrics.atomStability),
    percent(metrics.validity),
    percent(metrics.validUnique),
    metrics.novelty ? percent(metrics.novelty) : "",
    percent(metrics.connected),
    composition ? columnGroups.map(({ name }) => (100 * composition[name]?.value).toFixed(1)).join(" / ") : "",
    judgedCell(judged),
    memorised(memorisation),
    decimals(distances?.bondLengths, 4),
    decimals(distances?.bondAngles, 2),
    `${moleculesPerSecond.toPrecision(3)}${settings.backend ? ` (${settings.backend})` : ""}`,
  ]);
  return markdownTable(head, rows);
}

/** What is between two marks of a text, replaced. */
export function replaceBetween(text: string, name: string, content: string): string {
  const begin = `<!-- ${name}: begin -->`, end = `<!-- ${name}: end -->`;
  const from = text.indexOf(begin), to = text.indexOf(end);
  if (from < 0 || to < from) throw new RangeError(`the text lacks the marks ${begin} and ${end}, in this order`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

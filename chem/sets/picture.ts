/** A set's summary as a picture, and as text. */
import { groupNames, GROUPS } from "../composition.ts";
import { barChart } from "../plot.ts";
import { rowChart, stacked } from "../plot_rows.ts";
import { type RefusalReason, REFUSALS } from "./accept.ts";
import type { SetSummary } from "./summary.ts";

const percent = (share: number) => `${(100 * share).toFixed(share < 0.001 ? 3 : 1)} %`;
const plain = (count: number) => count.toLocaleString("en");

/** Pixels of a bar that has room for its number. */
const BAR = 46;

/** Sizes, elements and functional groups. @returns an SVG document */
export function setPicture(name: string, { molecules, sizes, elements, composition }: SetSummary): string {
  const bars = Object.entries(sizes).map(([label, count]) => ({ label, value: 100 * count / molecules }));
  return stacked([
    barChart(bars, {
      title: `${name}: ${plain(molecules)} molecules by heavy atoms`,
      yLabel: "% of the molecules",
      width: Math.max(800, 110 + BAR * bars.length),
    }),
    rowChart(
      Object.entries(elements).map(([label, of]) => {
        const share = of.molecules / molecules;
        return { label, value: share, text: percent(share) };
      }),
      { title: "Molecules that have the element" },
    ),
    rowChart(
      groupNames.map((group) => {
        const { value } = composition[group];
        return { label: GROUPS[group].label, value, text: percent(value) };
      }),
      { title: "Molecules that have the group" },
    ),
  ]);
}

/** The summary in words, some lines. */
export function summaryText(
  { molecules, atoms, parts, repeated, refused, sizes, elements, charged, classes }: SetSummary,
): string {
  const heavy = Object.keys(sizes).map(Number), all = Object.values(refused).reduce((sum, one) => sum + one, 0);
  const shares = Object.entries(elements).map(([symbol, of]) => `${symbol} ${percent(of.molecules / molecules)}`);
  return [
    `${plain(molecules)} molecules of ${Math.min(...heavy)} to ${Math.max(...heavy)} heavy atoms, ${
      plain(atoms)
    } atoms: ` +
    `${plain(parts.train)} to train on, ${plain(parts.valid)} to validate, ${plain(parts.test)} to test`,
    `elements, by molecules: ${shares.join(", ")}`,
    `${classes.length} kinds of heavy atom; ${plain(charged)} molecules with charges; ${
      plain(repeated)
    } repeat another's SMILES without stereo`,
    `${plain(all)} records refused${all === 0 ? "" : ":"}`,
    ...Object.entries(refused).map(([reason, count]) =>
      `  ${plain(count)} ${reason}: ${REFUSALS[reason as RefusalReason]}`
    ),
  ].join("\n") + "\n";
}

/** An evaluation as a table and as a picture, for people. */
import { QM9_WORDS } from "../../chem/qm9.ts";
import { groupNames, GROUPS } from "../../chem/composition.ts";
import type { Distances } from "../../chem/distributions.ts";
import type { Summary } from "../../chem/metrics.ts";
import type { Rate } from "../../chem/rate.ts";
import type { Estimate } from "../../chem/judge/bootstrap.ts";
import { RING_STRAINS, ringStrainNames } from "../../chem/judge/ring_strains.ts";
import { faultNames, FAULTS } from "../../chem/judge/sound.ts";
import { COMPARED, comparedNames, type JudgeSummary, type Spread, TWISTED } from "../../chem/judge/summary.ts";
import { twistNames, TWISTS } from "../../chem/judge/torsions.ts";
import { barChart } from "../../chem/plot.ts";
import type { Evaluation } from "./evaluate.ts";

const RATES = [
  ["validity", "validity"],
  ["moleculeStability", "molecule stability"],
  ["atomStability", "atom stability"],
  ["uniqueness", "uniqueness (of valid)"],
  ["validUnique", "valid x unique"],
  ["novelty", "novelty (of valid, unique)"],
  ["connected", "valid and connected"],
] as const satisfies readonly (readonly [keyof Summary, string])[];

/** Beside EDM's, in the table alone. */
const BY_INCHIKEY = [
  ["uniquenessByInchikey", "uniqueness by InChIKey (of valid)"],
  ["validUniqueByInchikey", "valid x unique by InChIKey"],
] as const satisfies readonly (readonly [keyof Summary, string])[];

const DISTANCES = [
  ["bondLengths", "bond lengths (W1, angstrom)"],
  ["bondAngles", "bond angles (W1, degrees)"],
  ["atomsPerMolecule", "atoms a molecule (W1)"],
  ["bondKinds", "kinds of bonds (JS)"],
  ["elements", "elements (JS)"],
  ["ringSizes", "ring sizes (JS)"],
  ["ringsPerMolecule", "rings a molecule (JS)"],
] as const satisfies readonly (readonly [keyof Distances, string])[];

/** What the judge counts, in the order of tables: its name, and where its rate is. */
const JUDGED: readonly (readonly [string, (summary: JudgeSummary) => Rate | undefined])[] = [
  ["sound, of all", ({ sound }) => sound],
  ["sound, of the valid and connected", ({ soundOfConnected }) => soundOfConnected],
  ["bonds as by a second rule, of all", ({ bondsAgree }) => bondsAgree],
  ["repaired, of all", ({ repaired }) => repaired],
  ["training molecules, of the valid", ({ known }) => known],
  ["with a motif that no training molecule has", ({ newMotif }) => newMotif],
  ["with a scaffold that none has, of those with rings", ({ newScaffold }) => newScaffold],
  ["distinct scaffolds, of those with rings", ({ scaffolds }) => scaffolds],
  ...faultNames.map((name) => [`fault: ${FAULTS[name]}`, ({ faults }: JudgeSummary) => faults[name]] as const),
  ["any C=C twisted, of those with one", ({ twistedAlkenes }) => twistedAlkenes],
  ...twistNames.map((name) => [`${TWISTS[name]}: twisted`, ({ twisted }: JudgeSummary) => twisted[name]] as const),
  ...ringStrainNames.map((name) => [RING_STRAINS[name], ({ strains }: JudgeSummary) => strains[name]] as const),
];

const percent = (value: number) => (100 * value).toFixed(2);

/** What the data set is called. */
const labelOf = ({ label = QM9_WORDS.label }: NonNullable<Evaluation["data"]>) => label;

/** Rows as columns of text, the first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, k) => Math.max(...rows.map((row) => row[k].length)));
  return rows.map((row) =>
    row.map((cell, k) => k === 0 ? cell.padEnd(widths[k]) : cell.padStart(widths[k])).join("  ").trimEnd()
  ).join("\n");
}

/**
 * The table that `evaluate` prints: rates in percent with their 95 % intervals, distances from the test split, beside
 * each what the data themselves score.
 */
export function evaluationTable(
  { settings, metrics, distances, composition, judge, judgeDistances, data, ...rest }: Evaluation,
): string {
  const { model, steps, sampler, seed, count, backend, decoding, clamp, autoguidance, refine } = settings;
  const head = `${model}: ${count} molecules, ${steps} steps of ${sampler}${
    autoguidance === undefined ? "" : `, guided ${autoguidance} by the weaker self`
  }${clamp ? `, clamped below t = ${clamp}` : ""}${decoding === undefined ? "" : `, decoded by ${decoding}`}${
    refine === undefined ? "" : `, refined by ${refine}`
  }, seed ${seed}${backend === undefined ? "" : `, on ${backend}`}`;
  const row = (name: string, rate: Rate | undefined, own: Rate | undefined) =>
    rate
      ? [[name, percent(rate.value), `${percent(rate.low)} to ${percent(rate.high)}`, own ? percent(own.value) : ""]]
      : [];
  const rates = [...RATES, ...BY_INCHIKEY].flatMap(([key, name]) => row(name, metrics[key], data?.metrics[key]));
  const parts = [head, columns([["", "%", "95 % interval", data ? `${labelOf(data)} test` : ""], ...rates])];
  if (composition) {
    const rows = groupNames.flatMap((key) => row(GROUPS[key].label, composition[key], data?.composition?.[key]));
    parts.push(
      columns([["share of the valid with", "%", "95 % interval", data ? `${labelOf(data)} test` : ""], ...rows]),
    );
  }
  if (judge) {
    const rows = JUDGED.flatMap(([name, of]) => {
      const own = of(judge), other = data?.judge && of(data.judge);
      // How many of n scaffolds are distinct falls with n: the data's own is of another n.
      return row(name, own, own === judge.scaffolds ? undefined : other);
    });
    const head = [
      `judged (twisted: by more than ${TWISTED} degrees)`,
      "%",
      "95 % interval",
      data ? `${labelOf(data)} test` : "",
    ];
    parts.push(columns([head, ...rows]), ...strainRows(judge, metrics.validity, refine, data));
  }
  if (judgeDistances) {
    const { groups, groupsByChance, descriptors } = judgeDistances, floor = data?.judgeFloor;
    const estimate = (name: string, { value, low, high }: Estimate, own: number | undefined, scale = 1) => {
      const text = (number: number) => (scale * number).toFixed(3);
      return [name, text(value), `${text(low)} to ${text(high)}`, own === undefined ? "" : text(own)];
    };
    parts.push(columns([
      [
        "apart from the test split",
        "",
        "95 % interval",
        data ? `${labelOf(data)} train, n=${data.floorMolecules}` : "",
      ],
      estimate("mean difference of the shares above, points", groups, floor?.groups.value, 100),
      ["  by chance, of as many molecules of the data", (100 * groupsByChance).toFixed(3), "", ""],
      ...comparedNames.map((name) =>
        estimate(`${COMPARED[name].label} (W1)`, descriptors[name], floor?.descriptors[name].value)
      ),
    ]));
  }
  if (distances) {
    const number = (value: number | null | undefined) => value === null || value === undefined ? "-" : value.toFixed(4);
    const rows = DISTANCES.map(([key, name]) => [name, number(distances[key]), number(data?.floor[key])]);
    parts.push(
      columns([
        ["distance from the test split", "", data ? `${labelOf(data)} train, n=${data.floorMolecules}` : ""],
        ...rows,
      ]),
    );
  }
  if (rest.likelihood) {
    const { test, train, n, logSnr, steps } = rest.likelihood;
    const text = ({ value, low, high }: Estimate) => `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
    parts.push(
      `log-likelihood, nats a dimension of the latent at log-SNR ${logSnr}: ${text(test)} of the test split, ` +
        `${text(train)} of the training split (n = ${n} each, ${steps} steps)`,
    );
  }
  const { memorisation, moleculesPerSecond, seconds, machine } = rest;
  if (memorisation) {
    const { distinct, inTraining, inHeldOut, ratio } = memorisation;
    parts.push(
      `of ${distinct} distinct molecules ${inTraining} were trained on and ${inHeldOut} held out` +
        (ratio
          ? `: ${ratio.value.toFixed(2)} (${ratio.low.toFixed(2)} to ${
            ratio.high.toFixed(2)
          }) times as many for a molecule ` +
            `trained on as for one held out`
          : ""),
    );
  }
  parts.push(
    `${moleculesPerSecond.toPrecision(3)} molecules/s, ${seconds.toFixed(1)} s in all; ` +
      `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, Deno ${machine.deno}`,
  );
  return parts.join("\n\n") + "\n";
}

/** Strain, where it was measured: by the force field that refined, else by MMFF94, the data's own then beside; of how many of the valid. */
function strainRows(
  { strain }: JudgeSummary,
  validity: Rate,
  refine: unknown = "mmff94",
  data?: Evaluation["data"],
): string[] {
  if (!strain) return [];
  const text = ({ value, low, high }: Estimate) => `${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
  const row = (name: string, spread: Spread | undefined, { value, n }: Rate) =>
    spread ? [[name, text(spread.median), text(spread.ninety), `${spread.n} of ${Math.round(value * n)}`]] : [];
  return [
    columns([
      [`strain by ${refine}, kcal/mol`, "median", "90 % below", "n, of the valid"],
      ...row("as drawn", strain.before, validity),
      ...row("refined", strain.after, validity),
      ...(data && refine === "mmff94"
        ? row(`${labelOf(data)} test`, data.judge?.strain?.before, data.metrics.validity)
        : []),
    ]),
  ];
}

/** The rates as bars with their intervals and the data's own as marks; an SVG document. */
export function evaluationChart({ settings, metrics, data }: Evaluation): string {
  const labels: Partial<Record<keyof Summary, string>> = {
    uniqueness: "uniqueness",
    novelty: "novelty",
    connected: "connected",
    moleculeStability: "mol. stability",
  };
  const bars = RATES.flatMap(([key, name]) => {
    const rate: Rate | undefined = metrics[key];
    if (!rate) return [];
    const mark = data?.metrics[key];
    return [{
      label: labels[key] ?? name,
      value: 100 * rate.value,
      low: 100 * rate.low,
      high: 100 * rate.high,
      ...(mark && { mark: 100 * mark.value }),
    }];
  });
  return barChart(bars, {
    title: `${settings.model}, ${settings.steps} steps of ${settings.sampler}, n = ${settings.count}`,
    yLabel: "%",
    high: 105,
    ...(data && { markLabel: `${labelOf(data)} test split` }),
  });
}

/** What was measured of a model: quality against speed, by number of steps, as its card has it. */
import { Chart } from "./chart.js";
import { html, useEffect, useMemo, useState } from "./html.js";
import { Fault } from "./parts.js";
import { words } from "./schema.js";
import { askJson } from "./service.js";
import { modelOf } from "./steps.js";

/** A share with its interval. @typedef {{value: number, low: number, high: number, n: number}} Share */
/** @typedef {{settings: {steps: number, sampler: string, decoding: string, clamp: number, backend: string, count: number}, metrics: Record<string, any>, judge?: Record<string, any>, moleculesPerSecond: number, machine?: {cpu: string, cores: number}, date?: string}} Entry */

const isShare = (/** @type {any} */ one) =>
  one !== null && typeof one === "object" && typeof one.value === "number" && typeof one.low === "number" &&
  one.low >= 0 && one.high <= 1;

/** Shares that an entry has, by name: those of the judge first. @param {Entry} entry @returns {[string, Share][]} */
const sharesOf = ({ metrics, judge = {} }) =>
  [...Object.entries(judge), ...Object.entries(metrics)].filter(([, one]) => isShare(one));

/** What the service draws by at a number of steps where a request says no more: distilled weights where there are some, clamped, in the card's decoding. @param {Entry[]} entries @param {string} decoding */
function servedOf(entries, decoding) {
  const by = Map.groupBy(
    entries.filter(({ settings }) => settings.decoding === decoding),
    ({ settings }) => settings.steps,
  );
  const rank = (/** @type {Entry} */ { settings }) =>
    (settings.sampler === "distilled" ? 2 : 0) + (settings.clamp > 0 ? 1 : 0);
  return [...by.values()].map((some) => some.toSorted((a, b) => rank(b) - rank(a))[0]).sort((a, b) =>
    b.settings.steps - a.settings.steps
  );
}

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>) => void}} props */
export function QualityView({ known, values, change }) {
  const { name } = modelOf(known, values.model);
  const [detail, setDetail] = useState(/** @type {any} */ (undefined)),
    [error, setError] = useState(/** @type {Error | undefined} */ (undefined));
  useEffect(() => {
    setError(undefined);
    askJson(`models/${encodeURIComponent(name)}`, { fresh: true }).then(setDetail, setError);
  }, [name]);
  const entries = /** @type {Entry[]} */ (detail?.card.evaluation ?? []),
    decoding = detail?.card.autoencoder?.decoding ?? "argmax";
  const metrics = useMemo(() => [...new Set(entries.flatMap((one) => sharesOf(one).map(([key]) => key)))], [detail]);
  const metric = metrics.includes(values.metric) ? values.metric : metrics[0],
    against = values.against === "steps" ? "steps" : "speed";
  const served = servedOf(entries, decoding),
    point = (/** @type {Entry} */ entry) => {
      const share = sharesOf(entry).find(([key]) => key === metric)?.[1], { steps } = entry.settings;
      if (!share) return [];
      const x = against === "steps" ? steps : entry.moleculesPerSecond,
        label = against === "steps" || !served.includes(entry) ? "" : String(steps);
      return [{
        x,
        y: share.value,
        low: share.low,
        high: share.high,
        label,
        about: `${steps} steps: ${(100 * share.value).toFixed(2)} % (${(100 * share.low).toFixed(2)} to ${
          (100 * share.high).toFixed(2)
        }), ${entry.moleculesPerSecond.toFixed(0)} molecules/s`,
      }];
    };
  const others = Map.groupBy(
    entries.filter((one) => !served.includes(one)),
    ({ settings: { sampler, decoding, clamp } }) => `${sampler}, ${decoding}${clamp > 0 ? ", clamped" : ""}`,
  );
  const series = [
    { name: "as served", points: served.flatMap(point), strong: true, line: true },
    ...(values.all
      ? [...others].map(([name, some]) => ({
        name,
        points: some.sort((a, b) => a.settings.steps - b.settings.steps).flatMap(point),
        line: true,
      }))
      : []),
  ];
  const first = served[0] ?? entries[0];
  return html`
    <div class="column">
      <section class="panel" aria-labelledby="quality-title">
        <header><div><h2 id="quality-title">Quality against speed</h2>
          <p class="hint">${detail
            ? `${detail.card.name}, version ${detail.card.version}: ${detail.card.description}`
            : ""}</p></div></header>
        ${error && html`<${Fault} error=${error} />`}
        <div class="tools">
          <label>Model <select value=${name} onChange=${(/** @type {any} */ e) =>
            change({ ...values, model: e.currentTarget.value })}>${known.models.map((one) =>
              html`<option>${one.name}</option>`
            )}</select></label>
          <label>Share of <select value=${metric} onChange=${(/** @type {any} */ e) =>
            change({ ...values, metric: e.currentTarget.value })}>${metrics.map((one) =>
              html`<option value=${one}>${words(one).toLowerCase()}</option>`
            )}</select></label>
          <label>Against <select value=${against} onChange=${(/** @type {any} */ e) =>
            change({
              ...values,
              against: e.currentTarget.value,
            })}><option value="speed">molecules a second</option><option value="steps">steps</option></select></label>
          <label class="check"><input type="checkbox" checked=${Boolean(values.all)} onChange=${() =>
            change({ ...values, all: values.all ? undefined : 1 })} />Other settings, too</label>
        </div>
        ${detail && (entries.length === 0 ? html`<p class="empty">This model's card tells of no evaluation.</p>` : html`
          <${Chart} title=${`${words(metric)} of ${name}`} series=${series} table
            x=${{ label: against === "steps" ? "steps" : "molecules a second", log: true }} y=${{
              label: words(metric),
              text: (/** @type {number} */ v) => `${Number((100 * v).toFixed(1))} %`,
              ...(series[0].points.length === 0 && { from: 0, to: 1 }),
            }} />
        `)}
        ${first && html`
          <p
            class="hint">Bars are 95 % intervals; numbers beside points are steps. ${first.settings.count
              .toLocaleString("en-US")} molecules each, on ${first.machine?.cores ??
              "?"} cores of ${first.machine?.cpu ?? "an unnamed processor"} (${first.settings
              .backend}), decoded by ${decoding} as served.</p>
        `}
      </section>
    </div>
  `;
}

/** Rounds of distillation: what runs, how far it is, and its curves as they grow. */
import { isId } from "./address.js";
import { Chart } from "./chart.js";
import { Fields } from "./form.js";
import { html, useEffect, useMemo, useState } from "./html.js";
import { percent } from "./molecule.js";
import { Fault, Stat } from "./parts.js";
import { bodyOf, words } from "./schema.js";
import { ask, askJson, events } from "./service.js";

/** How often the list is asked for again, ms. */
const AGAIN = 5000;

const ACTIVE = ["running", "cancelling", "publishing"];

/** @typedef {{id: string, state: string, reason: string | null, settings: Record<string, any>, progress: {update: number, fraction: number, updatesPerSecond: number, etaSeconds: number, loss: number} | null, createdAt: string, endedAt: string | null}} Job */

export const ago = (/** @type {string} */ time) =>
  new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

export const span = (/** @type {number} */ seconds) =>
  seconds < 90
    ? `${Math.round(seconds)} s`
    : seconds < 5400
    ? `${Math.round(seconds / 60)} min`
    : `${(seconds / 3600).toFixed(1)} h`;

const TONES = /** @type {Record<string, string>} */ ({
  done: "good",
  running: "fair",
  publishing: "fair",
  cancelling: "fair",
  failed: "poor",
  rejected: "poor",
  cancelled: "poor",
});

export const StateBadge = (/** @type {{state: string}} */ { state }) =>
  html`<span class=${`verdict ${TONES[state] ?? "fair"}`}>${state}</span>`;

/** What a list says now, asked for again and again while the page is looked at. @param {string} path @param {unknown} trigger */
export function useList(path, trigger) {
  const [list, setList] = useState(/** @type {any} */ (undefined)),
    [error, setError] = useState(/** @type {Error | undefined} */ (undefined));
  useEffect(() => {
    const control = new AbortController();
    const look = () => {
      if (document.hidden) return;
      askJson(path, { signal: control.signal }).then(
        (all) => (setList(all), setError(undefined)),
        (fault) => control.signal.aborted || setError(fault),
      );
    };
    look();
    const timer = setInterval(look, AGAIN);
    return () => (clearInterval(timer), control.abort());
  }, [path, trigger]);
  return { list, error };
}

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>, how?: "push" | "replace") => void}} props */
export function JobsView({ known, values, change }) {
  const [trigger, setTrigger] = useState(0), { list, error } = useList("jobs", trigger);
  const jobs = /** @type {Job[]} */ (list?.jobs ?? []);
  return html`<div class="column">
    ${error && html`<${Fault} error=${error} />`}
    <section class="panel" aria-labelledby="jobs-title"><header><div><h2 id="jobs-title">Distillation</h2><p class="hint">Rounds of training that give a model fewer steps. An accepted student is in service at once.</p></div></header>
      ${list && jobs.length === 0 && html`<p class="empty">No rounds yet.</p>`}
      ${
    jobs.length > 0 && html`
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Round</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col">Left</th>
              <th scope="col">Begun</th>
            </tr>
          </thead>
          <tbody>
              ${jobs.map(({ id, state, settings, progress, createdAt }) =>
                html`
                  <tr key=${id} class=${id === values.job ? "on" : ""}>
                    <td><button type="button" class="link" aria-pressed=${id === values.job} onClick=${() =>
                      change({ ...values, job: id === values.job ? undefined : id }, "push")}>${settings
                      .model}, ${settings.from} → ${settings.to} steps</button> <span class="hint">${settings
                      .method}</span></td>
                    <td>
                      <${StateBadge} state=${state} />
                    </td>
                    <td class="wide"><progress max="1" value=${progress?.fraction ??
                      0} aria-label="Progress"></progress></td>
                    <td>${progress && ACTIVE.includes(state) ? span(progress.etaSeconds) : ""}</td>
                    <td>${ago(createdAt)}</td>
                  </tr>
                `
              )}
            </tbody>
        </table>
      </div>
    `
  }</section>
    ${
    isId(values.job) && html`<${JobDetail} key=${values.job} id=${values.job} onChange=${() =>
      setTrigger((n) => n + 1)} />`
  }
    <${NewJob} known=${known} onBegun=${(
    /** @type {string} */ id,
  ) => (setTrigger((n) => n + 1), change({ ...values, job: id }, "push"))} />
  </div>`;
}

/** @param {{id: string, onChange: () => void}} props */
function JobDetail({ id, onChange }) {
  const [job, setJob] = useState(/** @type {any} */ (undefined)),
    [error, setError] = useState(/** @type {Error | undefined} */ (undefined)),
    [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    let due = 0;
    const look = () => askJson(`jobs/${id}`, { signal: control.signal }).then(setJob);
    // Events say when there is something new; the curves come from the job, which has them whole. At most one look a second.
    const watch = async () => {
      await look();
      for await (const _ of events(`jobs/${id}/events`, control.signal)) {
        due ||= setTimeout(() => (due = 0, look().catch(() => {})), 1000);
      }
      await look();
      onChange();
    };
    watch().catch((fault) => control.signal.aborted || setError(fault));
    return () => (clearTimeout(due), control.abort());
  }, [id, round]);
  const act = (/** @type {string} */ path, /** @type {string} */ method) => () =>
    ask(path, { method }).then(() => (setRound((n) => n + 1), onChange()), setError);
  if (error) return html`<${Fault} error=${error} />`;
  if (!job) return html`<p class="empty">…</p>`;
  const { curves, progress, judged, settings, state } = job, seconds = (/** @type {any} */ one) => one.seconds / 60;
  const measured = ["moleculeStability", "validity", "validUnique"].map((name) => ({
    name: words(name),
    line: true,
    points: curves.validation.filter((/** @type {any} */ one) => one[name] !== null).map((/** @type {any} */ one) => ({
      x: seconds(one),
      y: one[name],
    })),
  }));
  return html`<section class="panel" aria-label="A round">
    <header><h2>${settings.model}, ${settings.from} → ${settings.to} steps <${StateBadge} state=${state} /></h2><div class="buttons">
      ${
    state === "running" &&
    html`<button type="button" class="quiet danger" onClick=${act(`jobs/${id}`, "DELETE")}>Cancel</button>`
  }
      ${
    ["cancelled", "failed"].includes(state) &&
    html`<button type="button" class="quiet" onClick=${act(`jobs/${id}/resume`, "POST")}>Resume</button>`
  }</div></header>
    ${job.reason && html`<p class="warning">${job.reason}</p>`}
    ${
    progress && html`
      <div class="stats">
        <${Stat} label="Updates" value=${progress.update.toLocaleString("en-US")} />
        <${Stat} label="Done" value=${percent(progress.fraction)} />
        <${Stat} label="Updates a second" value=${progress.updatesPerSecond.toFixed(2)} />
        <${Stat} label="Left" value=${span(progress.etaSeconds)} />
        <${Stat} label="Loss" value=${progress.loss.toPrecision(3)} />
      </div>
    `
  }
    <div class="charts">
      <${Chart} title="Loss" x=${{ label: "minutes of training", from: 0 }} y=${{ label: "loss", log: true }} series=${[
    {
      name: "in training",
      line: true,
      dots: false,
      points: curves.loss.map((/** @type {any} */ one) => ({ x: seconds(one), y: one.loss })),
    },
    {
      name: "held out",
      line: true,
      strong: true,
      points: curves.validation.map((/** @type {any} */ one) => ({ x: seconds(one), y: one.heldOut })),
    },
  ]} />
      <${Chart} title="Quality" x=${{ label: "minutes of training", from: 0 }} y=${{
    label: "share",
    text: (/** @type {number} */ v) => percent(v),
  }} series=${measured} />
    </div>
    ${judged && html`<p class="hint">${judged.accepted ? "Accepted" : "Not accepted"}: ${judged.why}</p>`}
  </section>`;
}

/** @param {{known: import("./app.js").Known, onBegun: (id: string) => void}} props */
function NewJob({ known, onBegun }) {
  const schema = useMemo(() => bodyOf(known.document, "/distill"), [known]),
    [values, setValues] = useState(/** @type {Record<string, any>} */ ({}));
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined));
  if (!schema) return null;
  const begin = (/** @type {Event} */ event) => {
    event.preventDefault();
    setError(undefined);
    askJson("distill", {
      method: "POST",
      body: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
    }).then(({ id }) => onBegun(id), setError);
  };
  return html`
    <details class="panel">
      <summary>Begin a round</summary>
      <form onSubmit=${begin} aria-label="A new round">
        <div class="fields wide"><${Fields} prefix="distill" schema=${schema} names=${Object.keys(
          schema.properties ?? {},
        )} values=${values} hints
          onChange=${(/** @type {string} */ name, /** @type {any} */ value) =>
            setValues({ ...values, [name]: value })} /></div>
        ${error && html`<${Fault} error=${error} />`}
        <div class="actions"><button type="submit" class="primary">Begin</button></div></form>
    </details>
  `;
}

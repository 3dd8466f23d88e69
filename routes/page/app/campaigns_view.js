/** Campaigns: searches for many molecules that pass a filter, their estimate, curves and results. */
import { isId } from "./address.js";
import { Card, Details } from "./card.js";
import { Chart } from "./chart.js";
import { Fields } from "./form.js";
import { html, useEffect, useMemo, useState } from "./html.js";
import { ago, span, StateBadge, useList } from "./jobs_view.js";
import { percent, save, short } from "./molecule.js";
import { Fault, Stat } from "./parts.js";
import { bodyOf } from "./schema.js";
import { ask, askJson, events, records, token } from "./service.js";
import { Where } from "./where.js";

/** Keys that stand first; those that have a place of their own. */
const FIRST = ["name", "model", "steps", "want", "seed"], ELSEWHERE = ["where", "dryRun"];

/** Molecules of the results that are shown. */
const SHOWN = 24;

/** Most shards of which the curves are made. */
const SEEN = 1000;

const sizeText = (/** @type {number} */ bytes) =>
  bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : bytes < 1e9
    ? `${(bytes / 1e6).toFixed(1)} MB`
    : `${(bytes / 1e9).toFixed(1)} GB`;

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>, how?: "push" | "replace") => void}} props */
export function CampaignsView({ known, values, change }) {
  const [trigger, setTrigger] = useState(0),
    { list, error } = useList("campaigns", trigger),
    again = () => setTrigger((n) => n + 1);
  const open = (/** @type {string | undefined} */ id) =>
    change({ ...values, campaign: id, molecule: undefined }, "push");
  return html`<div class="column">
    ${error && html`<${Fault} error=${error} />`}
    <section class="panel" aria-labelledby="campaigns-title"><header><div><h2 id="campaigns-title">Campaigns</h2><p class="hint">Draw until so many molecules pass a filter, each of them once.</p></div></header>
      ${list && list.campaigns.length === 0 && html`<p class="empty">No campaigns yet.</p>`}
      ${
    list?.campaigns.length > 0 && html`
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Campaign</th>
              <th scope="col">State</th>
              <th scope="col">Found</th>
              <th scope="col">Progress</th>
              <th scope="col">Left</th>
              <th scope="col">Begun</th>
            </tr>
          </thead>
          <tbody>
              ${list.campaigns.map((/** @type {any} */ { id, name, state, want, progress, createdAt }) =>
                html`
                  <tr key=${id} class=${id === values.campaign ? "on" : ""}>
                    <td><button type="button" class="link" aria-pressed=${id === values.campaign} onClick=${() =>
                      open(id === values.campaign ? undefined : id)}>${name ?? id.slice(0, 8)}</button></td>
                    <td>
                      <${StateBadge} state=${state} />
                    </td>
                    <td>${short(progress.kept)} of ${short(want)}</td>
                    <td class="wide"><progress max="1" value=${progress.fraction} aria-label="Progress"></progress></td>
                    <td>${progress.etaSeconds ? span(progress.etaSeconds) : ""}</td>
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
    isId(values.campaign) && html`
      <${Campaign} key=${values.campaign} id=${values.campaign} values=${values} change=${change} onChange=${again}
        onGone=${() => (again(), open(undefined))} />
    `
  }
    <${NewCampaign} known=${known} values=${values} change=${change} onBegun=${(
    /** @type {string} */ id,
  ) => (again(), open(id))} />
  </div>`;
}

/** @param {{id: string, values: Record<string, any>, change: (values: Record<string, any>) => void, onChange: () => void, onGone: () => void}} props */
function Campaign({ id, values, change, onChange, onGone }) {
  const [campaign, setCampaign] = useState(/** @type {any} */ (undefined)),
    [error, setError] = useState(/** @type {Error | undefined} */ (undefined)),
    [round, setRound] = useState(0);
  const [course, setCourse] = useState(/** @type {any[]} */ ([])),
    [found, setFound] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    const control = new AbortController(), { signal } = control;
    /** @type {any[]} */
    const seen = [];
    let due = 0, shown = 0;
    const look = async () => {
      const now = await askJson(`campaigns/${id}`, { signal });
      setCampaign(now);
      setCourse([...seen]);
      if (shown >= SHOWN || now.progress.kept <= shown) return;
      const page = await ask(`campaigns/${id}/results?format=ndjson&offset=0&limit=${SHOWN}`, {
        accept: "application/x-ndjson",
        signal,
      });
      const some = (await Array.fromAsync(records(page))).filter((one) => one.index !== undefined);
      shown = some.length;
      setFound(some);
    };
    const watch = async () => {
      await look();
      for await (const event of events(`campaigns/${id}/events`, signal)) {
        if (event.type === "removed") return onGone();
        if (event.type === "progress") seen.push(event);
        // As the service does: half of them where they are too many to draw.
        if (seen.length > SEEN) seen.splice(0, seen.length, ...seen.filter((_, k) => k % 2 === 0));
        due ||= setTimeout(() => (due = 0, look().catch(() => {})), 1000);
      }
      await look();
      onChange();
    };
    watch().catch((fault) => signal.aborted || setError(fault));
    return () => (clearTimeout(due), control.abort());
  }, [id, round]);
  const fail = (/** @type {Error} */ fault) => setError(fault);
  const remove = () =>
    confirm("Remove this campaign and its results?") && ask(`campaigns/${id}`, { method: "DELETE" }).then(onGone, fail);
  const resume = () =>
    ask(`campaigns/${id}/resume`, { method: "POST" }).then(() => (setRound((n) => n + 1), onChange()), fail);
  // With a token a plain link would be refused.
  const download = (/** @type {string} */ format) =>
    ask(`campaigns/${id}/results?format=${format}`, { accept: "*/*" }).then(async (response) => {
      const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ??
        `campaign-${id}.${format}`;
      save(name, await response.blob(), response.headers.get("Content-Type") ?? "");
    }, fail);
  if (!campaign) return error ? html`<${Fault} error=${error} />` : html`<p class="empty">…</p>`;
  const { progress, state, want, results, name, reason, dead } = campaign,
    rejected = Object.entries(/** @type {Record<string, number>} */ (progress.rejected)).sort(([, a], [, b]) => b - a);
  const line = (/** @type {string} */ key, /** @type {string} */ label, strong = false) => ({
    name: label,
    strong,
    line: true,
    dots: course.length < 20,
    points: course.map((one) => ({ x: one.seconds / 60, y: one[key] })),
  });
  const rates = course.map((one, k) => ({
    x: one.seconds / 60,
    y: (one.kept - (course[k - 1]?.kept ?? 0)) / Math.max(1, one.drawn - (course[k - 1]?.drawn ?? 0)),
  }));
  const opened = found.find(({ index }) => index === values.molecule), at = found.indexOf(opened);
  return html`<section class="panel" aria-label="A campaign">
    <header><h2>${name ?? `Campaign ${id.slice(0, 8)}`} <${StateBadge} state=${state} /></h2><div class="buttons">
      ${
    Object.entries(results).filter(([, bytes]) => bytes).map(([format, bytes]) => {
      const text = html`${format.toUpperCase()} <span class="hint">${sizeText(/** @type {number} */ (bytes))}</span>`;
      return token.get() === ""
        ? html`<a class="quiet button" href=${`campaigns/${id}/results?format=${format}`} download>${text}</a>`
        : html`<button type="button" class="quiet" onClick=${() => download(format)}>${text}</button>`;
    })
  }
      ${state === "failed" && html`<button type="button" class="quiet" onClick=${resume}>Resume</button>`}
      <button type="button" class="quiet danger" onClick=${remove}>Remove</button></div></header>
    ${error && html`<${Fault} error=${error} />`}
    ${reason && html`<p class="warning">${reason}</p>`}
    <progress max="1" value=${progress.fraction} aria-label="Progress"></progress>
    <div class="stats"><${Stat} label=${`Found, of ${short(want)}`} value=${
    short(progress.kept)
  } /><${Stat} label="Drawn" value=${short(progress.drawn)} />
      <${Stat} label="Passed" value=${
    progress.drawn > 0 ? percent(progress.passed / progress.drawn) : "–"
  } /><${Stat} label="Found before" value=${short(progress.duplicates)} />
      <${Stat} label="Drawn a second" value=${
    progress.moleculesPerSecond === null ? "–" : short(progress.moleculesPerSecond)
  } /><${Stat} label="Left" value=${progress.etaSeconds === null ? "–" : span(progress.etaSeconds)} />
      <${Stat} label="Shards" value=${`${progress.shards} of ${campaign.shards}`} /></div>
    ${dead.length > 0 && html`<p class="fault">${dead.length} shards could not be drawn: ${dead[0].reason}</p>`}
    <div class="charts">
      <${Chart} title="Molecules" x=${{ label: "minutes", from: 0 }} y=${{
    label: "molecules",
    from: 0,
    text: short,
  }} series=${[
    line("kept", "found", true),
    line("drawn", "drawn"),
    line("passed", "passed"),
  ]} />
      <${Chart} title="Yield" x=${{ label: "minutes", from: 0 }} y=${{
    label: "new molecules of those drawn",
    text: percent,
  }} series=${[{
    name: "found of those drawn, shard by shard",
    strong: true,
    line: true,
    dots: rates.length < 20,
    points: rates,
  }]} />
    </div>
    ${
    rejected.length > 0 && html`
      <div>
        <h3>Why the rest fell out</h3>
        <ul class="bars">${rejected.map(([why, count]) =>
          html`
            <li
              key=${why}><span>${why}</span><meter min="0" max=${rejected[0][
                1
              ]} value=${count} aria-hidden="true"></meter><b>${short(count)}</b></li>
          `
        )}</ul>
      </div>
    `
  }
    ${
    found.length > 0 && html`
      <h3>The first ${found.length}</h3>
      <div class="cards">${found.map((one) =>
        html`<${Card} key=${one.index} molecule=${one} onOpen=${(/** @type {number} */ index) =>
          change({ ...values, molecule: index })} />`
      )}</div>
    `
  }
    ${
    opened &&
    html`<${Details} molecule=${opened} name=${`campaign-${id.slice(0, 8)}`} onStep=${(/** @type {number} */ by) =>
      found[at + by] && change({ ...values, molecule: found[at + by].index })} onClose=${() =>
      change({ ...values, molecule: undefined })} />`
  }
  </section>`;
}

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>) => void, onBegun: (id: string) => void}} props */
function NewCampaign({ known, values, change, onBegun }) {
  const schema =
      /** @type {import("./schema.js").Schema} */ (useMemo(() => bodyOf(known.document, "/campaigns"), [known])),
    names = Object.keys(schema.properties ?? {});
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined)),
    [plan, setPlan] = useState(/** @type {any} */ (undefined)),
    [busy, setBusy] = useState(false);
  const order = Object.fromEntries(
    names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]),
  );
  const set = (
    /** @type {string} */ name,
    /** @type {any} */ value,
  ) => (setPlan(undefined), change({ ...values, [name]: value }));
  const send = async (/** @type {boolean} */ dryRun) => {
    setBusy(true);
    setError(undefined);
    try {
      const answer = await askJson("campaigns", { method: "POST", body: { ...order, dryRun } });
      if (dryRun) setPlan(answer);
      else onBegun(answer.id);
    } catch (fault) {
      setError(/** @type {Error} */ (fault));
    }
    setBusy(false);
  };
  const { estimate } = plan ?? {};
  return html`
    <details class="panel" open=${!values.campaign}>
      <summary>A new campaign</summary>
      <form aria-label="A new campaign" onSubmit=${(
        /** @type {Event} */ event,
      ) => (event.preventDefault(), send(false))}>
        <div class="fields wide"><${Fields} prefix="campaign" schema=${schema} names=${FIRST} values=${values} choices=${{
          model: known.models.map(({ name }) => name),
        }} onChange=${set} /></div>
        <${Where} document=${known.document} prefix="campaign-where" schema=${schema.properties?.where} value=${values
          .where} onChange=${(/** @type {any} */ where) => set("where", where)} />
        <details><summary>More settings</summary><div class="fields wide"><${Fields} prefix="campaign" schema=${schema} names=${names
          .filter((name) =>
            ![...FIRST, ...ELSEWHERE].includes(name)
          )} values=${values} hints onChange=${set} /></div></details>
        ${error && html`<${Fault} error=${error} />`}
        ${estimate && html`
          <div class="stats"
            role="status"><${Stat} label="Pass, and are new" value=${percent(estimate.passRate) +
              (estimate.passRateInterval
                ? ` (${estimate.passRateInterval.map(percent).join(" to ")})`
                : "")} /><${Stat} label="To draw" value=${estimate.draws === null
              ? "none passed"
              : short(estimate.draws)} />
                <${Stat} label="Time" value=${estimate.seconds === null
                  ? "–"
                  : span(estimate.seconds)} /><${Stat} label="Size" value=${estimate.bytes === null
                  ? "–"
                  : sizeText(estimate.bytes)} />
                <${Stat} label="At most" value=${`${short(estimate.most.draws)} draws, ${
                  span(estimate.most.seconds)
                }, ${sizeText(estimate.most.bytes)}`} />${estimate.enough === false &&
                  html`<${Stat} label="maxDraws" value="not enough" />`}</div>
        `}
        <div class="actions"><button type="submit" class="primary" disabled=${busy}>Begin</button><button type="button" class="quiet" disabled=${busy} onClick=${() =>
          send(true)}>${busy ? "Asking …" : "Estimate"}</button></div></form>
    </details>
  `;
}

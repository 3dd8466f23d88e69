/** The same seed at each number of steps: what a molecule costs, and what fewer steps make of it. */
import { Verdict } from "./card.js";
import { drawOne } from "./drawing.js";
import { Fields } from "./form.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { formulaOf } from "./molecule.js";
import { Fault } from "./parts.js";
import { Live, Still, Structure } from "./pictures.js";
import { bodyOf } from "./schema.js";
import { modelOf, newSeed, servedSteps } from "./steps.js";

/** @typedef {import("./molecule.js").Molecule} Molecule */
/** @typedef {{molecule?: Molecule, ms?: number, sampler?: string, error?: Error}} Rung */

/** Requests that are under way at once. */
const AT_ONCE = 2;

/** Numbers of steps from most to fewest: the limit, those that the model has settings for, and one. @param {import("./app.js").Known} known @param {import("./steps.js").Model} model */
const ladderOf = ({ limits }, model) => [...new Set([limits.steps, ...servedSteps(model), 1])].sort((a, b) => b - a);

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>, how?: "push" | "replace") => void}} props */
export function StepsView({ known, values, change }) {
  const schema =
    /** @type {import("./schema.js").Schema} */ (useMemo(() => bodyOf(known.document, "/generate"), [known]));
  const model = modelOf(known, values.model),
    ladder = ladderOf(known, model);
  const [rungs, setRungs] = useState(/** @type {Record<number, Rung>} */ ({})), [running, setRunning] = useState(false);
  const control = useRef(/** @type {AbortController | undefined} */ (undefined));
  useEffect(() => () => control.current?.abort(), []);

  const draw = async (/** @type {Record<string, any>} */ wanted) => {
    control.current?.abort();
    const mine = control.current = new AbortController(), left = [...ladder].reverse();
    change({ ...wanted, draw: 1 }, "push");
    setRungs({});
    setRunning(true);
    const work = async () => {
      for (let steps = left.shift(); steps !== undefined; steps = left.shift()) {
        const began = performance.now(), at = steps;
        const { seed, first = 0 } = wanted, body = { model: model.name, seed, first, steps, count: 1 };
        const rung = await drawOne(body, mine.signal).then(
          ({ molecule, facts }) => ({ molecule, sampler: facts.sampler, ms: performance.now() - began }),
          (error) => ({ error }),
        );
        if (control.current === mine) setRungs((all) => ({ ...all, [at]: rung }));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (control.current === mine) setRunning(false);
  };
  useEffect(() => void (values.draw && draw(values)), []);
  const set = (/** @type {string} */ name, /** @type {any} */ value) =>
    change({ ...values, [name]: value, draw: undefined });

  const at = Math.max(0, ladder.indexOf(values.steps)), steps = ladder[at], most = ladder[0];
  const drawn = Object.keys(rungs).length, reference = rungs[most]?.molecule;
  return html`<div class="column">
    <form class="panel" aria-label="Which molecule" onSubmit=${(
    /** @type {Event} */ event,
  ) => (event.preventDefault(), draw({ ...values, seed: values.seed ?? newSeed() }))}>
      <header><div><h2>One seed, from ${most} steps to 1</h2>
        <p class="hint">The same noise at each number of steps that this model is served at: what fewer calls of the network make of it.</p></div></header>
      <div class="fields wide"><${Fields} prefix="steps" schema=${schema} names=${[
    "model",
    "seed",
    "first",
  ]} values=${values} choices=${{ model: known.models.map(({ name }) => name) }} onChange=${set} />
        <div class="actions end"><button type="submit" class="primary" disabled=${running}>${
    running ? "Drawing …" : "Draw"
  }</button>
          <button type="button" class="quiet" disabled=${running} onClick=${() =>
    draw({ ...values, seed: newSeed() })}>With a new seed</button></div></div>
    </form>
    ${
    drawn > 0 && html`
      <section class="panel" aria-label="Side by side">
        <div class="slider"><label for="ladder">Steps <output>${steps}</output></label>
              <input id="ladder" type="range" min="0" max=${ladder.length -
                1} step="1" value=${at} list="ladder-steps" aria-valuetext=${`${steps} steps`}
                onInput=${(/** @type {any} */ event) =>
                  change({ ...values, steps: ladder[Number(event.currentTarget.value)] })} />
              <div class="ticks" aria-hidden="true">${ladder.map((one, k) =>
                html`<span class=${k === at ? "on" : ""}>${one}</span>`
              )}</div></div>
        <div class="pair">
          <${Side} key="chosen" steps=${steps} rung=${rungs[steps]} reference=${steps === most
            ? undefined
            : reference} most=${most} />
          <${Side} key="most" steps=${most} rung=${rungs[most]} most=${most} />
        </div>
        <ol class="film">${ladder.map((one) => {
          const { molecule, error } = rungs[one] ?? {};
          return html`<li key=${one}><button type="button" aria-pressed=${
            one === steps
          } aria-label=${`${one} steps`} onClick=${() => change({ ...values, steps: one })}>
          <span class="space">${molecule && html`<${Still} shape=${molecule} label=${`At ${one} steps`} />`}${
            error && html`<span class="nothing">refused</span>`
          }</span>
          <b>${one}${model.distilledSteps.includes(one) && html`<i title="distilled">◆</i>`}</b>${
            molecule && html`<${Verdict} molecule=${molecule} />`
          }</button></li>`;
        })}</ol>
        <p class="sr" role="status">${running ? "Drawing" : `${drawn} numbers of steps drawn`}</p>
      </section>
    `
  }
    ${drawn === 0 && !running && html`<p class="empty">Draw a molecule to see it at ${ladder.join(", ")} steps.</p>`}
  </div>`;
}

/** @param {{steps: number, rung: Rung | undefined, reference?: Molecule, most: number}} props */
function Side({ steps, rung, reference, most }) {
  const { molecule, ms, sampler, error } = rung ?? {};
  const same = reference && molecule &&
    (reference.smiles === molecule.smiles
      ? `the same molecule as at ${most} steps`
      : `another molecule than at ${most} steps`);
  return html`<figure class="side">
    <figcaption><b>${steps} ${steps === 1 ? "step" : "steps"}</b> ${
    molecule && html`<span class="formula">${formulaOf(molecule.symbols)}</span> <${Verdict} molecule=${molecule} />`
  }</figcaption>
    ${error && html`<${Fault} error=${error} />`}
    ${
    molecule && html`
      <div class="large">
        <div class="space">
          <${Live} shape=${molecule} label=${`At ${steps} steps`} />
        </div>
        <${Structure} key=${molecule.smiles} smiles=${molecule.smiles} width=${260} height=${230} />
      </div>
      <p class="smiles">${molecule.smiles ?? "–"}</p>
      <p class="hint">${[
        sampler,
        ms && `${ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`} with its request`,
        same,
      ].filter(Boolean).join(" · ")}</p>
    `
  }
    ${!rung && html`<p class="empty">…</p>`}
  </figure>`;
}

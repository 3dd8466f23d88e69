/** Molecules: what to draw, and what has been drawn. */
import { Card, Details } from "./card.js";
import { useDrawing } from "./drawing.js";
import { Fields } from "./form.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { percent, save, short } from "./molecule.js";
import { Fault, Stat } from "./parts.js";
import { bodyOf, words } from "./schema.js";
import { modelOf, newSeed, StepChips } from "./steps.js";
import { Where } from "./where.js";

/** Keys that stand first. The others are under "More settings", whatever they are. */
const FIRST = ["model", "steps", "count", "want", "seed", "sampler", "filter"];

/** Keys that the page sets itself, or that have a place of their own. */
const ELSEWHERE = ["include", "where"];

/** Cards that are put on the page at a time. */
const PAGE = 48;

/** What is sent: keys of the schema that have a value. @param {import("./schema.js").Schema} schema @param {Record<string, any>} values */
const orderOf = (schema, values) =>
  Object.fromEntries(
    Object.keys(schema.properties ?? {}).filter((key) => values[key] !== undefined && values[key] !== "").map((
      key,
    ) => [key, values[key]]),
  );

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>, how?: "push" | "replace") => void}} props */
export function GenerateView({ known, values, change }) {
  const schema =
    /** @type {import("./schema.js").Schema} */ (useMemo(() => bodyOf(known.document, "/generate"), [known]));
  const { drawing, start, stop } = useDrawing();
  const [shown, setShown] = useState(PAGE), [sort, setSort] = useState("");
  const model = modelOf(known, values.model);
  const other = model?.counts === "atoms" ? "heavyAtoms" : "atoms";
  const more = Object.keys(schema.properties ?? {}).filter((key) => ![...FIRST, ...ELSEWHERE, other].includes(key));
  const set = (/** @type {string} */ name, /** @type {any} */ value) =>
    change({ ...values, [name]: value, draw: undefined, molecule: undefined });

  const draw = (/** @type {Record<string, any>} */ wanted) => {
    setShown(PAGE);
    const body = orderOf(schema, wanted);
    // Where molecules are filtered, so many are wanted, however many are drawn; else so many are drawn.
    if (body.where) body.want ??= body.count;
    for (const key of body.where ? ["count"] : ["want", "maxDraws"]) delete body[key];
    change({ ...wanted, draw: 1 }, "push");
    start(body, () => {});
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    draw({ ...values, molecule: undefined, seed: values.seed ?? newSeed() });
  };
  useEffect(() => void (values.draw && draw(values)), []);

  const { molecules, state } = drawing;
  const keys = useMemo(() => Object.keys(molecules.find(({ descriptors }) => descriptors)?.descriptors ?? {}), [
    molecules.length > 0,
  ]);
  const ordered = useMemo(() => {
    if (sort === "") return molecules;
    const value = (/** @type {import("./molecule.js").Molecule} */ one) =>
      sort === "strain" ? one.strain?.before : one.descriptors?.[sort];
    const sign = sort === "qed" ? -1 : 1;
    return [...molecules].sort((a, b) => sign * ((value(a) ?? sign * Infinity) - (value(b) ?? sign * Infinity)));
  }, [molecules, sort]);
  const open = values.molecule === undefined ? undefined : molecules.find(({ index }) => index === values.molecule);
  const step = (/** @type {-1 | 1} */ by) => {
    const at = ordered.findIndex((one) => one === open), next = ordered[at + by];
    if (next) change({ ...values, molecule: next.index });
  };
  const name = `molstep-${values.seed ?? ""}`;
  const download = () => save(`${name}.sdf`, molecules.map(({ sdf }) => sdf ?? "").join(""), "chemical/x-mdl-sdfile");
  const work = (values.count ?? 0) * (values.steps ?? 0), tooMuch = !values.where && work > known.limits.work;

  return html`<div class="split">
    <form class="panel" onSubmit=${submit} aria-label="What to draw"
      onKeyDown=${(/** @type {KeyboardEvent} */ event) =>
    event.key === "Enter" && (event.ctrlKey || event.metaKey) && /** @type {HTMLFormElement} */
    (event.currentTarget).requestSubmit()}>
      <div class="fields">
        <${Fields} prefix="draw" schema=${schema} names=${
    FIRST.filter((name) => name !== (values.where ? "count" : "want"))
  } values=${values.where ? { ...values, want: values.want ?? values.count } : values} choices=${{
    model: known.models.map(({ name }) => name),
  }} onChange=${set} />
      </div>
      ${
    model && html`<${StepChips} model=${model} value=${values.steps} onChange=${(/** @type {number} */ steps) =>
      set("steps", steps)} />`
  }
      ${
    schema.properties?.where &&
    html`<${Where} prefix="where" document=${known.document} schema=${schema.properties.where} value=${values.where} onChange=${(
      /** @type {any} */ where,
    ) => set("where", where)} />`
  }
      <details><summary>More settings</summary>
        <div class="fields one"><${Fields} prefix="draw" schema=${schema} names=${more} values=${values} hints onChange=${set} /></div>
      </details>
      ${
    tooMuch &&
    html`<p class="warning" role="alert">Molecules × steps may be at most ${short(known.limits.work)}; these are ${
      short(work)
    }.</p>`
  }
      <div class="actions">
        ${
    state === "running"
      ? html`<button type="button" class="primary" onClick=${stop}>Stop</button>`
      : html`<button type="submit" class="primary" disabled=${tooMuch}>Draw</button>`
  }
        <button type="button" class="quiet" onClick=${() =>
    draw({ ...values, molecule: undefined, seed: newSeed() })} disabled=${
    state === "running" || tooMuch
  }>With a new seed</button>
      </div>
    </form>
    <section class="results" aria-label="Molecules">
      <${Summary} drawing=${drawing} />
      ${drawing.error && html`<${Fault} error=${drawing.error} />`}
      ${
    molecules.length > 0 && html`
      <div class="bar">
        <label>Sorted by <select value=${sort} onChange=${(/** @type {any} */ event) =>
          setSort(event.currentTarget.value)}>
                <option value="">index</option><option value="strain">strain</option>${keys.map((key) =>
                  html`<option value=${key}>${words(key)}</option>`
                )}</select></label>
        <button type="button" class="quiet" onClick=${download}>Download all as SDF</button>
      </div>
    `
  }
      <div class="cards">${
    ordered.slice(0, shown).map((one) =>
      html`<${Card} key=${one.index} molecule=${one} onOpen=${(/** @type {number} */ index) =>
        change({ ...values, molecule: index })} />`
    )
  }</div>
      ${
    ordered.length > shown && html`<${More} left=${ordered.length - shown} onMore=${() => setShown((n) => n + PAGE)} />`
  }
      ${
    state === "idle" && html`
      <p
        class="empty">Choose a number of steps and draw. The same seed gives the same molecules, so the address of this page is all that it takes to share them.</p>
    `
  }
    </section>
    ${
    open && html`<${Details} molecule=${open} name=${name} onStep=${step} onClose=${() =>
      change({ ...values, molecule: undefined })} />`
  }
  </div>`;
}

/** The rest of a long list: put on the page when it comes in sight, or by its button. @param {{left: number, onMore: () => void}} props */
function More({ left, onMore }) {
  const ref = useRef(null);
  useEffect(() => {
    const seen = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && onMore(),
      { rootMargin: "400px" },
    );
    seen.observe(/** @type {any} */ (ref.current));
    return () => seen.disconnect();
  }, []);
  return html`<button ref=${ref} type="button" class="quiet more" onClick=${onMore}>${left} more</button>`;
}

/** How far it is, and what came of it. @param {{drawing: import("./drawing.js").Drawing}} props */
function Summary({ drawing: { state, asked, molecules, seconds, facts, counts } }) {
  if (state === "idle") return null;
  const n = molecules.length,
    share = (/** @type {(one: any) => unknown} */ test) => n === 0 ? "–" : percent(molecules.filter(test).length / n);
  const distinct = new Set(molecules.flatMap(({ smiles }) => smiles ?? [])).size,
    words_ = { running: "Drawing", done: "Drawn", stopped: "Stopped", failed: "Ended early" };
  const rejected = Object.entries(counts?.rejected ?? {}).sort(([, a], [, b]) => b - a);
  return html`<div class="summary">
    <progress max=${asked} value=${state === "done" ? asked : n} aria-label="Molecules that have come"></progress>
    <div class="stats">
      <${Stat} label=${words_[state]} value=${n < asked && state !== "done" ? `${n} of ${asked}` : n} />
      <${Stat} label="Time" value=${`${seconds.toFixed(1)} s`} />
      <${Stat} label="Valid" value=${share(({ valid }) => valid)} />
      <${Stat} label="Sound" value=${share(({ sound }) => sound)} />
      <${Stat} label="Distinct" value=${distinct} />
      ${
    counts && html`<${Stat} label="Passed, of all drawn" value=${`${counts.passed ?? n} / ${short(counts.drawn)}`} />`
  }
      ${facts.sampler && html`<${Stat} label="Sampler" value=${facts.sampler} />`}
      ${facts.refine && html`<${Stat} label="Refined by" value=${facts.refine} />`}
    </div>
    ${
    rejected.length > 0 && html`<p class="rejected">Fell out: ${
      rejected.map(([reason, count], k) => html`${k > 0 && ", "}<b>${short(count)}</b> by ${reason}`)
    }</p>`
  }
    <p class="sr" role="status" aria-live="polite">${
    state === "running" ? "Drawing molecules" : `${words_[state]}: ${n} molecules in ${seconds.toFixed(1)} seconds`
  }</p>
  </div>`;
}

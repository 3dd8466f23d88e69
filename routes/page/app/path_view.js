/** The way of one molecule from noise: what the sampler holds, and what the network takes it for, call by call. */
import { Verdict } from "./card.js";
import { Chart } from "./chart.js";
import { Fields } from "./form.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { formulaOf } from "./molecule.js";
import { facing } from "./orient.js";
import { Fault } from "./parts.js";
import { Live, Structure } from "./pictures.js";
import { bodyOf } from "./schema.js";
import { askJson } from "./service.js";
import { modelOf, newSeed, StepChips } from "./steps.js";

/** @typedef {import("./stage.js").Shape} Shape */
/** @typedef {{time: number, logSnr: number, latent: Shape, estimate: Shape}} Frame */

/** Milliseconds that all frames take together, and the least and most that one does. */
const WHOLE = 6000, SHORTEST = 90, LONGEST = 700;

/** Keys of the form that stand first. */
const FIRST = ["model", "steps", "seed", "first", "sampler"];

/** How far heavy atoms are from where they come to be, root mean square, angstrom; undefined where they are of another number. @param {Shape} shape @param {Shape} end */
function distance(shape, end) {
  const heavy = (/** @type {Shape} */ { symbols, positions }) => positions.filter((_, k) => symbols[k] !== "H"),
    a = heavy(shape),
    b = heavy(end);
  if (a.length !== b.length || a.length === 0) return undefined;
  return Math.sqrt(
    a.reduce((sum, one, k) => sum + one.reduce((all, value, axis) => all + (value - b[k][axis]) ** 2, 0), 0) / a.length,
  );
}

/** @param {{known: import("./app.js").Known, values: Record<string, any>, change: (values: Record<string, any>, how?: "push" | "replace") => void}} props */
export function PathView({ known, values, change }) {
  const schema =
    /** @type {import("./schema.js").Schema} */ (useMemo(() => bodyOf(known.document, "/generate/path"), [known]));
  const model = modelOf(known, values.model);
  const [path, setPath] = useState(/** @type {any} */ (undefined)),
    [error, setError] = useState(/** @type {Error | undefined} */ (undefined));
  const [at, setAt] = useState(0), [playing, setPlaying] = useState(false), [busy, setBusy] = useState(false);
  const control = useRef(/** @type {AbortController | undefined} */ (undefined));
  useEffect(() => () => control.current?.abort(), []);

  const draw = async (/** @type {Record<string, any>} */ wanted) => {
    control.current?.abort();
    const mine = control.current = new AbortController();
    change({ ...wanted, draw: 1 }, "push");
    setBusy(true);
    setError(undefined);
    const body = Object.fromEntries(FIRST.filter((key) => wanted[key] !== undefined).map((key) => [key, wanted[key]]));
    try {
      const found = await askJson("generate/path", { method: "POST", body, signal: mine.signal });
      setPath(found);
      setAt(0);
      setPlaying(!matchMedia("(prefers-reduced-motion: reduce)").matches);
    } catch (fault) {
      if (!mine.signal.aborted) setError(/** @type {Error} */ (fault));
    }
    if (control.current === mine) setBusy(false);
  };
  useEffect(() => void (values.draw && draw(values)), []);
  const frames = /** @type {Frame[]} */ (path?.frames ?? []),
    end = frames.length - 1,
    frame = frames[Math.min(at, end)];
  // A timer may run out after the slider was moved, before it is cleared: then it moves nothing.
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(
      () => at >= end ? setPlaying(false) : setAt((now) => now === at ? at + 1 : now),
      Math.min(LONGEST, Math.max(SHORTEST, WHOLE / frames.length)),
    );
    return () => clearTimeout(timer);
  }, [playing, at, path]);
  const turn = useMemo(() => path && facing(path.molecule.positions), [path]);
  const curves = useMemo(() =>
    (/** @type {const} */ (["latent", "estimate"])).map((key) => ({
      name: key === "latent" ? "what the sampler holds" : "the network's estimate",
      strong: key === "estimate",
      line: true,
      dots: frames.length <= 32,
      points: frames.flatMap((one, k) => {
        const y = distance(one[key], path.molecule);
        return y === undefined ? [] : [{ x: k + 1, y }];
      }),
    })), [path]);
  const set = (/** @type {string} */ name, /** @type {any} */ value) =>
    change({ ...values, [name]: value, draw: undefined });
  const play = () => {
    if (at >= end) setAt(0);
    setPlaying(!playing);
  };
  return html`<div class="column">
    <form class="panel" aria-label="Which molecule" onSubmit=${(
    /** @type {Event} */ event,
  ) => (event.preventDefault(), draw({ ...values, seed: values.seed ?? newSeed() }))}>
      <header><div><h2>From noise to a molecule</h2><p class="hint">Each call of the network takes noisy atoms for a clean molecule; the sampler goes a step towards it.</p></div></header>
      <div class="fields wide"><${Fields} prefix="path" schema=${schema} names=${FIRST} values=${values} choices=${{
    model: known.models.map(({ name }) => name),
  }} onChange=${set} />
        <div class="actions end"><button type="submit" class="primary" disabled=${busy}>${
    busy ? "Drawing …" : "Draw"
  }</button>
          <button type="button" class="quiet" disabled=${busy} onClick=${() =>
    draw({ ...values, seed: newSeed() })}>New seed</button></div></div>
      <${StepChips} model=${model} value=${values.steps} onChange=${(/** @type {number} */ steps) =>
    set("steps", steps)} />
    </form>
    ${error && html`<${Fault} error=${error} />`}
    ${
    frame && html`
      <section class="panel" aria-label="The path">
        <div class="player"><button type="button" class="primary" onClick=${play}>${playing
          ? "Pause"
          : at >= end
          ? "Again"
          : "Play"}</button>
              <label class="sr" for="frame">Call</label>
              <input id="frame" type="range" min="0" max=${end} step="1" value=${at} aria-valuetext=${`call ${
                at + 1
              } of ${end + 1}`} onInput=${(
                /** @type {any} */ event,
              ) => (setPlaying(false), setAt(Number(event.currentTarget.value)))} />
              <output class="hint">${at + 1} of ${end + 1} · t ${frame.time.toFixed(3)} · log SNR ${frame.logSnr
                .toFixed(1)}</output></div>
        <div class="pair">
          <figure class="side">
            <figcaption><b>What the sampler holds</b></figcaption>
            <div class="one">
              <${Live} key=${`latent ${path.seed} ${path.steps}`} shape=${frame.latent} turn=${turn} frame=${path
                .molecule} keepView zoom=${1.15}
                label="Noisy atoms" />
            </div>
          </figure>
          <figure class="side">
            <figcaption><b>The network's estimate</b></figcaption>
            <div class="one">
              <${Live} key=${`estimate ${path.seed} ${path.steps}`} shape=${frame.estimate} turn=${turn} frame=${path
                .molecule} keepView zoom=${1.15}
                label="Estimated molecule" />
            </div>
          </figure>
        </div>
        <div class="pair">
          <${Chart} title="Distance" series=${curves} x=${{
            label: "call",
            from: 1,
            to: Math.max(2, frames.length),
          }} y=${{ label: "Å to the end, heavy atoms", from: 0 }} mark=${at + 1} />
          <figure class="side end">
            <figcaption><b>The molecule</b> <span class="formula">${formulaOf(
              path.molecule.symbols,
            )}</span> <${Verdict} molecule=${path.molecule} /></figcaption>
            <${Structure} key=${path.molecule.smiles} smiles=${path.molecule.smiles} width=${340} height=${260} />
            <p class="smiles">${path.molecule.smiles ?? "–"}</p>
            <p class="hint">${path.sampler}, ${path.steps} steps, seed ${path.seed}, decoded by ${path.molecule
              .decoding}. It is not refined.</p>
          </figure>
        </div>
      </section>
    `
  }
    ${!frame && !busy && html`<p class="empty">Draw a molecule to watch it come out of the noise.</p>`}
  </div>`;
}

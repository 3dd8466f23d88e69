/** A molecule as a card, and all that is known of it in a dialog. */
import { Component, html, useLayoutEffect, useRef, useState } from "./html.js";
import { formulaOf, save, short, strainText, verdictOf } from "./molecule.js";
import { Live, Still, Structure } from "./pictures.js";
import { words } from "./schema.js";
import { STYLES } from "./stage.js";

/** @typedef {import("./molecule.js").Molecule} Molecule */

/** Descriptors that a card has room for; the dialog has all. */
const AT_A_GLANCE = ["molecularWeight", "logP", "tpsa", "qed"];

const SHORT = /** @type {Record<string, string>} */ ({ molecularWeight: "MW" });

/** @param {{molecule: Molecule}} props */
export function Verdict({ molecule }) {
  const { text, tone, about } = verdictOf(molecule);
  return html`<span class=${`verdict ${tone}`} title=${about}>${text}</span>`;
}

/** Whether a mouse points: a finger scrolls, and is not to turn molecules on its way. */
const HOVERS = matchMedia("(hover: hover) and (pointer: fine)");

/**
 * A card. It is drawn again only where its molecule is another: a list of hundreds grows by one at a time.
 *
 * @extends {Component<{molecule: Molecule, onOpen: (index: number) => void}, {live: boolean}>}
 */
export class Card extends Component {
  state = { live: false };

  /** @param {{molecule: Molecule}} props @param {{live: boolean}} state */
  shouldComponentUpdate({ molecule }, { live }) {
    return molecule !== this.props.molecule || live !== this.state.live;
  }

  render() {
    const { molecule, onOpen } = this.props, { live } = this.state;
    const { index, smiles, symbols, descriptors } = molecule, strain = strainText(molecule);
    const name = `molecule ${index}`, label = `${name} in 3D`;
    return html`<article class="card" aria-label=${`${name}: ${smiles ?? "not valid"}`}>
      <div class="pictures" onPointerEnter=${() =>
      HOVERS.matches && this.setState({ live: true })} onPointerLeave=${() => this.setState({ live: false })}>
        <div class="space"><${Still} shape=${molecule} label=${label} />${
      live && html`<${Live} shape=${molecule} label=${label} zoom=${1.12} />`
    }</div>
        <${Structure} smiles=${smiles} />
      </div>
      <header>
        <button class="open" type="button" onClick=${() => onOpen(index)} aria-label=${`Details of ${name}`}>
          <span class="number">${index}</span><span class="formula">${formulaOf(symbols)}</span></button>
        <${Verdict} molecule=${molecule} />
      </header>
      <p class="smiles" title=${smiles ?? ""}>${smiles ?? "–"}</p>
      <dl class="values">
        ${
      AT_A_GLANCE.map((key) =>
        html`
          <div>
            <dt>${SHORT[key] ?? words(key)}</dt>
            <dd>${descriptors ? short(descriptors[key]) : "–"}</dd>
          </div>
        `
      )
    }
      </dl>
      ${
      strain &&
      html`<p class="strain" title="Above the nearest minimum of the force field: as drawn, and as given">Strain ${strain}</p>`
    }
    </article>`;
  }
}

/** @param {{text: string, label: string}} props */
function Copy({ text, label }) {
  const [copied, setCopied] = useState(false);
  const copy = () =>
    navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  return html`<button type="button" class="quiet small" onClick=${copy} aria-label=${`Copy the ${label}`}>${
    copied ? "Copied" : "Copy"
  }</button>`;
}

/** @param {{molecule: Molecule, name: string, onStep: (by: -1 | 1) => void, onClose: () => void}} props */
export function Details({ molecule, name, onStep, onClose }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [style, setStyle] = useState("Ball and stick"), [spin, setSpin] = useState(false);
  // Before it is painted: keys that are pressed next are for it.
  useLayoutEffect(() => ref.current?.showModal(), []);
  const { index, smiles, inchikey, symbols, descriptors, faults, sdf } = molecule,
    { text, about } = verdictOf(molecule);
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.shiftKey || event.target instanceof HTMLSelectElement) return;
    if (event.key === "ArrowLeft") onStep(-1);
    if (event.key === "ArrowRight") onStep(1);
  };
  /** @type {[string, any][]} */
  const facts = [
    ["Formula", formulaOf(symbols)],
    ["Verdict", html`${text}<small>${about}</small>`],
    ...(faults?.length ? [/** @type {[string, any]} */ (["Faults", faults.map(words).join(", ")])] : []),
    [
      "Strain",
      strainText(molecule) ??
        (molecule.unrefined ? `not refined: ${words(molecule.unrefined).toLowerCase()}` : "not asked for"),
    ],
    ["Decoded by", molecule.decoding],
  ];
  return html`
    <dialog ref=${ref} class="details" aria-labelledby="details-title" onClose=${onClose} onKeyDown=${key}
      onClick=${(/** @type {MouseEvent} */ event) => event.target === ref.current && ref.current?.close()}>
      <div class="inside">
          <header>
            <h2 id="details-title">Molecule ${index} <${Verdict} molecule=${molecule} /></h2>
            <div class="buttons">
              <button type="button" class="quiet" onClick=${() =>
                onStep(-1)} aria-label="The molecule before" title="Left arrow">‹</button>
              <button type="button" class="quiet" onClick=${() =>
                onStep(1)} aria-label="The next molecule" title="Right arrow">›</button>
              <button type="button" class="quiet" onClick=${() => ref.current?.close()} aria-label="Close">✕</button>
            </div>
          </header>
          <div class="large">
            <div class="space"><${Live} shape=${molecule} style=${style} spin=${spin} scroll label=${`Molecule ${index} in 3D`} /></div>
            <${Structure} key=${smiles} smiles=${smiles} width=${360} height=${320} />
          </div>
          <div class="tools">
            <label>Drawn as <select value=${style} onChange=${(/** @type {any} */ e) =>
              setStyle(e.currentTarget.value)}>
              ${Object.keys(STYLES).map((one) => html`<option>${one}</option>`)}</select></label>
            <label class="check"><input type="checkbox" checked=${spin} onChange=${() =>
              setSpin(!spin)} />Turning</label>
            ${sdf &&
              html`<button type="button" class="primary" onClick=${() =>
                save(`${name}-${index}.sdf`, sdf, "chemical/x-mdl-sdfile")}>Download SDF</button>`}
          </div>
          ${[["SMILES", smiles], ["InChIKey", inchikey]].map(([label, text]) =>
            text &&
            html`<p class="line"><b>${label}</b> <code>${text}</code> <${Copy} text=${text} label=${label} /></p>`
          )}
          <div class="facts">
            <dl>${facts.map(([label, value]) =>
              html`
                <div>
                  <dt>${label}</dt>
                  <dd>${value}</dd>
                </div>
              `
            )}</dl>
            <dl>${Object.entries(descriptors ?? {}).map(([label, value]) =>
              html`
                <div>
                  <dt>${words(label)}</dt>
                  <dd>${short(value)}</dd>
                </div>
              `
            )}</dl>
          </div>
        </div>
    </dialog>
  `;
}

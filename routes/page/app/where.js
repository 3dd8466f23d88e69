/** What molecules have to be: the filter, with a control for each key of its schema that is asked for. */
import { Field, isWindow } from "./form.js";
import { html, useState } from "./html.js";
import { resolved, words } from "./schema.js";

/** @typedef {import("./schema.js").Schema} Schema */

/** Keys by what they are: of numbers, and the others. @param {Record<string, Schema>} properties */
const groupsOf = (properties) => {
  const names = Object.keys(properties), numbers = names.filter((name) => isWindow(properties[name]));
  return /** @type {[string, string[]][]} */ ([["Numbers", numbers], [
    "Structure",
    names.filter((name) => !numbers.includes(name)),
  ]]);
};

/** @param {{document: import("./schema.js").Document, schema: Schema, prefix: string, value: Record<string, any> | undefined, onChange: (value: Record<string, any> | undefined) => void}} props */
export function Where({ document, schema, prefix, value = {}, onChange }) {
  const { properties = {} } = resolved(document, schema);
  const [added, setAdded] = useState(/** @type {string[]} */ ([]));
  const all = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, resolved(document, one)]));
  const rows = Object.keys(all).filter((name) => name in value || added.includes(name));
  const set = (/** @type {string} */ name, /** @type {any} */ one) => {
    const next = { ...value, [name]: one };
    if (one === undefined) delete next[name];
    onChange(Object.keys(next).length === 0 ? undefined : next);
  };
  const remove = (/** @type {string} */ name) => {
    setAdded(added.filter((one) => one !== name));
    set(name, undefined);
  };
  const add = (/** @type {any} */ event) => {
    const name = event.currentTarget.value;
    event.currentTarget.value = "";
    if (name === "") return;
    setAdded([...added, name]);
    requestAnimationFrame(() => globalThis.document.getElementById(`${prefix}-${name}`)?.focus());
  };
  return html`<fieldset class="where"><legend>Filters</legend>
    ${
    rows.map((name) =>
      html`
        <div class="filter" key=${name}>
          <${Field} id=${`${prefix}-${name}`} name=${name} schema=${all[name]} value=${value[name]} hint onChange=${(
            /** @type {any} */ one,
          ) => set(name, one)} />
          <button type="button" class="quiet small" onClick=${() => remove(name)} aria-label=${`Remove the filter ${
            words(name)
          }`}>✕</button>
        </div>
      `
    )
  }
    <select id=${`${prefix}-add`} aria-label="Add a filter" onChange=${add}>
      <option value="">${rows.length === 0 ? "Add a filter …" : "Add another …"}</option>
      ${
    groupsOf(all).map(([label, names]) =>
      html`<optgroup label=${label}>${
        names.filter((name) => !rows.includes(name)).map((name) =>
          html`<option value=${name} title=${all[name].description}>${words(name)}</option>`
        )
      }</optgroup>`
    )
  }
    </select>
  </fieldset>`;
}

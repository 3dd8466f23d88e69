/** What molecules have to be: the filter, with a control for each key of its schema. */
import { Fields } from "./form.js";
import { html } from "./html.js";
import { resolved } from "./schema.js";

/** @param {{document: import("./schema.js").Document, schema: import("./schema.js").Schema, value: Record<string, any> | undefined, onChange: (value: Record<string, any> | undefined) => void}} props */
export function Where({ document, schema, value = {}, onChange }) {
  const { properties = {} } = resolved(document, schema);
  const whole = {
    properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, resolved(document, one)])),
  };
  const set = (/** @type {string} */ name, /** @type {any} */ one) => {
    const next = { ...value, [name]: one };
    if (one === undefined) delete next[name];
    onChange(Object.keys(next).length === 0 ? undefined : next);
  };
  const active = Object.keys(value).length;
  return html`
    <details class="where">
      <summary>Filters${active > 0 && html`
        <span class="count">${active}</span>
      `}</summary>
      <div class="fields one">
        <${Fields} prefix="where" schema=${whole} names=${Object.keys(properties)} values=${value} onChange=${set} />
      </div>
    </details>
  `;
}

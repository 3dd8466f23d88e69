/** Numbers of steps: those that a model has weights or settings for. */
import { html } from "./html.js";

/** @typedef {{name: string, description: string, counts: string, distilledSteps: number[], recommended: {steps: number}[], loaded: boolean, backend: string | null}} Model */

/** Numbers of steps that a model is served at best, ascending. @param {Model} model */
export const servedSteps = ({ distilledSteps, recommended }) =>
  [...new Set([...distilledSteps, ...recommended.map(({ steps }) => steps)])].sort((a, b) => a - b);

/** A seed as the service takes it. */
export const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** Buttons for the numbers of steps that a model is served at. @param {{model: Model, value: number | undefined, onChange: (steps: number) => void}} props */
export const StepChips = ({ model, value, onChange }) =>
  html`<div class="chips" role="group" aria-label="Numbers of steps that this model has settings for">
    ${
    servedSteps(model).map((steps) => {
      const distilled = model.distilledSteps.includes(steps);
      return html`
        <button type="button" class="chip" aria-pressed=${steps === value} onClick=${() => onChange(steps)}
          title=${distilled
            ? "Weights distilled to these steps"
            : "Undistilled weights, with settings for these steps"}>${steps}${distilled &&
            html`<i aria-label="distilled">◆</i>`}</button>
      `;
    })
  }<span class="key"><i>◆</i> distilled</span></div>`;

/** The model of a name; where there is none of it, the one that requests are of where they do not say. @param {import("./app.js").Known} known @param {string | undefined} name */
export function modelOf({ document, models }, name) {
  const usual = document.components.schemas.GenerateRequest?.properties?.model?.default;
  const found = [name, usual].flatMap((wanted) => models.find((one) => one.name === wanted) ?? []);
  return found[0] ?? models[0];
}

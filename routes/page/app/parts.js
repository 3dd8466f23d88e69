/** Small parts that several views have. */
import { html } from "./html.js";
import { Problem } from "./service.js";

/** @param {{label: string, value: unknown}} props */
export const Stat = ({ label, value }) => html`<div class="stat"><b>${value}</b><span>${label}</span></div>`;

/** What went wrong, and what may help. @param {{error: Error}} props */
export function Fault({ error }) {
  const status = error instanceof Problem ? error.status : 0;
  const help = status === 401 || status === 403 ? " Put in a token that may, by “Token” at the top." : "";
  return html`<p class="fault" role="alert"><b>${
    error instanceof Problem ? error.title : "It did not work"
  }.</b> ${error.message}.${help}</p>`;
}

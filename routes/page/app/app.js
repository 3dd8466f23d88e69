/** The page: its views, what they share, and the address. */
import { addressOf, readAddress, writeAddress } from "./address.js";
import { CampaignsView } from "./campaigns_view.js";
import { GenerateView } from "./generate_view.js";
import { html, render, useEffect, useRef, useState } from "./html.js";
import { JobsView } from "./jobs_view.js";
import { Fault } from "./parts.js";
import { PathView } from "./path_view.js";
import { QualityView } from "./quality_view.js";
import { askJson, Problem, token } from "./service.js";
import { newSeed } from "./steps.js";
import { StepsView } from "./steps_view.js";
import { currentTheme, ThemeContext, toggleTheme, watchTheme } from "./theme.js";

/**
 * What the service says of itself.
 * @typedef {{document: import("./schema.js").Document, models: import("./steps.js").Model[], limits: {count: number, steps: number, work: number}}} Known
 */

/** The views, in the order of their links. */
const VIEWS = /** @type {Record<string, {title: string, view: any, path?: string}>} */ ({
  generate: { title: "Generate", view: GenerateView },
  steps: { title: "Steps", view: StepsView },
  path: { title: "Path", view: PathView, path: "/generate/path" },
  quality: { title: "Quality", view: QualityView },
  campaigns: { title: "Campaigns", view: CampaignsView, path: "/campaigns" },
  jobs: { title: "Jobs", view: JobsView, path: "/jobs" },
});

const FIRST_STATE = { view: "generate", steps: 16, count: 24 };

/** @returns {import("./address.js").State} */
const stateOf = () => {
  const given = readAddress();
  return {
    ...FIRST_STATE,
    ...given,
    view: Object.hasOwn(VIEWS, given.view) ? given.view : "generate",
    seed: given.seed ?? newSeed(),
  };
};

function App() {
  const [state, setState] = useState(stateOf), [theme, setTheme] = useState(currentTheme);
  const [known, setKnown] = useState(/** @type {Known | undefined} */ (undefined)),
    [error, setError] = useState(/** @type {Error | undefined} */ (undefined));
  const [login, setLogin] = useState(0);
  useEffect(() => watchTheme(() => setTheme(currentTheme())), []);
  useEffect(() => {
    const back = () => setState(stateOf());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  useEffect(() => {
    setError(undefined);
    Promise.all([askJson("openapi.json", { fresh: true }), askJson("models", { fresh: true })])
      .then(([document, { models, limits }]) => setKnown({ document, models, limits }), setError);
  }, [login]);
  const change = (/** @type {any} */ next, /** @type {"push" | "replace"} */ how = "replace") => {
    setState(next);
    writeAddress(next, how);
  };
  const link = (/** @type {string} */ view) => {
    const { model, steps, count, seed, where } = state, next = { view, model, steps, count, seed, where };
    return html`<a href=${addressOf(next)} aria-current=${state.view === view ? "page" : undefined} onClick=${(
      /** @type {MouseEvent} */ event,
    ) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      if (state.view !== view) change(next, "push");
    }}>${VIEWS[view].title}</a>`;
  };
  const there = Object.keys(VIEWS).filter((view) =>
    !known || !VIEWS[view].path || known.document.paths[VIEWS[view].path ?? ""]
  );
  const { view: View } = VIEWS[state.view];
  return html`
    <${ThemeContext.Provider} value=${theme}>
      <a class="skip" href="#main" onClick=${(
        /** @type {Event} */ event,
      ) => (event.preventDefault(), document.getElementById("main")?.focus())}>To the content</a>
      <header class="top">
        <a class="brand"
          href="./"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M16 3 27.3 9.5v13L16 29 4.7 22.5v-13z" /><circle cx="16" cy="3.6" r="3" /><circle class="o" cx="27" cy="22.4" r="3" /><circle class="n" cx="5" cy="22.4" r="3" /></svg>Molstep</a>
        <nav aria-label="Views">${there.map(link)}</nav>
        <div class="buttons">
          <${TokenButton} wanted=${error instanceof Problem && error.status === 401} onChange=${() =>
            setLogin((n) => n + 1)} />
          <button type="button" class="quiet" onClick=${() => (toggleTheme(),
            setTheme(currentTheme()))} aria-label=${theme === "dark"
            ? "Light colours"
            : "Dark colours"}>${theme === "dark" ? "☀" : "☾"}</button>
          <a class="quiet button" href="docs">API</a>
        </div>
      </header>
      <main id="main" tabindex="-1">
          ${error && html`<${Fault} error=${error} />`}
          ${known
            ? html`<${View} key=${`${state.view} ${login}`} known=${known} values=${state} change=${change} />`
            : !error && html`<p class="empty">Asking the service what it can do …</p>`}
        </main>
      </${ThemeContext.Provider}>
  `;
}

/** @param {{wanted: boolean, onChange: () => void}} props */
function TokenButton({ wanted, onChange }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null)), [value, setValue] = useState(token.get);
  useEffect(() => void (wanted && !ref.current?.open && ref.current?.showModal()), [wanted]);
  const keep = (/** @type {string} */ next) => {
    token.set(next);
    setValue(next);
    ref.current?.close();
    onChange();
  };
  return html`
    <button type="button" class="quiet" onClick=${() =>
      ref.current?.showModal()} aria-haspopup="dialog">Token${token.get() !== "" &&
      html`<span class="set" aria-label="is set"> ●</span>`}</button>
    <dialog ref=${ref} class="token" aria-labelledby="token-title">
      <form class="inside" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), keep(value.trim()))}>
        <h2 id="token-title">Token</h2>
        <p class="hint">Sent with each request to this service, and kept in this tab alone until it is closed.</p>
        <label for="token">Token</label>
        <input id="token" type="password" autocomplete="off" spellcheck=${false} value=${value} onInput=${(
          /** @type {any} */ event,
        ) => setValue(event.currentTarget.value)} />
        <div
          class="actions"><button type="submit" class="primary">Keep</button><button type="button" class="quiet" onClick=${() =>
            keep("")}>Forget</button></div>
      </form>
    </dialog>
  `;
}

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("page")));

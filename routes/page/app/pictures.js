/** Pictures of a molecule in 2D and 3D, and a live 3D view. */
import { depict } from "./depict.js";
import { html, useContext, useEffect, useRef, useState } from "./html.js";
import { facing } from "./orient.js";
import { giveBack, lend, picture } from "./stage.js";
import { ThemeContext } from "./theme.js";

/** @typedef {import("./stage.js").Shape} Shape */

/** Whether an element is in sight or near it, once it has been. @param {{current: Element | null}} ref */
function useNear(ref) {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      setNear(true);
      seen.disconnect();
    }, { rootMargin: "200px" });
    seen.observe(/** @type {Element} */ (ref.current));
    return () => seen.disconnect();
  }, []);
  return near;
}

/** The structure. @param {{smiles: string | null, width?: number, height?: number}} props */
export function Structure({ smiles, width = 200, height = 170 }) {
  const ref = useRef(null), near = useNear(ref), theme = useContext(ThemeContext);
  const [drawn, setDrawn] = useState(/** @type {{url?: string, error?: string}} */ ({}));
  useEffect(() => {
    if (!near || smiles === null) return;
    let wanted = true;
    depict(smiles, { theme, width, height }).then(
      (url) => wanted && setDrawn({ url }),
      (error) => wanted && setDrawn({ error: error.message }),
    );
    return () => void (wanted = false);
  }, [near, smiles, theme]);
  return html`<div class="structure" ref=${ref}>
    ${
    smiles === null
      ? html`<p class="nothing">No structure: the bonds break a valence</p>`
      : drawn.url
      ? html`<img src=${drawn.url} alt=${`Structure of ${smiles}`} width=${width} height=${height} draggable=${false} />`
      : html`<p class="nothing">${drawn.error ?? ""}</p>`
  }
  </div>`;
}

/** A still picture of the shape. @param {{shape: Shape, label: string}} props */
export function Still({ shape, label }) {
  const ref = useRef(/** @type {HTMLCanvasElement | null} */ (null)),
    near = useNear(ref),
    theme = useContext(ThemeContext);
  const [fault, setFault] = useState("");
  useEffect(() => {
    if (!near || !ref.current || shape.symbols.length === 0) return;
    picture(shape, ref.current, theme).catch((error) => setFault(error.message));
  }, [near, shape, theme]);
  return html`<div class="still">
    <canvas ref=${ref} role="img" aria-label=${label}></canvas>${fault && html`<p class="nothing">No 3D: ${fault}</p>`}
  </div>`;
}

/**
 * A view that can be turned. The first molecule's view, or that of `frame`, is kept for those that follow where `keepView` says so.
 *
 * @param {{shape: Shape, style?: string, keepView?: boolean, turn?: (p: [number, number, number]) => number[], frame?: Shape, spin?: boolean, label: string, scroll?: boolean, zoom?: number}} props
 */
export function Live({ shape, style, keepView = false, turn, frame, spin = false, label, scroll = false, zoom }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null)), theme = useContext(ThemeContext);
  const held = useRef(/** @type {import("./stage.js").Viewer | undefined} */ (undefined)), shown = useRef(false);
  const [ready, setReady] = useState(false), [fault, setFault] = useState("");
  useEffect(() => {
    let over = false;
    lend().then((viewer) => {
      if (over || !ref.current) return giveBack(viewer);
      viewer.enter(ref.current);
      held.current = viewer;
      setReady(true);
    }).catch((error) => setFault(error.message));
    return () => {
      over = true;
      if (held.current) giveBack(held.current);
      held.current = undefined;
    };
  }, []);
  useEffect(() => {
    if (!ready || !held.current) return;
    if (frame && !shown.current) {
      held.current.show(frame, { theme, turn: turn ?? facing(frame.positions), zoom });
      shown.current = true;
    }
    held.current.show(shape, {
      theme,
      style,
      turn: turn ?? facing(shape.positions),
      keepView: keepView && shown.current,
      zoom,
    });
    shown.current = true;
  }, [ready, shape, style, theme, turn]);
  useEffect(() => void (ready && held.current?.viewer.spin(spin ? "y" : false, 0.6)), [ready, spin]);
  useEffect(() => {
    // The wheel scrolls the page over a small view, and zooms in a large one.
    const node = /** @type {HTMLElement} */ (ref.current),
      stop = (/** @type {Event} */ event) => event.stopPropagation();
    if (scroll) return;
    for (const name of ["wheel", "mousewheel", "DOMMouseScroll"]) node.addEventListener(name, stop, true);
    return () => {
      for (const name of ["wheel", "mousewheel", "DOMMouseScroll"]) node.removeEventListener(name, stop, true);
    };
  }, []);
  const rotate = (/** @type {KeyboardEvent} */ event) => {
    const [axis, angle] =
      { ArrowLeft: ["y", -15], ArrowRight: ["y", 15], ArrowUp: ["x", -15], ArrowDown: ["x", 15] }[event.key] ?? [];
    if (!axis || !event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    held.current?.viewer.rotate(angle, axis);
  };
  return html`<div class="live" ref=${ref} role="img" tabindex="0" aria-label=${`${label}. Shift and arrow keys turn it`} onKeyDown=${rotate}>
    ${fault && html`<p class="nothing">No 3D: ${fault}</p>`}
  </div>`;
}

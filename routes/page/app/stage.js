/** 3D by 3Dmol.js. Pictures of all cards come from one hidden viewer; few live viewers are lent, and taken back. */
import { facing } from "./orient.js";

/** @typedef {{symbols: string[], positions: [number, number, number][], bonds?: {i: number, j: number, order: number}[]}} Shape */

/** @type {Promise<any> | undefined} */
let library;

/** 3Dmol.js, loaded when the first molecule is drawn. */
const load = () =>
  library ??= import("3dmol").catch((error) => {
    library = undefined;
    throw error;
  });

/** Colours of elements, for a light ground and a dark one. What is not named has 3Dmol's own. */
const COLOURS = {
  light: {
    C: "#47525e",
    H: "#c4ccd5",
    N: "#2f66d0",
    O: "#d6403c",
    F: "#2f9e58",
    S: "#d9a400",
    P: "#e0771a",
    Cl: "#24924a",
  },
  dark: {
    C: "#a9b5c1",
    H: "#eef2f5",
    N: "#6c9cf5",
    O: "#f26d68",
    F: "#5fcf88",
    S: "#f0c53a",
    P: "#f59a4a",
    Cl: "#52c97a",
  },
};

/** How atoms and bonds are drawn. @type {Record<string, (colour: unknown) => object>} */
export const STYLES = {
  "Ball and stick": (colorscheme) => ({ stick: { radius: 0.13, colorscheme }, sphere: { scale: 0.25, colorscheme } }),
  "Sticks": (colorscheme) => ({ stick: { radius: 0.17, colorscheme } }),
  "Space filling": (colorscheme) => ({ sphere: { scale: 0.95, colorscheme } }),
};

/** Atoms as 3Dmol has them. @param {Shape} shape @param {(p: [number, number, number]) => number[]} turn */
function atomsOf({ symbols, positions, bonds = [] }, turn) {
  const atoms = symbols.map((elem, index) => {
    const [x, y, z] = turn(positions[index]);
    return {
      elem,
      x,
      y,
      z,
      index,
      serial: index,
      bonds: /** @type {number[]} */ ([]),
      bondOrder: /** @type {number[]} */ ([]),
    };
  });
  for (const { i, j, order } of bonds) {
    for (const [from, to] of [[i, j], [j, i]]) {
      atoms[from].bonds.push(to);
      atoms[from].bondOrder.push(order);
    }
  }
  return atoms;
}

/** A viewer in an element of its own, which can be moved about. */
export class Viewer {
  /** @param {any} three */
  constructor(three) {
    this.node = document.createElement("div");
    this.node.className = "viewer";
    this.three = three;
    /** @type {any} */
    this.viewer = undefined;
  }

  /** Into an element, which has a size by then. @param {Element} parent */
  enter(parent) {
    parent.append(this.node);
    this.viewer ??= this.three.createViewer(this.node, {
      backgroundAlpha: 0,
      backgroundColor: "white",
      antialias: true,
      disableFog: true,
    });
    if (!this.viewer) throw new Error("this browser draws no WebGL");
    this.viewer.resize();
  }

  /**
   * Shows a molecule in place of the one before.
   *
   * @param {Shape} shape
   * @param {{theme: "light" | "dark", style?: string, turn?: (p: [number, number, number]) => number[], keepView?: boolean, zoom?: number}} options
   */
  show(shape, { theme, style = "Ball and stick", turn = facing(shape.positions), keepView = false, zoom = 1 }) {
    const { viewer } = this;
    viewer.removeAllModels();
    const model = viewer.addModel();
    model.addAtoms(atomsOf(shape, turn));
    viewer.setStyle({}, STYLES[style]({ prop: "elem", map: COLOURS[theme] }));
    if (!keepView) {
      viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
      viewer.zoomTo();
      if (zoom !== 1) viewer.zoom(zoom);
    }
    viewer.render();
  }
}

/** @type {Viewer[]} */
const idle = [];

/** Lends a live viewer. */
export const lend = async () => idle.pop() ?? new Viewer(await load());

/** Takes it back. */
export function giveBack(/** @type {Viewer} */ viewer) {
  viewer.node.remove();
  viewer.viewer?.spin(false);
  idle.push(viewer);
}

/** Pixels of a picture's longer and shorter side, before the screen's own density. */
export const PICTURE = [220, 190];

/** @type {Promise<Viewer> | undefined} */
let studio;

const openStudio = async () => {
  const viewer = new Viewer(await load()), place = document.createElement("div");
  place.className = "studio";
  place.ariaHidden = "true";
  document.body.append(place);
  viewer.enter(place);
  return viewer;
};

/** @type {{shape: Shape, canvas: HTMLCanvasElement, theme: "light" | "dark", done: (failed?: unknown) => void}[]} */
const waiting = [];
let drawing = false;

async function drawAll() {
  if (drawing) return;
  drawing = true;
  try {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { shape, canvas, theme, done } = next;
      if (!canvas.isConnected) {
        done();
        continue;
      }
      try {
        const viewer = await (studio ??= openStudio());
        viewer.show(shape, { theme, zoom: 1.12 });
        const source = /** @type {HTMLCanvasElement} */ (viewer.node.querySelector("canvas"));
        canvas.width = source.width;
        canvas.height = source.height;
        canvas.getContext("2d")?.drawImage(source, 0, 0);
        done();
      } catch (error) {
        studio = undefined;
        done(error);
      }
      // One picture a frame: scrolling and typing go first.
      await new Promise((resolve) => setTimeout(resolve));
    }
  } finally {
    drawing = false;
  }
}

/**
 * Draws a molecule into a canvas when its turn comes; the last that was asked for is first.
 *
 * @param {Shape} shape
 * @param {HTMLCanvasElement} canvas
 * @param {"light" | "dark"} theme
 * @returns {Promise<void>}
 */
export const picture = (shape, canvas, theme) =>
  new Promise((resolve, reject) => {
    waiting.push({ shape, canvas, theme, done: (failed) => failed ? reject(failed) : resolve() });
    drawAll();
  });

/** The worker that draws structures: RDKit.js beside the page, so that it holds up no typing, and is the one place where text becomes functions. */

/** @type {any} */
const scope = globalThis;
scope.importScripts("rdkit.js");

const ready = scope.initRDKitModule({ locateFile: () => new URL("rdkit.wasm", scope.location.href).href });

/** Colours by atomic number, for a light ground and a dark one. */
const PALETTES = {
  light: {
    0: [0.3, 0.34, 0.39],
    1: [0.35, 0.4, 0.46],
    6: [0.13, 0.17, 0.21],
    7: [0.13, 0.34, 0.76],
    8: [0.8, 0.2, 0.18],
    9: [0.12, 0.52, 0.27],
    15: [0.8, 0.4, 0.05],
    16: [0.62, 0.46, 0],
    17: [0.1, 0.5, 0.2],
  },
  dark: {
    0: [0.7, 0.74, 0.79],
    1: [0.75, 0.8, 0.85],
    6: [0.86, 0.89, 0.92],
    7: [0.52, 0.68, 1],
    8: [1, 0.5, 0.47],
    9: [0.45, 0.85, 0.58],
    15: [1, 0.65, 0.35],
    16: [0.96, 0.8, 0.3],
    17: [0.4, 0.85, 0.52],
  },
};

scope.onmessage = async (/** @type {MessageEvent} */ { data: { id, smiles, theme, width, height } }) => {
  try {
    const rdkit = await ready, mol = rdkit.get_mol(smiles);
    if (mol === null) throw new Error(`RDKit refuses ${smiles}`);
    try {
      const details = {
        width,
        height,
        backgroundColour: [1, 1, 1, 0],
        clearBackground: false,
        atomColourPalette: PALETTES[/** @type {"light" | "dark"} */ (theme)],
        bondLineWidth: 1.6,
        fixedBondLength: 34,
        minFontSize: 11,
        padding: 0.06,
      };
      scope.postMessage({ id, svg: mol.get_svg_with_highlights(JSON.stringify(details)) });
    } finally {
      mol.delete();
    }
  } catch (error) {
    scope.postMessage({ id, error: String(error) });
  }
};

/** Pictures of molecules: a grid of RDKit.js's 2D depictions as one SVG. */
import type { Rdkit } from "./rdkit.ts";

export interface DepictionOptions {
  /** Cells a row. Default 6. */
  readonly columns?: number;
  /** Width and height of a cell in pixels. Default 180 by 150. */
  readonly width?: number;
  readonly height?: number;
  /** One line below each molecule. Default none. */
  readonly legends?: readonly string[];
}

/** The drawing of one molecule: RDKit's SVG without its XML declaration. */
function depiction(rdkit: Rdkit, smiles: string, width: number, height: number, legend: string): string {
  const details = JSON.stringify({ width, height, legend });
  const svg = rdkit.withMol(smiles, (mol) => mol.get_svg_with_highlights(details));
  if (svg === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
  return svg.replace(/^<\?xml[^>]*\?>\s*/, "").trim();
}

/**
 * Draws molecules row by row.
 *
 * @returns SVG text; of no molecules an empty picture
 * @throws RangeError for a SMILES that RDKit refuses, or sizes that are not positive whole numbers
 */
export function depictionGrid(
  rdkit: Rdkit,
  smiles: readonly string[],
  { columns = 6, width = 180, height = 150, legends = [] }: DepictionOptions = {},
): string {
  for (const [name, value] of Object.entries({ columns, width, height })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${name} must be a positive whole number; got ${value}`);
    }
  }
  const across = width * Math.min(columns, smiles.length), down = height * Math.ceil(smiles.length / columns);
  const cells = smiles.map((text, k) => {
    const place = `x="${width * (k % columns)}" y="${height * Math.floor(k / columns)}"`;
    return depiction(rdkit, text, width, height, legends[k] ?? "").replace("<svg", `<svg ${place}`);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${across}" height="${down}" ` +
    `viewBox="0 0 ${across} ${down}">\n${cells.join("\n")}\n</svg>\n`;
}

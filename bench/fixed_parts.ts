/** Parts that molecules are drawn about, in `fixed_parts/`: geometries of MMFF94 (RDKit). */
import type { FixedAsked } from "../model/generation/fixed_order.ts";

/** A molecule beside this, which of its atoms, and what molecules about it have. */
interface Part extends Pick<FixedAsked, "atoms" | "attach"> {
  readonly file: string;
  readonly smarts: string;
}

/** By name. */
export const PARTS: Readonly<Record<string, Part>> = {
  benzene: { file: "benzene", smarts: "c1ccccc1" },
  pyrrolidine: { file: "pyrrolidine", smarts: "C1CCNC1" },
  acetamide: { file: "acetamide", smarts: "CC(=O)N" },
  carboxyl: { file: "acetic_acid", atoms: [1, 2, 3], attach: [1], smarts: "C(=O)[OX2H1]" },
};

/** A part's molblock. */
export const partOf = async (name: string): Promise<FixedAsked> => {
  const { file, smarts: _, ...choice } = PARTS[name];
  return { molblock: await Deno.readTextFile(new URL(`fixed_parts/${file}.mol`, import.meta.url)), ...choice };
};

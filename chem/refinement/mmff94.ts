/** MMFF94 or MMFF94s, with charges or without, and with corrections where there are any, as the refiner asks for it: `chem/mmff94` types and looks up, an engine minimises. */
import type { Corrections } from "../mmff94/corrections.ts";
import { type FieldOptions, forceFieldOf } from "../mmff94/force_field.ts";
import type { Tables } from "../mmff94/tables.ts";
import type { ForceField, Minimiser } from "./force_field.ts";

/** Corrections of MMFF94, and what molecules that they were fitted to are above their minima, kcal/mol. */
export interface Fitted {
  readonly corrections: Corrections;
  readonly strain: number;
}

/** The force field by MMFF94's tables. @param asked MMFF94 without charges where it says nothing */
export function createMmff94(
  tables: Tables,
  engine: Minimiser,
  { strain: enough, ...asked }: FieldOptions & Partial<Fitted> = {},
): ForceField {
  return {
    enough,
    type({ atomicNumbers, charges }, bonds) {
      const field = forceFieldOf({ atomicNumbers, charges, bonds }, tables, asked);
      if (field.atoms === undefined) return undefined;
      return {
        energy: (positions) => engine.minimise([{ field, positions }], { iterations: 0, tolerance: 0 })[0].before,
        minimise: (positions, options) => engine.minimise([{ field, positions }], options)[0],
      };
    },
  };
}

/** The force fields that refine and weigh conformers: those of `refine` that are fitted to no data. */
import type { ForceField } from "../refinement/force_field.ts";
import type { RefineBy } from "../refinement/refine.ts";

/** What they are called in words. */
export const FORCE_FIELDS = {
  mmff94: "MMFF94 without charges",
  mmff94s: "MMFF94s with charges",
} as const satisfies Partial<Record<RefineBy, string>>;

/** The name of one. */
export type ConformerField = keyof typeof FORCE_FIELDS;

/** All of them. */
export type ConformerFields = Readonly<Record<ConformerField, ForceField>>;

/** What is taken where nobody says. */
export const DEFAULT_FIELD: ConformerField = "mmff94s";

/** How conformers are refined: not at all, or by a force field. */
export type ConformerRefine = "none" | ConformerField;

/** All ways. */
export const CONFORMER_REFINES: readonly ["none", ...ConformerField[]] = [
  "none",
  ...Object.keys(FORCE_FIELDS) as ConformerField[],
];

/** How they are refined where it is only said whether they are. */
export const refineOf = (asked: boolean | ConformerRefine): ConformerRefine =>
  typeof asked === "string" ? asked : asked ? DEFAULT_FIELD : "none";

/** Whose energies they have. */
export const weighing = (refine: ConformerRefine): ConformerField => refine === "none" ? DEFAULT_FIELD : refine;

/** The same in words. */
export const forceFieldOf = (refine: ConformerRefine): string => FORCE_FIELDS[weighing(refine)];

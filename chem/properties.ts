/**
 * Properties of molecules that models are told and judged by: QM9's six of EDM's conditional evaluation (Hoogeboom et al. 2022, section 5.2), in the
 * units of its tables.
 */
import { QM9_PROPERTIES } from "./qm9.ts";

/** What a property is. */
export interface Property {
  /** What it is called in words. */
  readonly label: string;
  /** Of values everywhere but in QM9's own file. */
  readonly unit: string;
  /** Its column in QM9, and what that is multiplied by to be in the unit. */
  readonly column: typeof QM9_PROPERTIES[number];
  readonly factor: number;
}

/** Electronvolts in a hartree (CODATA 2018). */
export const HARTREE_EV = 27.211386245988;

/** The properties by the names that requests, commands and cards have for them. */
export const PROPERTIES = {
  alpha: { label: "polarizability", unit: "bohr^3", column: "alpha", factor: 1 },
  gap: { label: "gap between HOMO and LUMO", unit: "eV", column: "gap", factor: HARTREE_EV },
  homo: { label: "energy of the HOMO", unit: "eV", column: "homo", factor: HARTREE_EV },
  lumo: { label: "energy of the LUMO", unit: "eV", column: "lumo", factor: HARTREE_EV },
  mu: { label: "dipole moment", unit: "D", column: "mu", factor: 1 },
  cv: { label: "heat capacity at 298.15 K", unit: "cal/(mol K)", column: "Cv", factor: 1 },
} as const satisfies Readonly<Record<string, Property>>;

/** A property's name. */
export type PropertyName = keyof typeof PROPERTIES;

/** All names, in the order of tables. */
export const PROPERTY_NAMES = Object.keys(PROPERTIES) as [PropertyName, ...PropertyName[]];

/** Values of properties by name, in their units. */
export type PropertyValues = { readonly [name in PropertyName]?: number };

/** The values of `names` in a row of QM9's `properties` `[count, 15]`, in their units. */
export function propertiesOf(
  properties: Float64Array,
  row: number,
  names: readonly PropertyName[] = PROPERTY_NAMES,
): number[] {
  return names.map((name) => {
    const { column, factor } = PROPERTIES[name];
    return factor * properties[row * QM9_PROPERTIES.length + QM9_PROPERTIES.indexOf(column)];
  });
}

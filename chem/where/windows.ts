/** What a molecule can be filtered by as a number: names, units, and where each comes from. Requests, their description and the filter go by this table. */
import { type DescriptorName, DESCRIPTORS, type DescriptorTold } from "../descriptors.ts";
import { MOMENTS } from "./moments.ts";

/**
 * Where a value comes from: the graph, by RDKit.js (`graph`); positions and masses, as the molecule is given (`geometry`); the force field (`strain`), which
 * takes longest.
 */
export type Source = "graph" | "geometry" | "strain";

/** A row of {@link WINDOWS}. */
export interface WindowTold extends DescriptorTold {
  readonly from: Source;
}

const MOMENTS_TOLD: Readonly<Record<typeof MOMENTS[number], DescriptorTold>> = {
  radiusOfGyration: {
    what: "root mean square distance of the atoms from their centre of mass, weighted by mass",
    unit: "angstrom",
  },
  principalMoment1: { what: "smallest principal moment of inertia", unit: "Da x square angstrom" },
  principalMoment2: { what: "middle principal moment of inertia", unit: "Da x square angstrom" },
  principalMoment3: { what: "largest principal moment of inertia", unit: "Da x square angstrom" },
  momentRatio1: { what: "smallest over largest principal moment: 0 of a rod, 0.5 of a disc, 1 of a ball" },
  momentRatio2: { what: "middle over largest principal moment: 1 of a rod, 0.5 of a disc, 1 of a ball" },
};

const STRAIN_TOLD = {
  strainBefore: {
    what:
      "energy above the local minimum, of the positions as drawn; by the force field of `refine`, or of `mmff94` where the molecule is not refined",
    unit: "kcal/mol",
  },
  strainAfter: {
    what: "energy above the local minimum, of the positions given; by the same force field",
    unit: "kcal/mol",
  },
} as const satisfies Record<string, DescriptorTold>;

/** A window's name. */
export type WindowName = DescriptorName | keyof typeof MOMENTS_TOLD | keyof typeof STRAIN_TOLD;

const from = (source: Source, told: Readonly<Record<string, DescriptorTold>>) =>
  Object.entries(told).map(([name, { what, unit }]) => [name, { what, unit, from: source }] as const);

/** Every window, in the order in which they are looked at: the cheap ones first. */
export const WINDOWS = Object.fromEntries([
  ...from("graph", DESCRIPTORS),
  ...from("geometry", MOMENTS_TOLD),
  ...from("strain", STRAIN_TOLD),
]) as Readonly<Record<WindowName, WindowTold>>;

/** Their names, in that order. */
export const windowNames = Object.keys(WINDOWS) as readonly WindowName[];

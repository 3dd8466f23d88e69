/** What a sound molecule is, in one place: valid, of one fragment, and without any of these faults. */
import type { RingStrain } from "./ring_strains.ts";
import type { Twist, Twists } from "./torsions.ts";

/** What is checked of a molecule. Null is where it has nothing that could be so. */
export interface Checks {
  /** The worst of each kind, degrees from flat. */
  readonly twists: Twists;
  /** 360 less the sum of angles at the worst sp2 carbon, degrees. */
  readonly pyramidal: number | null;
  /** The worst distance of an aromatic ring's atom from its mean plane, angstrom. */
  readonly puckered: number | null;
  /** The nearest pair that is not bonded, over the sum of van der Waals radii. */
  readonly contact: number | null;
  /** The worst departure of an angle from its ideal, degrees. */
  readonly angle: number | null;
  readonly strains: readonly RingStrain[];
}

/**
 * The limits beyond which something is a fault, chosen on QM9: of 2,000 molecules that are held out at least 99 % of the valid ones have no fault
 * (`docs/judge.md` tells how many break each).
 */
export const LIMITS = {
  /** Degrees, of double bonds whose ends are in one ring at most. */
  twistedAlkene: 30,
  twistedImine: 30,
  /** Degrees; nitrogen is less flat by nature. */
  twistedAmide: 45,
  /** 360 degrees less the sum of angles at an sp2 carbon. */
  pyramidal: 30,
  /** Angstrom from the mean plane of an aromatic ring; PoseBusters has the same (Buttenschoen et al., Chem. Sci. 15, 3130, 2024). */
  puckered: 0.25,
  /** Of the sum of van der Waals radii. */
  clash: 0.65,
  /** Degrees from the ideal, outside small rings. */
  bentAngle: 25,
} as const;

/** What is wrong with a molecule's geometry, in words. */
export const FAULTS = {
  twistedAlkene: "C=C twisted",
  twistedImine: "C=N twisted",
  twistedAmide: "amide twisted",
  pyramidal: "sp2 carbon not flat",
  puckered: "aromatic ring not flat",
  clash: "atoms clash",
  bentAngle: "angle far from ideal",
  /** By the graph: see `ring_strains.ts`. */
  impossibleRing: "ring that no flask holds",
} as const;

/** A fault's name. */
export type Fault = keyof typeof FAULTS;

/** Their names, in the order of tables. */
export const faultNames = Object.keys(FAULTS) as readonly Fault[];

/** The kinds of twists that are faults, and as which. Those where rings meet, lactams and conjugated bonds are twisted in the data, too. */
const FAULTY_TWISTS: Readonly<Partial<Record<Twist, keyof typeof LIMITS & Fault>>> = {
  alkene: "twistedAlkene",
  alkeneInRing: "twistedAlkene",
  imine: "twistedImine",
  imineInRing: "twistedImine",
  amide: "twistedAmide",
};

/** The faults of a geometry, in the order of {@link FAULTS}. */
export function faultsOf({ twists, pyramidal, puckered, contact, angle, strains }: Checks): Fault[] {
  const found = new Set<Fault>();
  for (const [kind, degrees] of Object.entries(twists)) {
    const fault = FAULTY_TWISTS[kind as Twist];
    if (fault && degrees > LIMITS[fault]) found.add(fault);
  }
  if ((pyramidal ?? 0) > LIMITS.pyramidal) found.add("pyramidal");
  if ((puckered ?? 0) > LIMITS.puckered) found.add("puckered");
  if ((contact ?? Infinity) < LIMITS.clash) found.add("clash");
  if ((angle ?? 0) > LIMITS.bentAngle) found.add("bentAngle");
  if (strains.includes("bent") || strains.includes("antiBredt")) found.add("impossibleRing");
  return faultNames.filter((name) => found.has(name));
}

/** Whether a molecule is sound: valid, of one fragment, no fault. What was not looked at is not sound. */
export const isSound = (
  { valid, connected, findings }: {
    readonly valid: boolean;
    readonly connected: boolean;
    readonly findings?: { readonly faults: readonly Fault[] };
  },
): boolean => valid && connected && findings?.faults.length === 0;

/**
 * Formal charges as MMFF94 has them (Halgren, J. Comput. Chem. 17, 520, 1996, "MMFF.II", and 616, "MMFF.V"): by types, and shared evenly among atoms that resonance makes alike,
 * whichever of them bears the charge as the molecule is written. Where the papers leave it open, as RDKit has it.
 */
import type { Typed } from "./lookup.ts";
import { degree } from "./types_of.ts";

/** Of all atoms of a type. */
const BY_TYPE: Readonly<Record<number, number>> = {
  ...Object.fromEntries([34, 49, 51, 54, 58, 92, 93, 94, 97].map((type) => [type, 1])), // NR+, O+, O=+, N+=C, NPD+, LI+, NA+, K+, CU+1
  ...Object.fromEntries([87, 95, 96, 98, 99].map((type) => [type, 2])), // FE+2, ZN+2, CA+2, CU+2, MG+2
  88: 3, // FE+3
  ...Object.fromEntries([35, 62, 89, 90, 91].map((type) => [type, -1])), // OM, NM, F-, CL-, BR-
};

/** Nitrogens that share a positive charge across carbons between them: NCN+, NGD+, NIM+; and these carbons: CNN+ and CGD+, CIM+. */
const SHARING: readonly number[] = [55, 56, 81], BETWEEN: readonly number[] = [57, 80];

/** Of a terminal oxygen or sulphur (types O2CM, SM and their like): its centre's negative charge, shared among all of them. */
function terminalCharge({ graph, types }: Typed, atom: number): number {
  const { elements, neighbours, aromatic } = graph, [centre] = neighbours[atom];
  const ends = neighbours[centre].filter((next) => [8, 16].includes(elements[next]) && degree(graph, next) === 1);
  const share = (charge: number) => charge / ends.length;
  if (elements[centre] === 6) return ends.length === 1 ? -1 : share(1 - ends.length); // CO2M, CS2M; CS-
  switch (types[centre]) {
    case 45: // NO3, of which only the anion has a charge
      return ends.length === 3 ? share(-1) : 0;
    case 25: // PO2, PO3, PO4
    case 73: // SO2M, SSOM
      return share(1 - ends.length);
    case 18: { // SO2, SO2N, SO3, SO4, SNO
      const imines =
        neighbours[centre].filter((next) => elements[next] === 7 && degree(graph, next) === 2 && !aromatic[next])
          .length;
      // The nitrogen of a sulphonamide's anion keeps the charge; of a sulphur with fewer such neighbours there is none to share.
      return imines === 1 && ends.length === 2 ? 0 : share(Math.min(0, 2 - imines - ends.length));
    }
    case 77: // CLO4
      return share(-1);
    default:
      return 0;
  }
}

/** Of nitrogens that share a positive charge: all that are linked, by carbons between two of them. */
function sharedCharge({ graph: { neighbours, charges }, types }: Typed, atom: number): number {
  const linked = new Set([atom]);
  for (const one of linked) {
    for (const carbon of neighbours[one].filter((next) => BETWEEN.includes(types[next]))) {
      for (const far of neighbours[carbon]) if (SHARING.includes(types[far])) linked.add(far);
    }
  }
  return [...linked].reduce((sum, one) => sum + charges[one], 0) / linked.size;
}

function formalCharge(typed: Typed, atom: number): number {
  const { graph: { neighbours, shareRing }, types } = typed, type = types[atom];
  switch (type) {
    case 32: // O2CM, ONX, O2N, OP, OS, ...
    case 72: // SM, S-P
      return neighbours[atom].length > 0 ? terminalCharge(typed, atom) : 0;
    case 76: { // N5M
      const anions = types.keys().filter((other) => types[other] === 76 && shareRing(atom, other, 5));
      return -1 / Math.max(1, [...anions].length);
    }
    case 61: // NR%: of a diazonium, not of an isonitrile
      return neighbours[atom].some((next) => types[next] === 42) ? 1 : 0;
    default:
      return SHARING.includes(type) ? sharedCharge(typed, atom) : BY_TYPE[type] ?? 0;
  }
}

/** The formal charge of each atom, elementary charges. */
export const formalCharges = (typed: Typed): number[] => typed.types.map((_, atom) => formalCharge(typed, atom));

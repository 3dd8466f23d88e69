/**
 * MMFF94's numerical atom types (Halgren, J. Comput. Chem. 17, 490, 1996, table III), by the rules that RDKit and OpenChemLib read from that table.
 * Symbolic types of the paper stand beside the numbers.
 */
import type { Graph } from "./graph.ts";
import { fiveRingType, sixRingType } from "./types_aromatic.ts";
import { hydrogenType } from "./types_hydrogen.ts";
import { nitrogenType } from "./types_nitrogen.ts";
import { degree, oxide } from "./types_of.ts";
import { oxygenType } from "./types_oxygen.ts";

/** Of a carbon with three neighbours. */
function trigonalCarbon(graph: Graph, atom: number): number {
  const { elements, neighbours, plainOrder } = graph, near = neighbours[atom];
  const double = elements[near.findLast((next) => plainOrder(atom, next) === 2) ?? -1];
  const amines = near.filter((next) => elements[next] === 7 && degree(graph, next) === 3).length;
  const imine = near.some((next) => elements[next] === 7 && degree(graph, next) === 2 && plainOrder(atom, next) === 2);
  const ends = (element: number) =>
    near.filter((next) => elements[next] === element && degree(graph, next) === 1).length;
  if (amines >= 2 && !imine && double === 7) return 57; // CNN+, CGD+
  if (ends(8) === 2 || ends(16) === 2) return 41; // CO2M, CS2M
  if (double === 6 && graph.inRing(atom, 4)) return 30; // CR4E
  return [7, 8, 15, 16].includes(double) ? 3 : 2; // C=O, C=N, ...; C=C
}

function carbonType(graph: Graph, atom: number): number {
  switch (degree(graph, atom)) {
    case 4:
      return graph.inRing(atom, 3) ? 22 : graph.inRing(atom, 4) ? 20 : 1; // CR3R, CR4R, CR
    case 3:
      return trigonalCarbon(graph, atom);
    case 2:
      return 4; // CSP, =C=
    case 1:
      return 60; // C%-
    default:
      return 0;
  }
}

function sulphurType(graph: Graph, atom: number): number {
  const { elements, neighbours, plainOrder } = graph, near = neighbours[atom], bonds = near.length;
  const doubleTo = (element: number) => near.some((next) => elements[next] === element && plainOrder(atom, next) === 2);
  if (bonds === 4) return 18; // SO2, SO3, ...
  if (bonds === 3) {
    const ends = near.filter((next) => oxide(graph, next) || elements[next] === 7 && degree(graph, next) === 2).length;
    const thio = near.some((next) => elements[next] === 16 && degree(graph, next) === 1);
    if (ends === 2 && doubleTo(6)) return 18; // =SO2
    return ends > 0 && thio || ends === 2 ? 73 : 17; // SSOM, SO2M; S=O
  }
  if (bonds === 2) return doubleTo(8) ? 74 : 15; // =S=O, S
  if (bonds !== 1) return 0;
  const ends = neighbours[near[0]].filter((next) => elements[next] === 16 && degree(graph, next) === 1).length;
  return doubleTo(6) && ends !== 2 ? 16 : 72; // S=C, SM
}

/** By the number of neighbours, of elements whose types depend on nothing else. */
const BY_DEGREE: Readonly<Record<number, readonly number[]>> = {
  3: [92], // LI+
  9: [89, 11], // F-, F
  11: [93], // NA+
  12: [99], // MG+2
  14: [19, 19, 19, 19, 19], // SI
  15: [0, 0, 75, 26, 25], // -P=C, P, PO4
  19: [94], // K+
  20: [96], // CA+2
  30: [95], // ZN+2
  35: [91, 13], // BR-, BR
  53: [0, 14], // I
};

/** Ions whose charge decides. */
const BY_CHARGE: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  26: { 2: 87, 3: 88 }, // FE+2, FE+3
  29: { 1: 97, 2: 98 }, // CU+1, CU+2
};

function chlorineType(graph: Graph, atom: number): number {
  const near = graph.neighbours[atom];
  if (near.length === 4) return near.every((next) => graph.elements[next] === 8) ? 77 : 0; // CLO4
  return [90, 12][near.length] ?? 0; // CL-, CL
}

function heavyType(graph: Graph, atom: number): number {
  const element = graph.elements[atom], bonds = degree(graph, atom);
  const ring = graph.aromatic[atom] ? fiveRingType(graph, atom) || sixRingType(graph, atom) : 0;
  if (ring) return ring;
  switch (element) {
    case 6:
      return carbonType(graph, atom);
    case 7:
      return nitrogenType(graph, atom);
    case 8:
      return oxygenType(graph, atom);
    case 16:
      return sulphurType(graph, atom);
    case 17:
      return chlorineType(graph, atom);
    default:
      return (bonds === 0 ? BY_CHARGE[element]?.[graph.charges[atom]] : undefined) ?? BY_DEGREE[element]?.[bonds] ?? 0;
  }
}

/**
 * The numerical type of each atom, 1 to 99.
 *
 * @returns 0 for an atom that MMFF94 has no type for
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { graphOf } from "./graph.ts";
 *
 * const water = { atomicNumbers: [8, 1, 1], bonds: [{ i: 0, j: 1, order: 1 }, { i: 0, j: 2, order: 1 }] as const };
 * assert.deepEqual(atomTypes(graphOf(water)), [70, 31, 31]);
 * ```
 */
export function atomTypes(graph: Graph): number[] {
  const heavy = graph.elements.map((element, atom) => element === 1 ? 0 : heavyType(graph, atom));
  return heavy.map((type, atom) => graph.elements[atom] === 1 ? hydrogenType(graph, atom, heavy) : type);
}

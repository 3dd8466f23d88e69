/** Types of atoms in aromatic rings of five and six. */
import type { Graph } from "./graph.ts";
import { amine, degree, isNOxide } from "./types_of.ts";

/** Oxygen, sulphur, or nitrogen with its lone pair in the ring. */
const gives = (graph: Graph, atom: number) =>
  [8, 16].includes(graph.elements[atom]) || amine(graph, atom) && !isNOxide(graph, atom);

/** The heteroatoms that give a lone pair to a ring of five, next to an atom (alpha) and one further (beta). */
function heteroatoms(graph: Graph, atom: number): { alpha: number[]; beta: number[] } {
  const alpha: number[] = [], beta: number[] = [];
  for (const next of graph.neighbours[atom].filter((next) => graph.inAromaticRing(next, 5))) {
    if (graph.shareRing(atom, next, 5) && gives(graph, next)) alpha.push(next);
    for (const far of graph.neighbours[next]) {
      if (far === atom || !graph.inAromaticRing(far, 5)) continue;
      if (graph.shareRing(atom, far, 5) && gives(graph, far)) beta.push(far);
    }
  }
  return { alpha, beta };
}

/** Whether a carbon stands between the nitrogens of an imidazolium. */
function imidazolium(graph: Graph, atom: number): boolean {
  const amines = graph.neighbours[atom].filter((next) => amine(graph, next));
  const inFive = amines.filter((next) => graph.inAromaticRing(next, 5)).length;
  return (amines.length === 2 && inFive > 0 || amines.length === 3 && inFive === 2) &&
    amines.some((next) => graph.charges[next] > 0 && !isNOxide(graph, next)) &&
    !amines.some((next) => graph.inAromaticRing(next, 6));
}

/** The type in an aromatic ring of five; 0 where there is none. */
export function fiveRingType(graph: Graph, atom: number): number {
  if (!graph.inAromaticRing(atom, 5)) return 0;
  const element = graph.elements[atom];
  if (element === 8) return 59; // OFUR
  if (element === 16) return 44; // STHI
  if (element !== 6 && element !== 7) return 0;
  const { alpha, beta } = heteroatoms(graph, atom), near = graph.neighbours[atom];
  const heavy = (atoms: number[]) => atoms.some((one) => graph.elements[one] !== 7);
  if (element === 6) {
    if (beta.length === 0 && imidazolium(graph, atom)) return 80; // CIM+
    if (alpha.length === beta.length) {
      const benzene = near.every((next) => graph.elements[next] === 6 && graph.inRing(next, 6));
      const flat = near.every((next) => !graph.shareRing(atom, next, 5) || graph.aromatic[next]);
      const together = alpha.some((a) => beta.some((b) => graph.shareRing(a, b, 5)));
      if (alpha.length === 0 ? !benzene && flat : !together || !heavy(alpha) && !heavy(beta)) return 78; // C5
    }
  } else {
    if (isNOxide(graph, atom)) return 82; // N5OX
    if (alpha.length === 0 && beta.length === 0) return degree(graph, atom) === 3 ? 39 : 76; // NPYL, N5M
    if (degree(graph, atom) === 3 && alpha.length !== beta.length) return 81; // NIM+, N5+
  }
  if (alpha.length > 0 && (beta.length === 0 || heavy(alpha))) return element === 6 ? 63 : 65; // C5A, N5A
  if (beta.length > 0 && (alpha.length === 0 || heavy(beta))) return element === 6 ? 64 : 66; // C5B, N5B
  return element === 7 && alpha.length > 0 ? 79 : 0; // N5
}

/** The type in an aromatic ring of six; 0 where there is none. */
export function sixRingType(graph: Graph, atom: number): number {
  if (!graph.inAromaticRing(atom, 6)) return 0;
  const element = graph.elements[atom];
  if (element === 6) return 37; // CB
  if (element !== 7) return 0;
  return isNOxide(graph, atom) ? 69 : degree(graph, atom) === 3 ? 58 : 38; // NPOX, NPD+, NPYD
}

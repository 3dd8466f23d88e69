/** What several rules of types ask. */
import type { Graph } from "./graph.ts";

/** The number of neighbours. */
export const degree = ({ neighbours }: Graph, atom: number): number => neighbours[atom].length;

/** Whether an atom is an oxygen with one neighbour. */
export const oxide = (graph: Graph, atom: number): boolean => graph.elements[atom] === 8 && degree(graph, atom) === 1;

/** Whether an atom is a nitrogen with three neighbours. */
export const amine = (graph: Graph, atom: number): boolean => graph.elements[atom] === 7 && degree(graph, atom) === 3;

/** Whether an atom is the nitrogen of an N-oxide, a nitro group among them. */
export const isNOxide = (graph: Graph, atom: number): boolean =>
  graph.elements[atom] === 7 && degree(graph, atom) >= 3 && graph.neighbours[atom].some((next) => oxide(graph, next));

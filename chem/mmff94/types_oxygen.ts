/** Types of oxygens in no aromatic ring. */
import type { Graph } from "./graph.ts";
import { degree, oxide } from "./types_of.ts";

/** Of an oxygen with one neighbour. */
function terminal(graph: Graph, atom: number): number {
  const { elements, neighbours, plainOrder, valences } = graph, [next] = neighbours[atom];
  const order = plainOrder(atom, next), bonds = degree(graph, next);
  const oxides = neighbours[next].filter((far) => oxide(graph, far)).length;
  switch (elements[next]) {
    case 1:
      return 35; // OM
    case 6:
      if (order === 1 && oxides === 1) return 35; // OM, OM2
      return oxides === 2 ? 32 : order === 2 ? 7 : 0; // O2CM; O=C
    case 7: {
      const alone = order === 1 && oxides === 1;
      if (alone && (bonds === 2 || valences[next] === 3)) return 35; // OM, OM2 on nitrogen
      if (oxides >= 2 || alone && valences[next] === 4) return 32; // O2N, O3N, ONX
      return order === 2 ? 7 : 0; // O=N
    }
    case 16: {
      const imines = neighbours[next].filter((far) => elements[far] === 7 && degree(graph, far) === 2).length;
      const thio = neighbours[next].filter((far) => elements[far] === 16 && degree(graph, far) === 1).length === 1;
      if (thio || order === 1 || order === 2 && oxides + imines > 1) return 32; // OSMS, O2S, O3S, O4S
      return order === 2 ? 7 : 0; // O=S
    }
    case 15:
    case 17:
      return 32; // OP, O4CL
    default:
      return 0;
  }
}

/** The type; 0 where there is none. */
export function oxygenType(graph: Graph, atom: number): number {
  switch (degree(graph, atom)) {
    case 3:
      return 49; // O+
    case 2:
      if (graph.valences[atom] === 3) return 51; // O=+
      return graph.neighbours[atom].every((next) => graph.elements[next] === 1) ? 70 : 6; // OH2; OR, OC=O, ...
    case 1:
      return terminal(graph, atom);
    default:
      return 0;
  }
}

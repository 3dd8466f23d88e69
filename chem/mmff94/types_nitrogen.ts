/** Types of nitrogens in no aromatic ring. */
import type { Graph } from "./graph.ts";
import { amine, degree, isNOxide, oxide } from "./types_of.ts";

/** Whether a phosphorus or sulphur with two terminal oxygens is next: of a sulphonamide. */
function besideSulphonyl(graph: Graph, atom: number): boolean {
  const { elements, neighbours, valences } = graph;
  if (valences[atom] < 3) return false;
  return neighbours[atom].some((next) =>
    [15, 16].includes(elements[next]) &&
    neighbours[next].filter((far) => oxide(graph, far)).length >= 2
  );
}

/** What a nitrogen's carbons have on their other side. The counts are those of the last carbon, as the tables' authors have them. */
interface Beside {
  carbon: boolean;
  benzene: boolean;
  carbonyl: boolean;
  amidinium: boolean;
  guanidinium: boolean;
  diazene: boolean;
  double: number;
  triple: number;
  /** Aromatic oxygens and sulphurs. */
  chalcogens: number;
}

/** Takes note of a carbon next to the nitrogen. */
function lookAtCarbon(graph: Graph, carbon: number, beside: Beside): void {
  const { elements, neighbours, plainOrder, aromaticBond, charges } = graph;
  let imines = 0, amines = 0, charged = 0, inSix = 0;
  beside.carbon = true;
  beside.benzene ||= graph.aromatic[carbon] && graph.inRing(carbon, 6);
  beside.chalcogens = 0;
  for (const far of neighbours[carbon]) {
    const element = elements[far], order = plainOrder(carbon, far), flat = aromaticBond(carbon, far);
    beside.carbonyl ||= order === 2 && (element === 8 || element === 16);
    if (order === 2 || flat && (element === 6 || element === 7 && graph.rings(far) === 1)) beside.double = element;
    if (order === 3) beside.triple = element;
    if (amine(graph, far)) {
      if (charges[far] === 1) charged++;
      if (graph.inAromaticRing(carbon, 6)) inSix++;
      if (neighbours[far].filter((next) => elements[next] === 8).length < 2) amines++;
    }
    if (element === 7 && degree(graph, far) === 2 && (order === 2 || flat)) imines++;
    if (graph.aromatic[far] && (element === 8 || element === 16)) beside.chalcogens++;
  }
  if (beside.double !== 7) return;
  beside.amidinium ||= amines === 2 && imines === 0 && charged > 0 && inSix === 0 && degree(graph, carbon) < 4;
  beside.guanidinium ||= amines === 3;
}

/** Takes note of a nitrogen next to the nitrogen: N-N=C and N-N=N. */
function lookAtNitrogen({ elements, neighbours, plainOrder }: Graph, nitrogen: number, beside: Beside): void {
  let hetero = false;
  for (const far of neighbours[nitrogen].filter((far) => plainOrder(nitrogen, far) === 2)) {
    if (elements[far] === 6) {
      hetero ||= neighbours[far].some((next) => next !== nitrogen && [7, 8, 16].includes(elements[next]));
    }
    if ((elements[far] === 7 || elements[far] === 6 && !hetero) && !beside.benzene) beside.diazene = true;
  }
}

/** Of a nitrogen with three neighbours, and whether it is of a sulphonamide or on a cyano group. */
function trigonal(graph: Graph, atom: number, sulphonamide: boolean): { type: number; acceptor: boolean } {
  const { elements, neighbours, plainOrder, valences } = graph, near = neighbours[atom];
  const found = (type: number) => ({ type, acceptor: sulphonamide });
  if (valences[atom] >= 4) {
    const oxides = near.filter((next) => oxide(graph, next)).length;
    if (oxides > 0) return found(oxides === 1 ? 67 : 45); // N2OX; NO2, NO3
    const double = near.findLast((next) => plainOrder(atom, next) === 2) ?? -1;
    const iminium = elements[double] === 7 ||
      elements[double] === 6 && !neighbours[double].some((far) => far !== atom && amine(graph, far));
    if (iminium) return found(54); // N+=C, N+=N
  }
  if (valences[atom] < 3) return found(0);
  const beside: Beside = {
    ...{ carbon: false, benzene: false, carbonyl: false, amidinium: false, guanidinium: false, diazene: false },
    ...{ double: 0, triple: 0, chalcogens: 0 },
  };
  for (const next of near) {
    if (elements[next] === 6) lookAtCarbon(graph, next, beside);
    if (elements[next] === 7) lookAtNitrogen(graph, next, beside);
  }
  const acceptor = sulphonamide || beside.carbon && beside.triple === 7;
  if (beside.carbon) {
    if (beside.amidinium) return { type: 55, acceptor }; // NCN+
    if (beside.guanidinium) return { type: 56, acceptor }; // NGD+
    const enamine = beside.chalcogens === 0 && beside.benzene || [6, 7, 15].includes(beside.double) ||
      beside.triple === 6;
    if (!beside.carbonyl && !acceptor && enamine) return { type: 40, acceptor }; // NC=C, NC=N, NC=P, NC%C
  }
  return { type: !acceptor && (beside.carbonyl || beside.diazene) ? 10 : 0, acceptor }; // NC=O, NC=S, NN=C, NN=N
}

/** Of a nitrogen with two neighbours; 0 where none fits. */
function bent(graph: Graph, atom: number, sulphonamide: boolean): number {
  const { elements, neighbours, plainOrder, valences } = graph, near = neighbours[atom];
  if (valences[atom] === 4) return near.some((next) => plainOrder(atom, next) === 3) ? 61 : 53; // NR%; =N=
  if (valences[atom] === 3) {
    const double = near.findLast((next) => plainOrder(atom, next) === 2) ?? -1;
    if (elements[double] === 6 || elements[double] === 7) return 9; // N=C, N=N
    if (elements[double] === 8 && near.filter((next) => oxide(graph, next)).length === 1) return 46; // N=O
  }
  if (valences[atom] < 2) return 0;
  const replaced = near.some((next) =>
    elements[next] === 16 && neighbours[next].filter((far) => oxide(graph, far)).length === 1
  );
  return replaced ? 48 : sulphonamide ? 0 : 62; // NSO; NM
}

/** Of a nitrogen with one neighbour; 0 where none fits. */
function terminal(graph: Graph, atom: number): number {
  const { elements, neighbours, plainOrder } = graph, [next] = neighbours[atom];
  if (plainOrder(atom, next) === 3) return 42; // NSP
  const azide = elements[next] === 7 && degree(graph, next) === 2 &&
    neighbours[next].some((far) =>
      elements[far] === 7 && degree(graph, far) === 2 || elements[far] === 6 && degree(graph, far) === 3
    );
  return azide ? 47 : 0; // NAZT
}

/** The type: NR, an amine, where nothing else fits. */
export function nitrogenType(graph: Graph, atom: number): number {
  const bonds = degree(graph, atom), sulphonamide = besideSulphonyl(graph, atom);
  if (bonds === 4) return isNOxide(graph, atom) ? 68 : 34; // N3OX; NR+
  if (bonds === 3) {
    const { type, acceptor } = trigonal(graph, atom, sulphonamide);
    return type || (acceptor ? 43 : 8); // NSO2, NC%N; NR
  }
  const type = bonds === 2 ? bent(graph, atom, sulphonamide) : 0;
  if (type || sulphonamide) return type || 43;
  return (bonds === 1 ? terminal(graph, atom) : 0) || 8;
}

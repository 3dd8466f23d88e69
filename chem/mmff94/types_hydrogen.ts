/** Types of hydrogens: by what they are bonded to. */
import type { Graph } from "./graph.ts";

/** Of a hydrogen on nitrogen, by the nitrogen's type; 28 of all others. */
const ON_NITROGEN: Readonly<Record<number, number>> = {
  ...Object.fromEntries([8, 39, 62, 67, 68].map((type) => [type, 23])), // HNR, HPYL, HNOX, HNM
  ...Object.fromEntries([34, 54, 55, 56, 58, 81].map((type) => [type, 36])), // HNR+, HNN+, HGD+, HPD+, HIM+
  9: 27, // HN=N, HN=C
};

/** Of a hydrogen on an oxygen with no more than that and another neighbour. */
function hydroxyl({ elements, neighbours, order, aromaticBond, plainOrder }: Graph, oxygen: number): number {
  const near = neighbours[oxygen], has = (element: number) => near.some((next) => elements[next] === element);
  const beyond = near.filter((next) => elements[next] === 6).flatMap((carbon) =>
    neighbours[carbon].filter((far) => far !== oxygen).map((far) => ({ carbon, far }))
  );
  if (has(15) || beyond.some(({ carbon, far }) => elements[far] === 8 && plainOrder(carbon, far) === 2)) return 24; // HOCO, HOP
  const enol = beyond.some(({ carbon, far }) =>
    [6, 7].includes(elements[far]) && (aromaticBond(carbon, far) || order(carbon, far) === 2)
  );
  return enol ? 29 : has(16) ? 33 : 21; // HOCC, HOCN; HOS; HOR
}

/** On oxygen, by the oxygen's type. */
const ON_OXYGEN: Readonly<Record<number, number>> = { 49: 50, 51: 52, 70: 31 }; // HO+, HO=+, HOH

/** @param types of the heavy atoms */
export function hydrogenType(graph: Graph, atom: number, types: readonly number[]): number {
  const next = graph.neighbours[atom].at(-1);
  if (next === undefined) return 0;
  switch (graph.elements[next]) {
    case 6:
    case 14:
      return 5; // HC, HSI
    case 7:
      return ON_NITROGEN[types[next]] ?? 28; // HNCO, HNCC, ...
    case 8:
      return types[next] === 6 ? hydroxyl(graph, next) : ON_OXYGEN[types[next]] ?? 21; // HO
    case 15:
    case 16:
      return 71; // HP, HS
    default:
      return 0;
  }
}

/** MMFF94's aromaticity (Halgren, J. Comput. Chem. 17, 490, 1996): flat rings of 4n + 2 pi electrons, by ring. */

/** What of a graph it is read from. */
interface Skeleton {
  readonly elements: readonly number[];
  readonly neighbours: readonly (readonly number[])[];
  readonly valences: readonly number[];
  order(i: number, j: number): number;
}

/**
 * Whether a ring's carbon or nitrogen is flat: three neighbours and lone pairs with a double bond, or a lone pair beside a multiple bond. Other elements
 * have a say only by their electrons.
 */
function flat({ elements, neighbours, valences, order }: Skeleton, atom: number): boolean {
  const element = elements[atom], degree = neighbours[atom].length, extra = valences[atom] - degree;
  if (element !== 6 && element !== 7) return true;
  if (degree > 3) return false;
  if (element === 6) return degree === 3 && (extra === 1 || extra === 0);
  if (extra === 1) return true;
  return extra === 0 &&
    neighbours[atom].some((next) =>
      neighbours[next].length <= 3 && neighbours[next].some((far) => far !== atom && order(next, far) > 1)
    );
}

/** What the atoms of a ring give: electrons, and a double bond out of it to an atom of no aromatic ring. */
interface Count {
  electrons: number;
  exocyclic: boolean;
}

/** Counts a ring's electrons; undefined where a neighbouring ring has to be known first. */
function count(
  graph: Skeleton,
  ring: readonly number[],
  inRings: readonly boolean[],
  judged: readonly boolean[],
  aromatic: readonly boolean[],
): Count | undefined {
  const { elements, neighbours, valences, order } = graph, result: Count = { electrons: 0, exocyclic: false };
  for (const [k, atom] of ring.entries()) {
    if (order(atom, ring[(k + 1) % ring.length]) === 2) {
      result.electrons += 2;
      continue;
    }
    if (elements[atom] !== 6 && !(elements[atom] === 7 && valences[atom] === 4)) continue;
    for (const next of neighbours[atom]) {
      if (ring.includes(next) || order(atom, next) === 1) continue;
      if (inRings[next] && !judged[next]) return undefined;
      if (order(atom, next) !== 2) continue;
      if (aromatic[next]) result.electrons++;
      else result.exocyclic = true;
    }
  }
  return result;
}

/** Which of the rings are aromatic. Rings with double bonds to other rings wait for these. */
export function aromaticRings(graph: Skeleton, rings: readonly (readonly number[])[]): boolean[] {
  const { elements, neighbours } = graph;
  const inRings = elements.map(() => false), judged = elements.map(() => false), aromatic = elements.map(() => false);
  for (const atom of rings.flat()) inRings[atom] = true;
  const result = rings.map(() => false);
  const donates = (atom: number) =>
    [7, 8].includes(elements[atom]) || elements[atom] === 16 && neighbours[atom].length === 2;
  for (let before = -1, now = 0; now > before;) {
    for (const [k, ring] of rings.entries()) {
      const counted = count(graph, ring, inRings, judged, aromatic);
      if (!counted) continue;
      for (const atom of ring) judged[atom] = true;
      if (!ring.every((atom) => flat(graph, atom))) continue;
      const pair = ring.length % 2 === 1 && !counted.exocyclic && ring.some(donates);
      const electrons = counted.electrons + (pair ? 2 : 0);
      if (electrons <= 2 || electrons % 4 !== 2) continue;
      result[k] = true;
      for (const atom of ring) aromatic[atom] = true;
    }
    before = now;
    now = judged.filter(Boolean).length;
  }
  return result;
}

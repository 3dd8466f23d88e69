/** How far apart the atoms of a graph are along its bonds. */

/** The numbers of bonds on the shortest way from each atom to each other; Infinity where there is none. */
export function distancesOf(neighbours: readonly (readonly number[])[]): number[][] {
  return neighbours.map((_, from) => {
    const distance = neighbours.map(() => Infinity), queue = [from];
    distance[from] = 0;
    for (let head = 0; head < queue.length; head++) {
      for (const next of neighbours[queue[head]]) {
        if (distance[next] !== Infinity) continue;
        distance[next] = distance[queue[head]] + 1;
        queue.push(next);
      }
    }
    return distance;
  });
}

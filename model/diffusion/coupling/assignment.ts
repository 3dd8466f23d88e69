/** The assignment problem: one column for each row, at the least total cost. */

/** What `assign` works in; kept between calls, as each is a matter of microseconds. */
export interface AssignmentRoom {
  readonly rowPrice: Float64Array;
  readonly columnPrice: Float64Array;
  readonly least: Float64Array;
  /** Row of each column, and the column before it on the shortest path; both from 1, 0 for none. */
  readonly rowOf: Int32Array;
  readonly before: Int32Array;
  readonly used: Uint8Array;
}

/** Room for matrices of up to `most` rows. */
export function assignmentRoom(most: number): AssignmentRoom {
  const size = most + 1, floats = () => new Float64Array(size), whole = () => new Int32Array(size);
  return {
    rowPrice: floats(),
    columnPrice: floats(),
    least: floats(),
    rowOf: whole(),
    before: whole(),
    used: new Uint8Array(size),
  };
}

/**
 * The Hungarian algorithm with shortest augmenting paths, O(n^3): Kuhn (1955), Jonker & Volgenant (1987).
 *
 * @param cost `[n, n]`, row-major, finite
 * @param columns takes the column of each row, `[n]`; left as it is where costs are no finite numbers
 */
export function assign(cost: Float64Array, n: number, columns: Int32Array, room = assignmentRoom(n)): void {
  const { rowPrice: u, columnPrice: v, least, rowOf, before, used } = room;
  u.fill(0, 0, n + 1), v.fill(0, 0, n + 1), rowOf.fill(0, 0, n + 1);
  for (let row = 1; row <= n; row++) {
    least.fill(Infinity, 0, n + 1), used.fill(0, 0, n + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      used[column] = 1;
      const i = rowOf[column], from = (i - 1) * n - 1;
      let delta = Infinity, next = 0;
      for (let j = 1; j <= n; j++) {
        if (used[j]) continue;
        const reduced = cost[from + j] - u[i] - v[j];
        if (reduced < least[j]) least[j] = reduced, before[j] = column;
        if (least[j] < delta) delta = least[j], next = j;
      }
      if (next === 0) return;
      for (let j = 0; j <= n; j++) {
        if (used[j]) u[rowOf[j]] += delta, v[j] -= delta;
        else least[j] -= delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    do {
      const earlier = before[column];
      rowOf[column] = rowOf[earlier];
      column = earlier;
    } while (column !== 0);
  }
  for (let j = 1; j <= n; j++) columns[rowOf[j] - 1] = j - 1;
}

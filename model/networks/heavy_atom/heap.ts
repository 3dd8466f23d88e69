/** A binary heap: the least element first. */
export interface Heap<T> {
  push(value: T): void;
  /** Takes the least out; undefined where there is none. */
  pop(): T | undefined;
}

/** @param compare negative where its first argument comes first */
export function createHeap<T>(compare: (a: T, b: T) => number): Heap<T> {
  const heap: T[] = [];
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b], heap[a]];
  };
  return {
    push(value) {
      let k = heap.push(value) - 1;
      for (let parent; k > 0 && compare(heap[k], heap[parent = (k - 1) >> 1]) < 0; k = parent) swap(k, parent);
    },
    pop() {
      const top = heap[0], last = heap.pop();
      if (heap.length === 0) return top;
      heap[0] = last!;
      for (let k = 0;;) {
        let least = k;
        for (const child of [2 * k + 1, 2 * k + 2]) {
          if (child < heap.length && compare(heap[child], heap[least]) < 0) least = child;
        }
        if (least === k) return top;
        swap(k, least);
        k = least;
      }
    },
  };
}

/** How much is done on this thread between two turns of its event loop: a count, whatever the machine's speed. */
import { clearImmediate, setImmediate } from "node:timers";

/** Counts calls between turns from now on, until `end`. */
export function createTurns() {
  let calls = 0, now = 0, most = 0;
  // A turn looks at timers, then at immediates; work may go on after either, so either has a tick before it.
  const onImmediate = () => {
    now = 0;
    immediate = setImmediate(onImmediate);
  };
  const onTimer = () => {
    now = 0;
    timer = setTimeout(onTimer, 0);
  };
  let immediate = setImmediate(onImmediate), timer = setTimeout(onTimer, 0);
  return {
    /** The function, whose calls are counted. */
    counted: <Given extends unknown[], Result>(work: (...given: Given) => Result) => (...given: Given): Result => {
      calls++;
      most = Math.max(most, ++now);
      return work(...given);
    },
    /** All calls, and the most between two turns. */
    end() {
      clearImmediate(immediate);
      clearTimeout(timer);
      return { calls, most };
    },
  };
}

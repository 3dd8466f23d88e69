/** Networks that train beside a student, each with weights, averages and moments of its own, and all of them as one state. */
import { type Learner, type State, STATE_PARTS } from "./learner.ts";

/** By name. Their tensors stand in a state as the student's do, behind `<name>/`. */
export type Auxiliaries = Readonly<Record<string, Pick<Learner, Shared>>>;
type Shared = "state" | "restore" | "dispose";

/** Names that a state's own tensors begin with. */
const OWN: readonly string[] = [...STATE_PARTS, "updates"];

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (!/^[a-z][a-z0-9-]*$/.test(name) || OWN.includes(name)) {
      throw new RangeError(
        `an auxiliary's name is a word of small letters, and none of ${OWN.join(", ")}; got ${JSON.stringify(name)}`,
      );
    }
  }
}

/** Of each name its own tensors, the student's under "". Throws RangeError on tensors of a name that is not among these. */
function split({ tensors }: State, names: readonly string[]): Map<string, State> {
  const states = new Map(["", ...names].map((name): [string, State] => [name, { tensors: new Map() }]));
  for (const [key, tensor] of tensors) {
    const [first] = key.split("/", 1), name = OWN.includes(first) ? "" : first, state = states.get(name);
    if (!state) {
      throw new RangeError(
        `state: ${key} is of no network here; beside the student there are ${names.join(", ") || "none"}`,
      );
    }
    state.tensors.set(name === "" ? key : key.slice(name.length + 1), tensor);
  }
  return states;
}

/**
 * The state of a student and its auxiliaries, to be kept, restored and freed as one learner's. Where one cannot be
 * restored, those before it stay as they were, too.
 *
 * @throws RangeError for names that a state cannot tell apart
 */
export function together<G>(student: Learner<G>, auxiliaries: Auxiliaries): Pick<Learner<G>, Shared> {
  const names = Object.keys(auxiliaries), all = new Map(Object.entries({ "": student, ...auxiliaries }));
  checkNames(names);
  return {
    async state() {
      const tensors: State["tensors"] = new Map();
      for (const [name, learner] of all) {
        for (const [key, tensor] of (await learner.state()).tensors) {
          tensors.set(name === "" ? key : `${name}/${key}`, tensor);
        }
      }
      return { tensors };
    },
    async restore(state) {
      const states = split(state, names), undo: (() => Promise<void>)[] = [];
      try {
        for (const [name, learner] of all) {
          const before = await learner.state();
          await learner.restore(states.get(name)!);
          undo.push(() => learner.restore(before));
        }
      } catch (error) {
        for (const back of undo) await back();
        throw error;
      }
    },
    dispose() {
      for (const learner of all.values()) learner.dispose();
    },
  };
}

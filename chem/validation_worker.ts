/** A worker of `validator_pool.ts`: loads RDKit.js of its own, then answers each question with verdicts or a fault. */
import { createRdkit } from "./rdkit.ts";
import { createValidator, type Validate, warmUp } from "./validator.ts";
import { type Answer, buffersOf, packBonds, type Question, unpackMolecules } from "./validator_messages.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(answer: Answer, transfer?: Transferable[]): void;
};

function answer(validate: Validate, { molecules, options }: Question): void {
  const started = performance.now();
  const judged = unpackMolecules(molecules).map((molecule) => validate(molecule, options));
  const verdicts = judged.map(({ bonds: _, ...verdict }) => verdict);
  const bonds = packBonds(judged.map(({ bonds }) => bonds));
  scope.postMessage(
    { type: "verdicts", verdicts, bonds, ms: performance.now() - started },
    buffersOf(bonds.counts, bonds.bonds),
  );
}

const validate = warmUp(createValidator(await createRdkit()));
scope.onmessage = ({ data }) => {
  try {
    answer(validate, data);
  } catch (error) {
    // A RangeError is the molecule's; after any other RDKit.js may be in disorder.
    const message = error instanceof Error ? error.message : String(error), fatal = !(error instanceof RangeError);
    scope.postMessage({ type: "fault", message, fatal });
  }
};
scope.postMessage({ type: "ready" });

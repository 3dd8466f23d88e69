/** A worker of `validator_pool.ts`: loads RDKit.js of its own, then answers each question with verdicts or a fault. */
import { answerPool } from "./pool_worker.ts";
import { createRdkit } from "./rdkit.ts";
import { withRefinement } from "./refinement/refining.ts";
import { createValidator, type Validation, warmUp } from "./validator.ts";
import { buffersOf, packBonds, type Question, unpackMolecules, type Verdicts } from "./validator_messages.ts";

const validate = withRefinement(warmUp(createValidator(await createRdkit())));

answerPool<Question, Verdicts>(async ({ molecules, options }) => {
  const judged: Validation[] = [];
  for (const molecule of unpackMolecules(molecules)) judged.push(await validate(molecule, options));
  const verdicts = judged.map(({ bonds: _, ...verdict }) => verdict);
  const bonds = packBonds(judged.map(({ bonds }) => bonds));
  return { data: { verdicts, bonds }, transfer: buffersOf(bonds.counts, bonds.bonds) };
});

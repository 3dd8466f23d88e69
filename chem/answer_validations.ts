/** What a worker of `validator_pool.ts` does: loads RDKit.js of its own, then answers each question with verdicts or a fault. */
import { answerPool } from "./pool_worker.ts";
import { createRdkit } from "./rdkit.ts";
import { type OpenRefiner, type RefineAndValidate, withRefinement } from "./refinement/refining.ts";
import { createValidator, type Validation, warmUp } from "./validator.ts";
import { buffersOf, packBonds, type Question, unpackMolecules, type Verdicts } from "./validator_messages.ts";

/** Answers from now on. @param open the refiner; absent where the worker does not refine */
export async function answerValidations(open?: OpenRefiner): Promise<void> {
  const judge = warmUp(createValidator(await createRdkit()));
  const validate: RefineAndValidate = open ? withRefinement(judge, { open }) : judge;
  answerPool<Question, Verdicts>(async ({ molecules, options }) => {
    const judged: Validation[] = [];
    for (const molecule of unpackMolecules(molecules)) judged.push(await validate(molecule, options));
    const verdicts = judged.map(({ bonds: _, ...verdict }) => verdict);
    const bonds = packBonds(judged.map(({ bonds }) => bonds));
    return { data: { verdicts, bonds }, transfer: buffersOf(bonds.counts, bonds.bonds) };
  });
}

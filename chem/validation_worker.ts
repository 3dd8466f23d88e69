/** A worker of `validator_pool.ts`: loads RDKit.js of its own, then answers each question with verdicts or a fault. */
import { answerPool } from "./pool_worker.ts";
import { createRdkit } from "./rdkit.ts";
import { createValidator, warmUp } from "./validator.ts";
import { buffersOf, packBonds, type Question, unpackMolecules, type Verdicts } from "./validator_messages.ts";

const validate = warmUp(createValidator(await createRdkit()));

answerPool<Question, Verdicts>(({ molecules, options }) => {
  const judged = unpackMolecules(molecules).map((molecule) => validate(molecule, options));
  const verdicts = judged.map(({ bonds: _, ...verdict }) => verdict);
  const bonds = packBonds(judged.map(({ bonds }) => bonds));
  return { data: { verdicts, bonds }, transfer: buffersOf(bonds.counts, bonds.bonds) };
});

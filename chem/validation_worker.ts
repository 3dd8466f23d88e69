/** A worker of `validator_pool.ts` that judges alone. */
import { answerValidations } from "./answer_validations.ts";

await answerValidations();

/** A worker that judges and refines. */
import { answerValidations } from "../../chem/answer_validations.ts";
import { openRefiner } from "./refiner.ts";

await answerValidations(openRefiner);

/** What the judge says of a molecule: here alone, for every form. Nothing is said of molecules that it was not asked about. */
import { type Fault, isSound } from "../../chem/judge/sound.ts";
import type { GeneratedMolecule } from "./pipeline.ts";

/** What is said, of the molecule as it is given: where it is refined, after that. */
export interface SoundnessJson {
  /** Valid, of one fragment, and without a fault. */
  sound: boolean;
  /** In the order of `FAULTS`; null where not valid, as it was not looked at. */
  faults: readonly Fault[] | null;
}

/** As JSON has it; undefined where the drawing does not judge. */
export function toldSoundness({ validation }: GeneratedMolecule): SoundnessJson | undefined {
  if (validation.bondsAgree === undefined) return undefined;
  return { sound: isSound(validation), faults: validation.findings?.faults ?? null };
}

/** As data fields and comments have it: the faults set apart by blanks, where there are some. */
export function soundnessFields(generated: GeneratedMolecule): Record<string, string | boolean> {
  const told = toldSoundness(generated);
  if (!told) return {};
  const { sound, faults } = told;
  return { sound, ...(faults?.length && { faults: faults.join(" ") }) };
}

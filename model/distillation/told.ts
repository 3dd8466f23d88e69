/** What a round's student is told beside the time, of a model that is told properties, and what of it cannot be. */
import type { Card } from "../models/card.ts";
import { conditionsOf, scalesOf } from "../models/told.ts";
import { levelsBeside, tellsApart } from "../networks/pair_attention/levels.ts";
import { MOST_TOLD, type ToldBeside } from "../networks/pair_attention/parameters.ts";
import type { AnyMethod, Fault, MethodSettings } from "./methods/method.ts";
import { type MethodName, methodOf, methodsWith } from "./methods/mod.ts";

/** A round's settings, as far as they say what its student is told. */
type Settings = Pick<MethodSettings, "from" | "to" | "keep" | "guidance" | "boundary"> & {
  readonly method: MethodName;
  readonly begin: "teacher" | "student";
};

/** The student in service that is a round's teacher; undefined where the undistilled network is. */
export const teachingStudent = (
  { method, from }: Pick<Settings, "method" | "from">,
  { distilled }: Pick<Card, "distilled">,
): Card["distilled"][number] | undefined =>
  methodOf(method).teacher === "student" ? distilled.find(({ steps }) => steps === from) : undefined;

/** What its network is told: its number of steps, in as many features as its teacher or as there is room for, and the guidance scales asked, or its teacher's. */
export function toldBeside(
  settings: Pick<Settings, "method" | "from" | "guidance">,
  card: Pick<Card, "denoiser" | "distilled">,
): Required<Pick<ToldBeside, "levels">> & ToldBeside {
  const teacher = teachingStudent(settings, card), guidance = settings.guidance ?? scalesOf(card, teacher);
  if (methodOf(settings.method).makes === "model" || card.denoiser.type === "egnn") return { levels: 0, guidance };
  const { conditions } = card.denoiser, beside = { conditions, ...guidance && { scale: true as const } };
  return { levels: teacher?.levels || levelsBeside(beside), guidance };
}

/** Why a student cannot be told guidance scales as it is asked; undefined where it can. */
function faultOfGuidance({ method: name, guidance, boundary }: Settings, card: Card): Fault | undefined {
  const method = methodOf(name), own = scalesOf(card);
  const fault = (message: string, field = "guidance") => ({ field, message });
  if (guidance && !method.guidance) {
    return fault(`guidance is for ${methodsWith((one) => one.guidance !== undefined)}; got it for ${name}`);
  }
  if (own && method.guidance?.always) {
    return fault(`${card.name} is told how far to be guided already, ${own.first} to ${own.last}`, "method");
  }
  if (guidance && own) {
    return fault(`guidance must be absent, as ${card.name} is told its own, ${own.first} to ${own.last}`);
  }
  if (!guidance && method.guidance?.always) return fault(`guidance must be given for ${name}`);
  if (boundary === "data" && (guidance ?? own)) {
    return fault(
      "boundary must be teacher where the student is told how far to be guided: the data are not",
      "boundary",
    );
  }
}

/** Why the network cannot be told its numbers of steps apart; undefined where it can. */
function faultOfLevels(settings: Settings, card: Card): Fault | undefined {
  const { levels } = toldBeside(settings, card), { to, keep } = settings, steps = [...keep, to];
  if (methodOf(settings.method).makes === "model" || tellsApart(steps, levels)) return undefined;
  const one = 2 ** (levels - 1), apart = levels < 2 ? "none" : `powers of 2 below ${one} and all from ${one} on`;
  const message =
    `keep must be step counts that the network is told apart: of ${MOST_TOLD} features ${levels} are left for it beside those of ` +
    `properties and guidance, which tell ${apart} apart; got ${steps.join(", ")}`;
  return { field: "keep", message };
}

/** Why a round cannot tell its student what the model is told; undefined where it can, and of a model that is told nothing. */
export function faultOfTold(settings: Settings, card: Card): Fault | undefined {
  const { method: name, guidance, begin } = settings, method: AnyMethod = methodOf(name);
  if (conditionsOf(card).length === 0) {
    if (!guidance && !method.guidance?.always) return undefined;
    const message = `guidance is for models that are told properties; ${card.name} is told none`;
    return { field: method.guidance?.always ? "method" : "guidance", message };
  }
  if (!method.takesConditions) {
    const takers = methodsWith((one) => one.takesConditions);
    return {
      field: "method",
      message: `method must be ${takers} for ${card.name}, whose students are to be told properties; got ${name}`,
    };
  }
  const teacher = teachingStudent(settings, card);
  if (teacher && !teacher.conditions) {
    return { field: "from", message: `the student of ${teacher.steps} steps was told no properties: it teaches none` };
  }
  if (begin === "student") {
    return { field: "begin", message: `begin must be teacher for ${card.name}, which is told properties; got student` };
  }
  return faultOfGuidance(settings, card) ?? faultOfLevels(settings, card);
}

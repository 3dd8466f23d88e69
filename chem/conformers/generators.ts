/** Generators of positions that need no network, by their names. */
import { createOpenchemlibSource } from "./openchemlib.ts";
import { createProximitySource } from "./proximity_source.ts";
import type { PositionSource } from "./source.ts";

/** How each is made. */
const MADE = { openchemlib: createOpenchemlibSource, proximity: createProximitySource } as const;

/** The name of one. */
export type GeneratorName = keyof typeof MADE;

/** All of them. */
export const GENERATORS = Object.keys(MADE) as [GeneratorName, ...GeneratorName[]];

/** Whether a name is that of a generator. */
export const isGenerator = (name: string): name is GeneratorName => Object.hasOwn(MADE, name);

/** A generator. openchemlib's tables are read when it is made. */
export const createGenerator = (name: GeneratorName): PositionSource => MADE[name]();

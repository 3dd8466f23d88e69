/** The `.wgsl` files that others include, by name. */
import activations from "./activations.wgsl" with { type: "text" };
import assignment from "./assignment.wgsl" with { type: "text" };
import call from "./call.wgsl" with { type: "text" };
import geometry from "./geometry.wgsl" with { type: "text" };
import latent from "./latent.wgsl" with { type: "text" };
import noise from "./noise.wgsl" with { type: "text" };
import radial from "./radial.wgsl" with { type: "text" };
import sets from "./sets.wgsl" with { type: "text" };
import turn from "./turn.wgsl" with { type: "text" };

export const LIBRARY: Readonly<Record<string, string>> = {
  "activations.wgsl": activations,
  "assignment.wgsl": assignment,
  "call.wgsl": call,
  "geometry.wgsl": geometry,
  "latent.wgsl": latent,
  "noise.wgsl": noise,
  "radial.wgsl": radial,
  "sets.wgsl": sets,
  "turn.wgsl": turn,
};

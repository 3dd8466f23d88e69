/** Clean heavy-atom latents of a data set's molecules. */
import { randomRotation, writeLatent } from "../networks/heavy_atom/encode.ts";
import type { ExampleSet } from "../networks/heavy_atom/examples.ts";
import { heavyAtomSpace, type LatentForm } from "../networks/heavy_atom/space.ts";
import { latentLength } from "../diffusion/latent.ts";
import type { Tell } from "./sources/told.ts";
import type { LatentSource } from "./source.ts";

/**
 * Draws examples with replacement, each with its own rotation and draw of u.
 *
 * @param classes number of node classes
 * @param form as the examples were taken apart
 * @param tell what networks are told of each
 */
export function heavyAtomSource(
  examples: ExampleSet,
  classes: number,
  description: string,
  form: LatentForm = {},
  tell?: Tell,
): LatentSource {
  if (examples.count === 0) throw new RangeError("no examples to draw from");
  const space = heavyAtomSpace({ length: classes }, form);
  return {
    description,
    draw(count, stream) {
      const bySize = new Map<number, number[]>();
      for (let k = 0; k < count; k++) {
        const index = stream.integer(examples.count), { nodes } = examples.example(index);
        bySize.set(nodes, [...bySize.get(nodes) ?? [], index]);
      }
      return [...bySize].sort(([a], [b]) => b - a).map(([nodes, indices]) => {
        const length = latentLength(space, nodes), target = new Float32Array(indices.length * length);
        indices.forEach((index, b) =>
          writeLatent(examples.example(index), classes, randomRotation(stream), stream, target, b * length, form)
        );
        const shape = { batch: indices.length, nodes };
        return tell ? { shape, target, conditions: indices.map((index) => tell(index, stream)) } : { shape, target };
      });
    },
  };
}

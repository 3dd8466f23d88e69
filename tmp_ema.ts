import { loadCheckpoint } from "./model/training/checkpoint.ts";
import { averagesOf } from "./model/diffusion/learner.ts";
import { writeSafetensors } from "./model/diffusion/safetensors.ts";
const [folder, out] = Deno.args;
const c = await loadCheckpoint(folder);
const own = new Map([...c!.state.tensors].filter(([k]) => !k.startsWith("auxiliary/")));
await Deno.writeFile(out, writeSafetensors(averagesOf({ tensors: own }), { dtype: "F16", metadata: { model: "qm9" } }));
console.log(c!.update);

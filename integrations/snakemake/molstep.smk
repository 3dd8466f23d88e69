# Molecules of one seed in chunks, each a job of its own. Include it, or see the Snakefile beside it; README.md tells the settings.
from pathlib import Path

# The installation of Molstep that this file belongs to.
_MOLSTEP = Path(workflow.current_basedir).resolve().parents[1]
molstep = {
    "count": 1000,
    "chunk": 500,
    "seed": 1,
    "steps": 16,
    "args": "",
    "command": f"deno run --no-prompt --allow-env --allow-read --allow-run {_MOLSTEP}/main/launch.ts",
    **config.get("molstep", {}),
}
# Values of --config are text.
for _name in ("count", "chunk", "seed", "steps"):
    molstep[_name] = int(molstep[_name])


def molstep_chunks(folder):
    """Files of all chunks in a folder."""
    chunks = -(-molstep["count"] // molstep["chunk"])
    return [f"{folder}/molstep-{molstep['seed']}-{k:06d}.sdf.gz" for k in range(1, chunks + 1)]


def molstep_first(wildcards):
    """Index of a chunk's first molecule."""
    return (int(wildcards.chunk) - 1) * molstep["chunk"]


def molstep_size(wildcards):
    """Molecules of a chunk."""
    return min(molstep["chunk"], molstep["count"] - molstep_first(wildcards))


rule molstep_chunk:
    output:
        sdf="{folder}/molstep-{seed}-{chunk}.sdf.gz",
        record="{folder}/molstep-{seed}-{chunk}.sdf.gz.json",
    wildcard_constraints:
        seed=r"\d+",
        chunk=r"\d{6}",
    params:
        command=molstep["command"],
        args=molstep["args"],
        steps=molstep["steps"],
        first=molstep_first,
        molecules=molstep_size,
    shell:
        "{params.command} generate --count {params.molecules} --first {params.first} --seed {wildcards.seed}"
        " --steps {params.steps} --threads {threads} --format sdf.gz --out {output.sdf} {params.args}"

process MOLSTEP_GENERATE {
    tag "$meta.id"
    label 'process_medium'

    container "${ params.molstep_container ?: 'molstep' }"

    input:
    tuple val(meta), val(count), val(seed), val(steps)

    output:
    tuple val(meta), path("${prefix}.sdf.gz")     , emit: sdf
    tuple val(meta), path("${prefix}.sdf.gz.json"), emit: record
    path "versions.yml"                         , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args    = task.ext.args ?: ''
    def molstep = task.ext.molstep ?: 'deno run --no-prompt --allow-env --allow-read --allow-run /app/main/launch.ts'
    prefix      = task.ext.prefix ?: "${meta.id}"
    """
    $molstep generate \\
        --count $count \\
        --first ${meta.first ?: 0} \\
        --seed $seed \\
        --steps $steps \\
        --threads $task.cpus \\
        --out ${prefix}.sdf.gz \\
        $args

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        molstep: \$($molstep --version)
    END_VERSIONS
    """

    stub:
    def molstep = task.ext.molstep ?: 'deno run --no-prompt --allow-env --allow-read --allow-run /app/main/launch.ts'
    prefix      = task.ext.prefix ?: "${meta.id}"
    """
    echo | gzip > ${prefix}.sdf.gz
    echo '{}' > ${prefix}.sdf.gz.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        molstep: \$($molstep --version)
    END_VERSIONS
    """
}

// nextflow run example.nf --count 10000 --chunk 1000 --seed 1 --steps 16 -with-docker
include { MOLSTEP_GENERATE } from './molstep/generate/main'

params.count = 1000
params.chunk = 250
params.seed = 1
params.steps = 16
params.molstep_container = 'molstep'
params.outdir = 'molecules'

workflow {
    def chunks = (0..<params.count).step(params.chunk).withIndex().collect { first, k ->
        def meta = [id: "molstep-${params.seed}-${String.format('%06d', k + 1)}", first: first]
        [meta, Math.min(params.chunk, params.count - first), params.seed, params.steps]
    }
    MOLSTEP_GENERATE(Channel.fromList(chunks))
    MOLSTEP_GENERATE.out.sdf.map { _meta, sdf -> sdf.name }.collectFile(name: 'index.txt', newLine: true, sort: true, storeDir: params.outdir)
}

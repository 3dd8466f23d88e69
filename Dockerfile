# Serves the shipped weights; docs/deployment.md tells how.
#   docker build -t molstep .                     on the CPU
#   docker build -t molstep:gpu --target gpu .    on a GPU, by Vulkan
FROM denoland/deno:bin-2.9.6 AS deno

# All that needs a compiler or the network.
FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY --from=deno /deno /usr/bin/deno
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1
WORKDIR /app
# What changes seldom comes first: packages, and the native engine for each level of processors.
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY model/engines model/engines
RUN deno task build:native
COPY . .
# Transpiled now, as a container writes nothing there: every file, as workers are named by no import.
RUN find chem deploy main model routes -name '*.ts' -exec deno cache main.ts {} +
# Of packages, what is read when they run: no maps and types, no browser's driver, of TensorFlow.js' builds the one for programs, of 3Dmol.js' the module. Nobody is to install them again.
RUN find node_modules -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' ')' -delete && \
    find node_modules/.deno/@tensorflow+tfjs*/node_modules/@tensorflow/tfjs*/dist -type f '!' -name '*.node.js' '!' -name '*.wasm' '!' -path '*/tfjs-node-gpu/*' -delete && \
    find node_modules/.deno/3dmol*/node_modules/3dmol -type f '!' -name package.json '!' -name LICENSE '!' -name 3Dmol.es6-min.js -delete && \
    rm -rf node_modules/.deno/puppeteer-core@* node_modules/.deno/@puppeteer+* node_modules/.deno/chromium-bidi@* node_modules/.deno/devtools-protocol@* && \
    sed -i 's/"nodeModulesDir": "auto"/"nodeModulesDir": "manual"/' deno.json && \
    mkdir -p /out && mv node_modules /out/

# What is served from: no compiler, and nothing that its user may write but /data and /tmp.
FROM debian:trixie-slim AS runtime
RUN install -d -o 65532 -g 65532 /data
COPY --from=deno /deno /usr/bin/deno
COPY --from=build /out/node_modules /app/node_modules
COPY --from=build /deno-dir/gen /deno-dir/gen
COPY --from=build /app /app
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1 HOME=/tmp PORT=8000 MOLSTEP_DATA_DIR=/data
WORKDIR /app
USER 65532:65532
# Jobs, and the weights that they make: keep it, or rounds are lost with the container.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["deno", "run", "--no-config", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env=PORT", "deploy/health.ts"]
CMD ["deno", "task", "start"]

# The driver's Vulkan comes from the host, by NVIDIA's container toolkit; here are the loader and what that driver is linked with. Nothing of Mesa's,
# whose adapter in software would be taken where there is no GPU.
FROM runtime AS gpu
USER 0:0
RUN apt-get update && apt-get install -y --no-install-recommends libglvnd0 libvulkan1 libx11-6 libxext6 && rm -rf /var/lib/apt/lists/*
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics MOLSTEP_BACKEND=webgpu
USER 65532:65532

FROM runtime AS serve

import assert from "node:assert/strict";
import { webgpuVariables } from "../../../../model/engines/webgpu/variables.ts";

Deno.test({
  name: "webgpuVariables() names Vulkan on Linux, and leaves what the environment says",
  ignore: Deno.build.os !== "linux",
  fn() {
    assert.deepEqual(webgpuVariables({}), { DENO_WEBGPU_BACKEND: "vulkan" });
    assert.deepEqual(webgpuVariables({ DENO_WEBGPU_BACKEND: "gl" }), {});
  },
});

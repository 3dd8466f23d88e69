import { buildNativeLibrary } from "../../../../model/engines/c/native_library.ts";

/** Whether the native engine can be compiled here, or has been. */
export const hasCompiler = (() => {
  try {
    buildNativeLibrary();
    return true;
  } catch {
    return false;
  }
})();

/** Whether a program is here and runs. */
export async function has(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

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

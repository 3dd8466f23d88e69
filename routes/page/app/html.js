/** Markup as tagged templates: Preact by htm, without a build step. */
import { h } from "preact";
import htm from "htm";

export { Component, createContext, render } from "preact";
export { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

/** @type {(strings: TemplateStringsArray, ...values: unknown[]) => any} */
export const html = /** @type {any} */ (htm).bind(h);

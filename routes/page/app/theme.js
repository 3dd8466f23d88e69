/** Light or dark: the system's, or what was chosen here. */
import { createContext } from "./html.js";

const CHOICE = "molstep-theme", system = matchMedia("(prefers-color-scheme: dark)");

/** @typedef {"light" | "dark"} Theme */

/** @returns {Theme} */
export const currentTheme = () => {
  const chosen = localStorage.getItem(CHOICE);
  return chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
};

const apply = () => void (document.documentElement.dataset.theme = currentTheme());

/** Chooses the other one. */
export function toggleTheme() {
  localStorage.setItem(CHOICE, currentTheme() === "dark" ? "light" : "dark");
  apply();
}

/** Calls back when the theme changes by the system. */
export function watchTheme(/** @type {() => void} */ changed) {
  const listen = () => (apply(), changed());
  system.addEventListener("change", listen);
  return () => system.removeEventListener("change", listen);
}

apply();

/** The theme that pictures are drawn for. */
export const ThemeContext = createContext(/** @type {Theme} */ ("light"));

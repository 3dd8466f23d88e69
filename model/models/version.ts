/** The product's version, as in CHANGELOG.md. */
export const VERSION = "0.4.0";

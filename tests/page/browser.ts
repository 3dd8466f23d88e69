/** A real Chromium for tests, where one is here. */
// deno-lint-ignore no-import-prefix -- no package of the service
import puppeteer, { type Page } from "npm:puppeteer-core@25.16.0";

export type { Page };

/** Where systems have it. `CHROMIUM` names another. */
const PLACES = [
  Deno.env.get("CHROMIUM"),
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The first that is here. */
export const chromium = PLACES.find((path) => {
  try {
    return path !== undefined && Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Opens a browser that draws WebGL in software, and closes it after the work. */
export async function withBrowser(work: (open: () => Promise<Page>) => Promise<void>): Promise<void> {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    // Root in a container has no sandbox; what is opened is our own.
    args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"],
  });
  try {
    await work(() => browser.newPage());
  } finally {
    await browser.close();
  }
}

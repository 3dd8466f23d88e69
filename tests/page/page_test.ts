/** The page in a real Chromium, against a service with the shipped weights and tokens on. */
import assert from "node:assert/strict";
import { shippedModels } from "../../main/models.ts";
import { listModels } from "../../model/models/overlay.ts";
import { parseConfig } from "../../routes/config.ts";
import { serve } from "../../routes/serve.ts";
import { withFolder } from "../model/tiny_model.ts";
import { scripted } from "../model/service/jobs/scripted.ts";
import { chromium, type Page, withBrowser } from "./browser.ts";

const TOKEN = "a-token-of-a-test-1234";

/** Longest that anything on the page may take, ms: 3D is drawn in software, on whatever machine this is. */
const PATIENCE = 60_000;

/** What the page says in the place of a selector, when it matches. */
const says = (page: Page, selector: string, pattern: RegExp) =>
  page.waitForFunction(
    (selector: string, pattern: string) =>
      new RegExp(pattern).test((globalThis as any).document.querySelector(selector)?.textContent ?? ""),
    { timeout: PATIENCE },
    selector,
    pattern.source,
  );

const there = (page: Page, selector: string) => page.waitForSelector(selector, { timeout: PATIENCE });

const count = (page: Page, selector: string) => page.$$eval(selector, (all) => all.length);

/** Replaces what is in a field. */
async function type(page: Page, selector: string, text: string) {
  await page.click(selector, { count: 3 });
  await page.type(selector, text);
}

/** A button by its words. */
const press = (page: Page, words: string) =>
  page.locator(`::-p-xpath(//button[normalize-space()="${words}"])`).setTimeout(PATIENCE).click();

/** Whether pixels of the first canvas of a place are of more than one colour. */
const drawn = (page: Page, selector: string) =>
  page.waitForFunction(
    (selector: string) => {
      const canvas = (globalThis as any).document.querySelector(selector), context = canvas?.getContext("2d");
      if (!context || canvas.width === 0) return false;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height) as { data: Uint8ClampedArray };
      return new Set(data.filter((_, k) => k % 4 === 3)).size > 1;
    },
    { timeout: PATIENCE },
    selector,
  );

const withService = (work: (url: string, write: ReturnType<typeof scripted>["write"]) => Promise<void>) =>
  withFolder(async (root) => {
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_BACKEND: "wasm",
      MOLSTEP_THREADS: "1",
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: `${root}/data`,
      MOLSTEP_ADMIN_TOKEN: TOKEN,
      MOLSTEP_OPEN_SCOPES: "none",
    });
    const { trainer, write } = scripted(`${root}/script.json`);
    const service = serve(config, await listModels([shippedModels()]), () => {}, { trainer });
    try {
      await service.ready;
      await work(`http://127.0.0.1:${service.port}/`, write);
    } finally {
      await service.stop();
    }
  });

if (chromium === undefined) {
  Deno.test.ignore("the page in Chromium: there is none here (apt-get install chromium, or CHROMIUM=path)", () => {});
} else {
  Deno.test("the page in Chromium: a token, molecules in 2D and 3D, details, steps, a path, quality and jobs", () =>
    withService((url, write) =>
      withBrowser(async (open) => {
        const page = await open(), faults: string[] = [], asked: string[] = [];
        page.on("pageerror", (error) => faults.push(String(error)));
        page.on("console", (message) => {
          // Requests without a token are refused, and the browser says so.
          if (message.type() === "error" && !/401|403/.test(message.text())) faults.push(message.text());
        });
        page.on("request", (request) => asked.push(request.url()));
        await page.setViewport({ width: 1300, height: 900 });

        await page.goto(url);
        await there(page, "dialog.token[open]");
        await page.type("#token", TOKEN);
        await press(page, "Keep");
        await there(page, "form.panel");
        assert.ok(!page.url().includes(TOKEN));

        // Drawn by the form, with limits of the schema.
        assert.deepEqual(await page.$eval("#draw-count", (field: any) => [field.min, field.max]), ["1", "1000"]);
        await press(page, "4◆");
        await type(page, "#draw-count", "6");
        await type(page, "#draw-seed", "11");
        await page.keyboard.press("Enter");
        await says(page, ".summary [role=status]", /^Drawn: 6 molecules/);
        assert.equal(await count(page, ".card"), 6);
        await there(page, ".card .structure img[src^='data:image/svg']");
        await drawn(page, ".card .still canvas");
        const answer = await fetch(`${url}generate`, {
          method: "POST",
          headers: { "Content-Type": "application/json", Authorization: `Bearer ${TOKEN}` },
          body: JSON.stringify({ count: 6, steps: 4, seed: 11 }),
        });
        const smiles: string[] = (await answer.json()).molecules.map((one: { smiles: string }) => one.smiles);
        assert.deepEqual(await page.$$eval(".card .smiles", (all) => all.map((one) => one.textContent)), smiles);

        // Details by the keyboard; the address holds what is open, and opens it again.
        await page.focus(".card .open");
        await page.keyboard.press("Enter");
        await says(page, "#details-title", /Molecule 0/);
        await page.keyboard.press("ArrowRight");
        await says(page, "#details-title", /Molecule 1/);
        await there(page, "dialog.details .viewer canvas");
        const shared = page.url();
        assert.match(shared, /seed=11.*molecule=1/);
        await page.keyboard.press("Escape");
        await page.waitForSelector("dialog.details", { hidden: true });
        await page.goto(shared);
        await says(page, "#details-title", /Molecule 1/);
        assert.equal(await page.$eval("dialog.details .line code", (one) => one.textContent), smiles[1]);

        // What the service refuses is told.
        await page.goto(`${url}?steps=4&count=2&heavyAtoms=900&draw=1`);
        await says(page, ".fault", /heavyAtoms/);

        // The same seed at each number of steps; the slider by the keyboard.
        await page.goto(`${url}?view=steps&seed=5&steps=2&draw=1`);
        await says(page, ".slider output", /^2$/);
        await page.waitForFunction(() => (globalThis as any).document.querySelectorAll(".film .verdict").length >= 8, {
          timeout: 2 * PATIENCE,
        });
        await page.focus("#ladder");
        await page.keyboard.press("ArrowLeft");
        await says(page, ".side figcaption", /^4 steps/);
        assert.match(page.url(), /steps=4/);

        // A path: its last frame is the molecule.
        await page.goto(`${url}?view=path&seed=5&steps=8&draw=1`);
        await there(page, "#frame");
        assert.equal(await page.$eval("#frame", (slider: any) => slider.max), "7");
        await press(page, "Pause");
        await page.focus("#frame");
        await page.keyboard.press("End");
        await says(page, ".player output", /^8 of 8/);
        await there(page, ".one .viewer canvas");

        // The chart has the card's numbers.
        await page.goto(`${url}?view=quality`);
        await there(page, ".chart .strong circle");
        const steps = await page.$$eval(".chart .label", (all) => all.map((one) => Number(one.textContent)));
        assert.ok(steps.length >= 5 && steps.every((one, k) => k === 0 || one < steps[k - 1]), String(steps));
        assert.equal(await count(page, ".chart .strong .interval"), steps.length);

        // A round, begun and followed to its end by events.
        await write({ act: "finish" });
        await page.goto(`${url}?view=jobs`);
        await there(page, "details.panel summary");
        await page.click("details.panel summary");
        await type(page, "#distill-from", "32");
        await press(page, "Begin");
        await says(page, "section[aria-label='A round'] .verdict", /done|rejected/);
        await there(page, "section[aria-label='A round'] .chart .series");

        // On a phone nothing is wider than the screen.
        await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true });
        for (const view of ["generate", "steps", "path", "quality", "jobs"]) {
          await page.goto(`${url}?view=${view}`);
          await there(page, "main form, main .column");
          const wide = await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth);
          assert.ok(wide <= 390, `${view} is ${wide} pixels wide`);
        }

        assert.deepEqual(faults, []);
        assert.deepEqual(asked.filter((one) => !one.startsWith(url) && !/^(data|blob):/.test(one)), []);
        assert.ok(!asked.some((one) => one.includes(TOKEN)));
      })
    ));
}

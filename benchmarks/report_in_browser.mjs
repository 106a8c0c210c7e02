/* Opens a report in a real Chromium, offline, and looks for what people would stumble over.

    npm install --prefix /tmp/node playwright-core axe-core
    node benchmarks/report_in_browser.mjs /tmp/node runs/demo/report.html /tmp/looks

The second argument is where the packages were installed, the last a folder for pictures to look
at: wide and narrow, light and dark, each with all lists closed and open, and one printed. In each
it checks that nothing is said on the console, that nothing is asked for beside the page itself,
that the page does not scroll sideways, and that axe finds no fault by WCAG 2 A and AA; and once,
that Tab reaches everything in the order of the page, visibly, and that Enter opens lists.
$CHROMIUM names another browser than /usr/bin/chromium. Exit 1: something is wrong. */

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, report, pictures] = process.argv.slice(2);
if (!pictures) {
  console.error("usage: report_in_browser.mjs PACKAGES REPORT.html PICTURES");
  process.exit(2);
}
const require = createRequire(join(resolve(modules), "node_modules", "here.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WIDTHS = { wide: 1280, phone: 390, narrow: 360 };
const A4 = { width: 794, height: 1123 }; // in pixels
const MOST_STOPS = 5000; // of Tab
const WHOLE = { fullPage: true, timeout: 0 }; // pictures of long pages take long

const address = pathToFileURL(resolve(report)).href;
const faults = [];

async function open(browser, width, colorScheme) {
  // The content security policy of the page would keep axe out, too.
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme,
    bypassCSP: true,
  });
  return visit(context, `${width} px, ${colorScheme}`);
}

async function visit(context, where) {
  const page = await context.newPage();
  page.on("console", (message) => faults.push(`${where}: console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`${where}: ${error}`));
  page.on("request", (request) => {
    const asked = request.url();
    if (asked !== address && !asked.startsWith("data:")) faults.push(`${where}: asks for ${asked}`);
  });
  await page.goto(address);
  return page;
}

async function judge(page, where) {
  await page.addScriptTag({ content: axe });
  const found = await page.evaluate(
    (values) => window.axe.run(document, { runOnly: { type: "tag", values } }),
    AXE_TAGS,
  );
  for (const { id, help, nodes } of found.violations)
    faults.push(`${where}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html)}`);
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (over > 0) faults.push(`${where}: scrolls ${over} px sideways`);
  for (const { id, nodes } of found.incomplete)
    console.log(`${where}: axe cannot tell: ${id}, ${nodes.length} places`);
  return found.passes.length;
}

async function look(browser, name, scheme) {
  const page = await open(browser, WIDTHS[name], scheme);
  for (const state of ["closed", "open"]) {
    if (state === "open")
      await page.evaluate(() => {
        for (const list of document.querySelectorAll("details")) list.open = true;
      });
    const rules = await judge(page, `${name}, ${scheme}, ${state}`);
    await page.screenshot({ path: join(pictures, `${name}-${scheme}-${state}.png`), ...WHOLE });
    console.log(`${name}, ${scheme}, lists ${state}: ${rules} rules of axe hold`);
  }
  await page.context().close();
}

/* What has the focus: its place among all elements, how it shows, and whether it can be seen. */
function describeFocus() {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const style = getComputedStyle(focused);
  const box = focused.getBoundingClientRect();
  return {
    place: [...document.querySelectorAll("*")].indexOf(focused),
    what: focused.outerHTML.slice(0, 90),
    tag: focused.tagName,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    inView: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
  };
}

async function walk(browser) {
  const page = await open(browser, WIDTHS.wide, "light");
  const stops = [];
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(describeFocus);
    if (!focus || (stops.length && focus.place === stops[0].place)) break;
    if (stops.length && focus.place < stops[stops.length - 1].place)
      faults.push(`Tab goes back to ${focus.what}`);
    if (!focus.outlined) faults.push(`focus does not show on ${focus.what}`);
    if (!focus.inView) faults.push(`focus is out of sight on ${focus.what}`);
    if (focus.tag === "SUMMARY") await toggle(page, focus);
    stops.push(focus);
  }
  const wanted = await page.evaluate(
    () => document.querySelectorAll("a[href], summary, [tabindex='0']").length,
  );
  const inLists = await page.evaluate(
    () => document.querySelectorAll("details:not([open]) > :not(summary) a[href]").length,
  );
  if (stops.length !== wanted - inLists)
    faults.push(`Tab reaches ${stops.length} of ${wanted - inLists} places`);
  console.log(`Tab reaches ${stops.length} places, ${inLists} more are in closed lists`);
  await page.context().close();
}

async function toggle(page, focus) {
  const isOpen = () => page.evaluate(() => document.activeElement.parentElement.open);
  for (const wanted of [true, false]) {
    await page.keyboard.press("Enter");
    if ((await isOpen()) !== wanted) faults.push(`Enter does not toggle ${focus.what}`);
  }
}

async function obey(browser) {
  // Once with the policy in force: it must not forbid what the page itself shows.
  const context = await browser.newContext({ viewport: A4 });
  const page = await visit(context, "with its policy");
  const broken = await page.evaluate(
    () => [...document.images].filter((image) => !image.naturalWidth).length,
  );
  if (broken) faults.push(`${broken} pictures do not show`);
  await page.emulateMedia({ media: "print" });
  await page.screenshot({ path: join(pictures, "printed.png"), ...WHOLE });
  await page.pdf({ path: join(pictures, "printed.pdf"), format: "A4" });
  await page.context().close();
}

mkdirSync(pictures, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const name of Object.keys(WIDTHS))
  for (const scheme of ["light", "dark"]) await look(browser, name, scheme);
await walk(browser);
await obey(browser);
await browser.close();
for (const fault of faults) console.error(fault);
console.log(faults.length ? `${faults.length} faults` : "no faults");
process.exit(faults.length ? 1 : 0);

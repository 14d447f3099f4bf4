// Two wallets pay each other through two pages in a real browser, lose the link and resume.
//
// usage: node tests/web/pages.mjs PATH/TO/onehop [--pictures FOLDER]
//
// Needs playwright-core beside this file (npm ci) and Chromium: $CHROMIUM, or /usr/bin/chromium.
// Nothing sleeps: each step waits for what the page shows. With --pictures the views are saved.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [program, option, folder] = process.argv.slice(2);
if (!program || (option && (option !== "--pictures" || !folder))) {
  console.error("usage: node pages.mjs PATH/TO/onehop [--pictures FOLDER]");
  process.exit(2);
}
if (folder) mkdirSync(folder, { recursive: true });
const dir = mkdtempSync(join(tmpdir(), "onehop-pages-"));
const running = [];
const PIN = "2580 steps";

// A look-up port of our own: look-ups go over UDP, so that the TCP port of that number says it is taken.
const taken = createServer();
await new Promise((done) => taken.listen(0, "0.0.0.0", done));
const env = {
  ...process.env,
  ONEHOP_LINK: "lan",
  ONEHOP_INTERFACE: "127.0.0.1",
  ONEHOP_PORT: String(taken.address().port),
};

function run(...args) {
  return execFileSync(program, args, { env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

// Starts the program and waits for the JSON line that `isIt`.
async function start(isIt, ...args) {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line);
    if (isIt(said)) return { child, said };
  }
  throw new Error(`ended early: ${args.join(" ")}`);
}

const wallet = (name) => join(dir, name);

async function open(name, context) {
  const { child, said } = await start((it) => it.event === "page", "--json", "--wallet", wallet(name), "ui", "--web");
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(said.url);
  assert.equal(new URL(page.url()).search, "", "the token is gone from the address");
  return { child, page, faults, name };
}

let pictures = 0;
async function picture(side, name) {
  pictures += 1;
  if (folder) await side.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const press = (side, name) => side.page.getByRole("button", { name, exact: true }).click();
const sees = (side, text) => side.page.getByText(text).first().waitFor();

async function ends(side, word, text) {
  await side.page.locator("#end_word").filter({ hasText: word }).waitFor();
  const said = await side.page.locator("#end_text").textContent();
  assert.match(said, text);
}

// The least contrast of any text that is seen with what is behind it: WCAG 2 asks for 4.5.
function contrast() {
  const parse = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (node) => {
    for (let it = node; it; it = it.parentElement) {
      const color = parse(getComputedStyle(it).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  let least = { ratio: 21, text: "" };
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((it) => it.nodeType === 3 && it.textContent.trim());
    if (!own || node.getClientRects().length === 0 || node.disabled) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least.ratio) least = { ratio, text: node.textContent.trim().slice(0, 40) };
  }
  return least;
}

async function isReadable(side, where) {
  for (const theme of ["dark", "light"]) {
    const button = side.page.locator("#theme");
    if ((await button.getAttribute("aria-pressed")) !== String(theme === "dark")) await button.click();
    const least = await side.page.evaluate(contrast);
    assert.ok(least.ratio >= 4.5, `${where}, ${theme}: ${least.ratio.toFixed(2)} at "${least.text}"`);
  }
  const wide = await side.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${where}: ${wide} px too wide`);
  const nameless = await side.page.evaluate(() =>
    [...document.querySelectorAll("button, input")].filter((it) => it.getClientRects().length &&
      !(it.textContent.trim() || it.labels?.length || it.getAttribute("aria-label"))).length);
  assert.equal(nameless, 0, `${where}: controls without a name`);
}

// Both come together up to the question on the buyer's page; gives the code of both.
async function meet(buyer, seller, amount, order) {
  await press(buyer, "Pay");
  await press(seller, "Ask for money");
  await seller.page.getByLabel("Amount").first().fill(amount);
  await seller.page.getByLabel("What for").fill(order);
  await picture(seller, "sell");
  await press(seller, "Look for buyers");
  await picture(buyer, "buyer-mode");
  await press(buyer, seller.name);
  const choice = seller.page.getByRole("button", { name: new RegExp(`^${buyer.name}, code`) });
  const code = (await choice.textContent()).split("code ")[1];
  await picture(seller, "buyers");
  await choice.click();
  await buyer.page.locator("#yes").waitFor();
  assert.equal(await buyer.page.locator("#code").textContent(), code);
  await sees(buyer, `${seller.name} asks for ${amount} INR`);
}

let browser;
try {
  run("money-office", "--office", wallet("office"), "init", "--currency", "INR", "--profile", "rbi-2023", "--name", "money office");
  const office = await start((it) => it.listening, "money-office", "--json", "--office", wallet("office"), "serve", "--listen", "127.0.0.1:0");
  const init = (name, ...more) =>
    run("--wallet", wallet(name), "init", "--office", `http://${office.said.listening}`, "--name", name, ...more);
  writeFileSync(join(dir, "pin"), `${PIN}\n`);
  init("Asha", "--pin-file", join(dir, "pin"), "--pin-cost", "8");
  init("Tea shop", "--no-pin");
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  const phone = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const desk = await browser.newContext({ viewport: { width: 900, height: 900 }, colorScheme: "dark" });
  const buyer = await open("Asha", phone);
  let seller = await open("Tea shop", desk);
  await seller.page.locator("#owner").filter({ hasText: "Tea shop" }).waitFor();

  // A wallet with a PIN shows nothing before.
  const unlock = async (pin) => {
    await buyer.page.getByLabel("PIN or passphrase").first().fill(pin);
    await press(buyer, "Unlock");
  };
  await buyer.page.locator("#unlock_pin").waitFor();
  assert.equal(await buyer.page.locator("#available").isVisible(), false);
  await isReadable(buyer, "locked");
  await picture(buyer, "locked");
  await unlock("0000 steps");
  await sees(buyer, "wrong PIN; 2 more before the wallet is locked");
  await unlock(PIN);
  await buyer.page.locator("#owner").filter({ hasText: "Asha" }).waitFor();

  await press(buyer, "Charge or withdraw");
  await buyer.page.getByLabel("Amount").last().fill("500");
  await press(buyer, "Charge the purse");
  await ends(buyer, "done", /settled with the office/);
  await press(buyer, "Go on");
  await buyer.page.locator("#available").filter({ hasText: "500.00 INR" }).waitFor();
  await isReadable(buyer, "home");
  await picture(buyer, "home");

  // A payment, with the office stopped.
  office.child.kill("SIGKILL");
  await meet(buyer, seller, "7.35", "two teas");
  await isReadable(buyer, "question");
  await picture(buyer, "question");
  await buyer.page.locator("#yes").click();
  await ends(buyer, "paid", /^7\.35 INR to "Tea shop" is paid$/);
  await ends(seller, "paid", /^"Asha" paid 7\.35 INR$/);
  await isReadable(buyer, "paid");
  await picture(buyer, "paid");
  await picture(seller, "paid-seller");
  await press(buyer, "Show the receipt");
  await buyer.page.waitForFunction(() => document.getElementById("receipt_code").naturalWidth > 0);
  await isReadable(buyer, "receipt");
  await picture(buyer, "receipt");
  await press(buyer, "Close");
  await press(buyer, "Go on");
  await press(seller, "Go on");

  // Declined, and a wish that is refused.
  await meet(buyer, seller, "3.00", "a cake");
  await buyer.page.locator("#no").click();
  await ends(buyer, "not paid", /declined/);
  await ends(seller, "not paid", /declined by the buyer/);
  await isReadable(seller, "not paid");
  await press(buyer, "Go on");
  await press(seller, "Go on");
  await press(seller, "Ask for money");
  await seller.page.getByLabel("Amount").first().fill("five");
  await seller.page.getByLabel("What for").fill("tea");
  await press(seller, "Look for buyers");
  await sees(seller, '"five" is not an amount');
  await isReadable(seller, "refused");

  // The seller's device stops before the vote reaches it; the buyer gives up and resumes later.
  await seller.page.reload();
  await meet(buyer, seller, "12.50", "lunch");
  seller.child.kill("SIGSTOP");
  await buyer.page.locator("#yes").click();
  await sees(buyer, "The money is held");
  await press(buyer, "Stop");
  await ends(buyer, "in doubt", /^12\.50 INR to "Tea shop" is in doubt: do not pay again/);
  await isReadable(buyer, "in doubt");
  await picture(buyer, "in-doubt");
  await press(buyer, "Go on");
  await buyer.page.locator("#in_doubt").filter({ hasText: "12.50 INR" }).waitFor();
  await buyer.page.locator("#unfinished").filter({ hasText: /since \d{4}-\d\d-\d\dT\d\d:\d\dZ/ }).waitFor();
  await picture(buyer, "unfinished");
  seller.child.kill("SIGKILL");
  await seller.page.locator("#away").waitFor();
  await picture(seller, "away");
  seller = await open("Tea shop", desk);
  await press(buyer, "Resume nearby");
  await press(seller, "Ask for money");
  await seller.page.getByLabel("Amount").first().fill("1.00");
  await seller.page.getByLabel("What for").fill("something else");
  await press(seller, "Look for buyers");
  await ends(buyer, "done", /^nothing is unfinished any more: 12\.50 INR with "Tea shop" is not paid$/);
  await picture(buyer, "resumed");
  await press(buyer, "Go on");
  await buyer.page.locator("#available").filter({ hasText: "492.65 INR" }).waitFor();
  await press(seller, "Stop");
  await ends(seller, "not paid", /no buyer was chosen/);
  await press(seller, "Go on");

  // The same again, without a fault.
  await meet(buyer, seller, "12.50", "lunch");
  await buyer.page.locator("#yes").click();
  await ends(buyer, "paid", /^12\.50 INR to "Tea shop" is paid$/);
  await ends(seller, "paid", /^"Asha" paid 12\.50 INR$/);
  await press(buyer, "Go on");
  await press(seller, "Go on");
  await buyer.page.locator("#available").filter({ hasText: "480.15 INR" }).waitFor();
  await press(buyer, "All payments");
  await buyer.page.locator("#history li").nth(3).waitFor();
  await isReadable(buyer, "history");
  await picture(buyer, "history");

  // The office is away, and says so.
  await press(seller, "Settle");
  await ends(seller, "failed", /not reachable/);
  await isReadable(seller, "failed");
  // A wallet that has ended says so on its page.
  const page = seller.page;
  seller.child.kill("SIGTERM");
  await page.locator("#away").waitFor();
  for (const side of [buyer, seller]) {
    const faults = side.faults.filter((it) => !/status of 409|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED/.test(it));
    assert.deepEqual(faults, [], `errors on the page of ${side.name}`);
  }
  console.log(`pages: paid, refused, in doubt and resumed in ${browser.version()}; ${pictures} views`);
} finally {
  await browser?.close();
  for (const child of running) child.kill("SIGKILL");
  taken.close();
  rmSync(dir, { recursive: true, force: true });
}

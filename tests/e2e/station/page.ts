// The real page: sign in, watch live, from the beginning, and a past programme.
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { openPage, startChromium } from "../harness/browser.ts";
import { clockSeconds, offClock, secondsOfDay } from "../harness/clock.ts";
import { contrast, difference } from "../harness/picture.ts";
import { until } from "../harness/process.ts";
import { kProgrammeSeconds, kSegmentSeconds, type Station } from "../harness/station.ts";

const element = (page: Page, id: string) => page.getByTestId(id);

/** What the page says at this moment: an element that is not there yet is null, and not waited for. */
function attributeNow(found: Locator, name: string): Promise<string | null> {
  return found.evaluateAll((elements, wanted) => elements[0]?.getAttribute(wanted) ?? null, name);
}

/** UTC of the picture as the page says it, in ms. */
async function onAirMs(page: Page): Promise<number> {
  return Date.parse((await attributeNow(element(page, "on-air-clock").locator("time"), "datetime")) ?? "");
}

async function positionSeconds(page: Page): Promise<number> {
  const text = await attributeNow(element(page, "position"), "data-seconds");
  return text ? Number(text) : Number.NaN;
}

/** Clicks what begins another viewing, and leaves the player before it behind: that one plays on until it is replaced. */
async function choose(page: Page, link: Locator): Promise<void> {
  const before = await page.locator("video").elementHandle();
  await link.click();
  await until("another player", 30, () => before!.evaluate((video: Node) => !video.isConnected));
}

export async function untilOnAir(page: Page, log: string[]): Promise<void> {
  try {
    await until("the page to play", 120, async () => {
      const moving = await page
        .locator("video")
        .evaluate((video: HTMLVideoElement) => !video.paused && video.readyState >= 3);
      return moving && (await onAirMs(page)) > 0;
    });
  } catch (error) {
    const words = await element(page, "player-error").allTextContents();
    throw new Error(`${String(error)}\n${words.join("\n")}\n${log.slice(-20).join("\n")}`);
  }
}

interface Reading {
  shown: number | null; // seconds of the day on the picture's clock
  page: number; // seconds of the day that the page says
  slack: number; // seconds that reading took
}

/** Text over a moving film is not always legible: a wrong clock is wrong in every picture, so one good reading proves it. */
async function proveAnyReading(read: () => Promise<Reading>): Promise<void> {
  const readings: Reading[] = [];
  for (let attempt = 0; attempt < 4; ++attempt) {
    const reading = await read();
    if (reading.shown !== null && offClock(reading.shown, reading.page) <= 1 + reading.slack) return;
    readings.push(reading);
  }
  assert.fail(`the picture's clock and the page's, in seconds of the day: ${JSON.stringify(readings)}`);
}

/** While it plays: the picture is of the moment that the page says, give or take the time that reading takes. */
async function proveRunningClock(page: Page): Promise<void> {
  await proveAnyReading(async () => {
    const before = await onAirMs(page);
    const picture = await page.locator("video").screenshot();
    const after = await onAirMs(page);
    const middle = secondsOfDay((before + after) / 2);
    return { shown: await clockSeconds(picture), page: middle, slack: (after - before) / 2000 };
  });
}

/** The picture stands still while it is read: what is shown and what the page says belong together. */
async function proveClock(page: Page): Promise<void> {
  await proveAnyReading(async () => {
    await element(page, "play").click();
    const shownMs = await until("the clock of the page to stand still", 10, async () => {
      const one = await onAirMs(page);
      await page.waitForTimeout(450); // two readings of the page apart
      return one === (await onAirMs(page)) && one;
    });
    const picture = await page.locator("video").screenshot();
    await element(page, "play").click();
    return { shown: await clockSeconds(picture), page: secondsOfDay(shownMs), slack: 0 };
  });
}

/** It began at the programme's beginning: it cannot have got further than it had time for. */
async function proveBegan(page: Page, askedMs: number): Promise<void> {
  const position = await positionSeconds(page);
  const most = 2 + (Date.now() - askedMs) / 1000;
  assert.ok(position > -0.5 && position < most, `${position} s into the programme after ${most - 2} s`);
}

export async function proveMoves(page: Page): Promise<void> {
  const video = page.locator("video");
  const first = await video.screenshot();
  const from = await onAirMs(page);
  await until("the picture to move on by a second", 30, async () => (await onAirMs(page)) >= from + 1000);
  const second = await video.screenshot();
  assert.ok((await contrast(first)) > 20, "the picture is plain");
  assert.ok((await difference(first, second)) > 0.1, "the picture stands still");
}

export function pageTests(station: () => Station): void {
  describe("the page", () => {
    let browser: Browser;
    let page: Page;
    let log: string[];
    const keyRequests: string[] = [];

    const sessions = async () => {
      const { json } = await station().request("GET", "/api/v1/admin/sessions", { as: station().admin });
      return json.items as { kind: string; end_reason: string | null; user_agent: string }[];
    };

    before(async () => {
      browser = await startChromium();
      ({ page, log } = await openPage(browser));
      page.on("request", (request) => {
        if (request.url().includes("/drm/key/")) keyRequests.push(request.url());
      });
    });
    after(() => browser?.close());

    test("asks to sign in and says what is wrong", async () => {
      await page.goto(station().url);
      await page.getByLabel("E-mail").fill(station().viewer.email);
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Sign in" }).click();
      await until(
        "a sentence",
        30,
        async () => ((await element(page, "sign-in-error").textContent()) ?? "").length > 10,
      );
      await page.getByLabel("Password").fill(station().viewer.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await element(page, "channel-ch1").waitFor();
    });

    test("plays a channel live, with a key from the key route", async () => {
      await element(page, "channel-ch1").click();
      await untilOnAir(page, log);
      await proveMoves(page);
      await proveRunningClock(page);
      const lateSeconds = (Date.now() - (await onAirMs(page))) / 1000;
      assert.ok(lateSeconds > -1 && lateSeconds < 12 * kSegmentSeconds, `live is ${lateSeconds} s late`);
      await proveClock(page);
      assert.ok(keyRequests.length > 0, "no key was asked for");
      const folder = process.env.AIRCHECK_TEST_PICTURES;
      if (folder) await page.screenshot({ path: join(folder, "page.png") });
    });

    test("plays the running programme from its beginning", async () => {
      await station().startOver("ch1");
      const asked = Date.now();
      await choose(page, page.getByRole("link", { name: "From the beginning" }));
      await untilOnAir(page, log);
      await proveBegan(page, asked);
      await proveMoves(page);
      await proveRunningClock(page);
      await proveClock(page);
    });

    test("plays a past programme", async () => {
      await station().pastProgramme("ch1");
      await page.reload(); // signed in still, and the list is new
      const asked = Date.now();
      await choose(page, element(page, "past-programme").first());
      await untilOnAir(page, log);
      await proveBegan(page, asked);
      await proveMoves(page);
      await proveRunningClock(page);
      await proveClock(page);
    });

    test("jumps within a past programme", async () => {
      const target = kProgrammeSeconds * 0.6;
      await page.getByLabel("Position").evaluate((input: HTMLInputElement, part: number) => {
        const value = Number(input.min) + (Number(input.max) - Number(input.min)) * part;
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")!.set!.call(input, String(value));
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }, 0.6);
      await until("the jump", 60, async () => Math.abs((await positionSeconds(page)) - target) < 2 * kSegmentSeconds);
      await proveClock(page);
    });

    test("tells the station what it plays, and what it has left", async () => {
      const past = await until("a session of the past programme", 30, async () =>
        (await sessions()).find(({ kind, end_reason }) => kind === "catchup" && end_reason === null),
      );
      assert.match(past.user_agent, /Chrom/);
      // The page was loaded anew while the first of them played.
      await until("the end of start-over's sessions", 30, async () => {
        const left = (await sessions()).filter(({ kind }) => kind === "startover");
        return left.length > 0 && left.every(({ end_reason }) => end_reason === "stopped");
      });
    });

    // As out of the back/forward cache; which pages a browser puts there is its own affair.
    test("tells what it plays anew when the browser brings it back", async () => {
      const past = async () => (await sessions()).filter(({ kind }) => kind === "catchup");
      const before = (await past()).length;
      await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
      await until("the end of its session", 30, async () => (await past()).every((one) => one.end_reason === "stopped"));
      await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
      await until("another session", 30, async () => {
        const now = await past();
        return now.length === before + 1 && now.filter(({ end_reason }) => end_reason === null).length === 1;
      });
    });

    test("needs nothing that its Content-Security-Policy forbids", () => {
      assert.deepEqual(
        log.filter((line) => /Content Security Policy|exception:/i.test(line)),
        [],
      );
    });

    test("forgets the viewer who signs out", async () => {
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Password").waitFor();
      await until("the end of what played", 30, async () =>
        (await sessions()).some(({ kind, end_reason }) => kind === "catchup" && end_reason === "signed_out"),
      );
      await page.reload();
      await page.getByLabel("Password").waitFor();
    });
  });
}

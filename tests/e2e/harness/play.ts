import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { openPage, type PlayState } from "./browser.ts";
import { contrast, difference } from "./picture.ts";
import { until } from "./process.ts";

declare function playState(): PlayState;

export const readState = (page: Page): Promise<PlayState> => page.evaluate(() => playState());

/** Waits until a player page has decoded `frames` frames and shows the page's own log if it does not. */
export async function untilPlaying(page: Page, log: string[], frames = 75, seconds = 120): Promise<PlayState> {
  try {
    return await until(`${frames} decoded frames`, seconds, async () => {
      const state = await readState(page);
      assert.equal(state.error, "", "the player reports an error");
      return state.frames >= frames && state;
    });
  } catch (error) {
    const state = await readState(page).catch(() => undefined);
    throw new Error(`${String(error)}\n${JSON.stringify(state)}\n${log.slice(-20).join("\n")}`);
  }
}

/** Opens a player page, waits for frames, and proves by screenshots that a moving picture is on the screen. */
export async function provePlays(
  browser: Browser,
  url: string,
  options: { frames?: number; seconds?: number; audio?: boolean; keep?: string } = {},
): Promise<PlayState> {
  const { page, log } = await openPage(browser, { width: 640, height: 360 });
  try {
    await page.goto(url);
    await untilPlaying(page, log, options.frames, options.seconds);
    const first = await page.screenshot(options.keep ? { path: options.keep } : {});
    const from = (await readState(page)).currentTime;
    await until(
      "the play position to move on by a second",
      30,
      async () => (await readState(page)).currentTime > from + 1,
    );
    const second = await page.screenshot();
    assert.ok((await contrast(first)) > 20, "the picture is plain");
    assert.ok((await difference(first, second)) > 0.2, "the picture stands still");
    const state = await readState(page);
    if (options.audio !== false) assert.ok(state.audioBytes > 0, "no audio was decoded");
    return state;
  } finally {
    await page.close();
  }
}

// First light: a film packaged by the gst-launch line of the README, on a static file server with the key behind a URL,
// plays in browsers and in mpv. No daemon is involved. (ffmpeg and Shaka Packager on the bytes: tests/packaging.)
import { strict as assert } from "node:assert";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage } from "./harness/browser.ts";
import { sourceRoot } from "./harness/media.ts";
import { mpvPlays } from "./harness/mpv.ts";
import { PlayerSite } from "./harness/player_site.ts";
import { provePlays, readState, untilPlaying } from "./harness/play.ts";
import { runOk, until } from "./harness/process.ts";

// AIRCHECK_TEST_FILM names another film (H.264 and AAC in MP4, at least 24 s).
// The key pair of tests/support/make_first_light.sh.
const keys = { "11223344556677889900aabbccddeeff": "00112233445566778899aabbccddeeff" };
const start = Date.parse("2026-02-25T14:30:00Z");
let site: PlayerSite;

async function fill(folder: string): Promise<void> {
  const film = process.env.AIRCHECK_TEST_FILM;
  await runOk("bash", [join(sourceRoot(), "tests/support/make_first_light.sh"), folder, ...(film ? [film] : [])], {
    env: { ...process.env, KEY_URI: "/key/%{kid}" },
  });
  assert.ok(readdirSync(folder).includes("ch1.m3u8"));
}

before(async () => {
  site = await PlayerSite.open("first-light", keys, fill);
});

after(() => site?.close());

const address = (player: string) => site.address(player, "ch1.m3u8");

for (const player of ["hls", "shaka"]) {
  test(`${player} plays the folder`, async () => {
    site.server.requests.length = 0;
    const keep = process.env.AIRCHECK_TEST_PICTURES;
    const state = await provePlays(
      site.browser,
      address(player),
      keep ? { keep: join(keep, `first-light-${player}.png`) } : {},
    );
    const route = player === "hls" ? "POST /license" : `GET /key/${Object.keys(keys)[0]}`;
    assert.ok(site.server.requests.includes(route), `no ${route} among the requests`);
    const at = state.utcMs! - start;
    assert.ok(Math.abs(at - state.currentTime * 1000) < 100, `${at} ms is not the play position`);
  });

  test(`${player} seeks in the folder`, async () => {
    const { page, log } = await openPage(site.browser, { width: 640, height: 360 });
    await page.goto(address(player));
    const before = await untilPlaying(page, log, 5);
    await page.evaluate(() => {
      document.querySelector("video")!.currentTime = 20;
    });
    const now = await until("25 frames after the jump", 30, async () => {
      const state = await readState(page);
      return state.currentTime > 21 && state.frames >= before.frames + 25 && state;
    });
    assert.equal(now.error, "");
    await page.close();
  });
}

test("mpv plays the folder", () => mpvPlays(`${site.server.url}/media/ch1.m3u8`, 10));

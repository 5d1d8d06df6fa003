// The playlist of a window that catchupplaylistsrc made of an archive of two runs, with a hole and another key between
// them: plays over both in hls.js and in Shaka Player, from a static file server.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { openPage, startChromium } from "./harness/browser.ts";
import { pageFolder } from "./harness/media.ts";
import { readState, untilPlaying } from "./harness/play.ts";
import { runOk, until } from "./harness/process.ts";
import { clearKeyLicences, rawKeys, StaticServer } from "./harness/static_server.ts";

const keys = {
  "11223344556677889900aabbccddeeff": "00112233445566778899aabbccddeeff",
  b1223344556677889900aabbccddeeff: "b0112233445566778899aabbccddeeff",
};
const [first, second] = Object.keys(keys) as [keyof typeof keys, keyof typeof keys];
let folder: string;
let server: StaticServer;
let browser: Browser;

async function record(keyId: keyof typeof keys, start: string): Promise<void> {
  const cenc = `cencenc key-id=${keyId} key=${keys[keyId]}`;
  const pipeline = [
    "videotestsrc pattern=smpte num-buffers=300 ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 !",
    "timeoverlay ! x264enc key-int-max=50 speed-preset=ultrafast ! video/x-h264,profile=high ! h264parse !",
    `${cenc} ! sink.video`,
    "audiotestsrc samplesperbuffer=1024 num-buffers=563 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse !",
    `${cenc} ! sink.audio`,
    `strftimefmp4sink name=sink target-duration=4 start-utc=${start} location=${folder}/ch1-%Y%m%d%H%M%S.m4s`,
  ].join(" ");
  await runOk("bash", ["-c", `gst-launch-1.0 -q ${pipeline}`]);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "aircheck-catchup-"));
  await record(first, "2026-02-25T14:30:00Z");
  await record(second, "2026-02-25T14:30:20Z");
  const window = "start=2026-02-25T14:30:05Z end=2026-02-25T14:30:32Z key-uri=/key/%{kid}";
  await runOk("bash", [
    "-c",
    `gst-launch-1.0 -q catchupplaylistsrc location=${folder}/ch1-%Y%m%d%H%M%S.m4s ${window} ! ` +
      `filesink location=${folder}/window.m3u8`,
  ]);
  server = await StaticServer.start(
    { "/media/": folder, "/pages/": pageFolder() },
    { "/key/": rawKeys(keys), "/license": clearKeyLicences(keys) },
  );
  browser = await startChromium();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const player of ["hls", "shaka"]) {
  test(`${player} plays the window over its hole and its keys`, async () => {
    const query = new URLSearchParams({ src: `${server.url}/media/window.m3u8`, license: `${server.url}/license` });
    const { page, log } = await openPage(browser, { width: 640, height: 360 });
    try {
      await page.goto(`${server.url}/pages/${player}.html?${query}`);
      const begun = await untilPlaying(page, log, 25);
      // The first run ends at 8 s, the second begins at 16 s of the playlist.
      assert.ok(begun.currentTime >= 1, `EXT-X-START is not followed: ${begun.currentTime}`);
      const later = await until("two seconds of the second run", 90, async () => {
        const state = await readState(page);
        assert.equal(state.error, "");
        return state.currentTime > 18 && state;
      });
      assert.ok(later.frames > begun.frames + 50, JSON.stringify(later));
    } finally {
      await page.close();
    }
  });
}

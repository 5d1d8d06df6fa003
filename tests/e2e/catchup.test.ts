// The playlist of a window that catchupplaylistsrc made of an archive of two runs, with a hole and another key between
// them: plays over both in hls.js and in Shaka Player, from a static file server.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { openPage } from "./harness/browser.ts";
import { PlayerSite } from "./harness/player_site.ts";
import { readState, untilPlaying } from "./harness/play.ts";
import { runOk, until } from "./harness/process.ts";

const keys = {
  "11223344556677889900aabbccddeeff": "00112233445566778899aabbccddeeff",
  b1223344556677889900aabbccddeeff: "b0112233445566778899aabbccddeeff",
};
const [first, second] = Object.keys(keys) as [keyof typeof keys, keyof typeof keys];
let site: PlayerSite;

async function record(folder: string, keyId: keyof typeof keys, start: string): Promise<void> {
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

async function fill(folder: string): Promise<void> {
  await record(folder, first, "2026-02-25T14:30:00Z");
  await record(folder, second, "2026-02-25T14:30:20Z");
  const window = "start=2026-02-25T14:30:05Z end=2026-02-25T14:30:32Z key-uri=/key/%{kid}";
  await runOk("bash", [
    "-c",
    `gst-launch-1.0 -q catchupplaylistsrc location=${folder}/ch1-%Y%m%d%H%M%S.m4s ${window} ! ` +
      `filesink location=${folder}/window.m3u8`,
  ]);
}

before(async () => {
  site = await PlayerSite.open("catchup", keys, fill);
});

after(() => site?.close());

for (const player of ["hls", "shaka"]) {
  test(`${player} plays the window over its hole and its keys`, async () => {
    const { page, log } = await openPage(site.browser, { width: 640, height: 360 });
    try {
      await page.goto(site.address(player, "window.m3u8"));
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

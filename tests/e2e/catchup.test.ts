// The playlist of a window that catchupplaylistsrc made of an archive of two runs, with a hole and another key between
// them: plays over both in hls.js and in Shaka Player, from a static file server. ffmpeg and mpv, which fetch one key for
// all of a playlist, get an archive that has the hole alone.
import { strict as assert } from "node:assert";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { openPage } from "./harness/browser.ts";
import { mpvPlays, ofHoles } from "./harness/mpv.ts";
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

/** Twelve seconds, eight that are missing, twelve more under `later`; and the playlist of a window over both. */
async function archive(folder: string, later: keyof typeof keys): Promise<void> {
  mkdirSync(folder);
  await record(folder, first, "2026-02-25T14:30:00Z");
  await record(folder, later, "2026-02-25T14:30:20Z");
  const window = "start=2026-02-25T14:30:05Z end=2026-02-25T14:30:32Z key-uri=/key/%{kid}";
  await runOk("bash", [
    "-c",
    `gst-launch-1.0 -q catchupplaylistsrc location=${folder}/ch1-%Y%m%d%H%M%S.m4s ${window} ! ` +
      `filesink location=${folder}/window.m3u8`,
  ]);
}

async function fill(folder: string): Promise<void> {
  await archive(`${folder}/two_keys`, second);
  await archive(`${folder}/one_key`, first);
}

before(async () => {
  site = await PlayerSite.open("catchup", keys, fill);
});

after(() => site?.close());

for (const player of ["hls", "shaka"]) {
  test(`${player} plays the window over its hole and its keys`, async () => {
    const { page, log } = await openPage(site.browser, { width: 640, height: 360 });
    try {
      await page.goto(site.address(player, "two_keys/window.m3u8"));
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

test("ffmpeg decodes every picture of the window", async () => {
  const url = `${site.server.url}/media/one_key/window.m3u8`;
  const done = await runOk("ffmpeg", ["-nostdin", "-v", "error", "-i", url, "-map", "0:v", "-f", "framemd5", "-"]);
  // From the segment that covers the start: 8 s of the first run, 12 s of the second.
  const pictures = done.stdout.split("\n").filter((line) => /^0,/.test(line));
  assert.equal(pictures.length, 20 * 25, done.stderr);
  assert.doesNotMatch(done.stderr, /h264|aac|decod|invalid/i);
});

test("mpv plays the window over its hole", async () => {
  await mpvPlays(`${site.server.url}/media/one_key/window.m3u8`, 20, ofHoles);
});

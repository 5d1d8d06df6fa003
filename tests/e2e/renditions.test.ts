// A file per track: encrypted video and two renditions of audio, under a multivariant playlist that strftimefmp4sink
// wrote, play in browsers. No daemon is involved.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./harness/browser.ts";
import { pageFolder } from "./harness/media.ts";
import { provePlays } from "./harness/play.ts";
import { runOk } from "./harness/process.ts";
import { clearKeyLicences, rawKeys, StaticServer } from "./harness/static_server.ts";

const keyId = Buffer.from("11223344556677889900aabbccddeeff", "hex");
const key = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const keys = { [keyId.toString("hex")]: key.toString("hex") };
let folder: string;
let server: StaticServer;
let browser: Browser;

function pipeline(): string {
  const cenc = `cencenc key-id=${keyId.toString("hex")} key=${key.toString("hex")}`;
  const audio = (frequency: number, pad: string) =>
    `audiotestsrc freq=${frequency} samplesperbuffer=1024 num-buffers=938 ! audio/x-raw,rate=48000,channels=2 ! ` +
    `avenc_aac ! aacparse ! ${cenc} ! sink.${pad}`;
  return [
    "strftimefmp4sink name=sink layout=separate target-duration=4 start-utc=2026-02-25T14:30:00Z key-uri=/key/%{kid}",
    `location=${folder}/ch1-%{track}-%Y%m%d%H%M%S.m4s playlist-location=${folder}/ch1-%{track}.m3u8`,
    `multivariant-location=${folder}/index.m3u8`,
    "videotestsrc pattern=smpte num-buffers=500 ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 !",
    "timeoverlay ! x264enc key-int-max=50 speed-preset=ultrafast ! video/x-h264,profile=high ! h264parse !",
    `${cenc} ! sink.video`,
    audio(440, "audio"),
    audio(880, "audio_%u"),
  ].join(" ");
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "aircheck-renditions-"));
  await runOk("bash", ["-c", `gst-launch-1.0 -q ${pipeline()}`]);
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
  test(`${player} plays video and audio from files of their own`, async () => {
    server.requests.length = 0;
    const query = new URLSearchParams({ src: `${server.url}/media/index.m3u8`, license: `${server.url}/license` });
    await provePlays(browser, `${server.url}/pages/${player}.html?${query}`);
    for (const track of ["video", "audio"]) {
      assert.ok(
        server.requests.some((request) => request.includes(`/media/ch1-${track}-2026`)),
        `no segment of ${track} among the requests: ${server.requests.join(", ")}`,
      );
    }
  });
}

// A file per track: encrypted video and two renditions of audio, under a multivariant playlist that strftimefmp4sink
// wrote, play in browsers. No daemon is involved.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { PlayerSite } from "./harness/player_site.ts";
import { provePlays } from "./harness/play.ts";
import { runOk } from "./harness/process.ts";

const keyId = Buffer.from("11223344556677889900aabbccddeeff", "hex");
const key = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const keys = { [keyId.toString("hex")]: key.toString("hex") };
let site: PlayerSite;

function pipeline(folder: string): string {
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

async function fill(folder: string): Promise<void> {
  await runOk("bash", ["-c", `gst-launch-1.0 -q ${pipeline(folder)}`]);
}

before(async () => {
  site = await PlayerSite.open("renditions", keys, fill);
});

after(() => site?.close());

for (const player of ["hls", "shaka"]) {
  test(`${player} plays video and audio from files of their own`, async () => {
    site.server.requests.length = 0;
    await provePlays(site.browser, site.address(player, "index.m3u8"));
    for (const track of ["video", "audio"]) {
      assert.ok(
        site.server.requests.some((request) => request.includes(`/media/ch1-${track}-2026`)),
        `no segment of ${track} among the requests: ${site.server.requests.join(", ")}`,
      );
    }
  });
}

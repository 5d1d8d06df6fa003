// What the elements write, in every scheme and layout and through a change of keys, on a static file server with the
// keys behind URLs: plays in hls.js and in Shaka Player in Chromium, as far as Chromium has the codec.
import { strict as assert } from "node:assert";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage } from "./harness/browser.ts";
import { buildRoot, makeFilm } from "./harness/media.ts";
import { PlayerSite } from "./harness/player_site.ts";
import { provePlays, readState, untilPlaying } from "./harness/play.ts";
import { contrast, difference } from "./harness/picture.ts";
import { runOk, until } from "./harness/process.ts";

const keys = {
  "11223344556677889900aabbccddeeff": "00112233445566778899aabbccddeeff",
  a1223344556677889900aabbccddeeff: "a0112233445566778899aabbccddeeff",
  b1223344556677889900aabbccddeeff: "b0112233445566778899aabbccddeeff",
};
const [first, audioOnly, second] = Object.keys(keys) as [keyof typeof keys, keyof typeof keys, keyof typeof keys];
const rotateAt = 8; // s, on the grid of target durations

interface Output {
  name: string;
  scheme: "cenc" | "cbcs";
  separate?: boolean;
  opus?: boolean;
  rotates?: boolean;
}
const outputs: Output[] = [
  { name: "cenc-muxed", scheme: "cenc" },
  { name: "cbcs-muxed", scheme: "cbcs" },
  { name: "cenc-separate", scheme: "cenc", separate: true },
  { name: "cbcs-separate-opus", scheme: "cbcs", separate: true, opus: true },
  { name: "cenc-muxed-opus", scheme: "cenc", opus: true },
  { name: "cenc-muxed-rotation", scheme: "cenc", rotates: true },
  { name: "cbcs-separate-rotation", scheme: "cbcs", separate: true, rotates: true },
];

let site: PlayerSite;

async function makeOutput(output: Output): Promise<void> {
  const { folder } = site;
  const to = join(folder, output.name);
  mkdirSync(to);
  const film = join(folder, output.opus ? "opus.mp4" : "film.mp4");
  const cenc = (name: string, keyId: keyof typeof keys) =>
    `cencenc name=${name}-cipher scheme=${output.scheme} key-id=${keyId} key=${keys[keyId]}`;
  // Files of their own may have keys of their own.
  const audioKey = output.separate && !output.rotates ? audioOnly : first;
  const track = output.separate ? "%{track}-" : "";
  const description = [
    `filesrc location=${film} ! qtdemux name=d`,
    `d.video_0 ! queue ! h264parse ! ${cenc("video", first)} ! sink.video`,
    `d.audio_0 ! queue ! ${output.opus ? "opusparse" : "aacparse"} ! ${cenc("audio", audioKey)} ! sink.audio`,
    `strftimefmp4sink name=sink target-duration=4 start-utc=2026-02-25T14:30:00Z key-uri=/key/%{kid}`,
    `location=${to}/ch1-${track}%Y%m%d%H%M%S.m4s`,
    `playlist-location=${to}/ch1${output.separate ? "-%{track}" : ""}.m3u8`,
    output.separate ? `layout=separate multivariant-location=${to}/index.m3u8` : "",
  ].join(" ");
  const rotation = output.rotates
    ? ["video", "audio"].flatMap((name) => [`${name}-cipher`, second, keys[second], String(rotateAt)])
    : [];
  await runOk(join(buildRoot(), "tests", "support", "package"), [description, ...rotation]);
}

// Each once, and a failure is that of its own tests.
const made = new Map<string, Promise<void>>();
function ready(output: Output): Promise<void> {
  if (!made.has(output.name)) made.set(output.name, makeOutput(output));
  return made.get(output.name)!;
}

async function fill(folder: string): Promise<void> {
  await makeFilm(join(folder, "film.mp4"), 20);
  await runOk("ffmpeg", [
    ..."-v error -y -i".split(" "),
    join(folder, "film.mp4"),
    ..."-c:v copy -c:a libopus -b:a 96k".split(" "),
    join(folder, "opus.mp4"),
  ]);
}

before(async () => {
  site = await PlayerSite.open("elements", keys, fill);
});

after(() => site?.close());

const address = (player: string, output: Output) =>
  site.address(player, `${output.name}/${output.separate ? "index" : "ch1"}.m3u8`);

for (const output of outputs) {
  for (const player of ["hls", "shaka"]) {
    if (!output.rotates) {
      test(`${player} plays ${output.name}`, async () => {
        await ready(output);
        await provePlays(site.browser, address(player, output), { frames: 50 });
      });
      continue;
    }
    test(`${player} plays ${output.name} through the change of keys`, async () => {
      await ready(output);
      const { page, log } = await openPage(site.browser, { width: 640, height: 360 });
      await page.goto(address(player, output));
      const begun = await untilPlaying(page, log, 25);
      assert.ok(begun.currentTime < rotateAt, `it is at ${begun.currentTime} s already`);
      const later = await until("two seconds under the second key", 60, async () => {
        const state = await readState(page);
        assert.equal(state.error, "");
        return state.currentTime > rotateAt + 2 && state;
      });
      assert.ok(later.frames > begun.frames + 25 * (rotateAt + 1 - begun.currentTime), JSON.stringify(later));
      assert.ok(later.audioBytes > begun.audioBytes, "the sound stopped");
      const one = await page.screenshot();
      await until("the picture to move on", 30, async () => (await readState(page)).currentTime > later.currentTime + 1);
      const other = await page.screenshot();
      assert.ok((await contrast(one)) > 20, "the picture is plain");
      assert.ok((await difference(one, other)) > 0.2, "the picture stands still");
      await page.close();
    });
  }
}

// The harness itself: Shaka Packager's encrypted segments, listed as Aircheck lists its own, play in both players.
// When this fails the browser or the harness is at fault, not Aircheck.
import { strict as assert } from "node:assert";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeFilm, shakaPackager } from "./harness/media.ts";
import { PlayerSite } from "./harness/player_site.ts";
import { provePlays } from "./harness/play.ts";
import { runOk } from "./harness/process.ts";

const keyId = Buffer.from("11223344556677889900aabbccddeeff", "hex");
const key = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const keys = { [keyId.toString("hex")]: key.toString("hex") };
let site: PlayerSite;

async function fill(folder: string): Promise<void> {
  await makeFilm(join(folder, "film.mp4"), 12);
  await runOk(shakaPackager(), [
    `in=${folder}/film.mp4,stream=video,init_segment=${folder}/init.mp4,segment_template=${folder}/s-$Number%03d$.m4s`,
    "--enable_raw_key_encryption",
    "--protection_scheme=cenc",
    "--clear_lead=0",
    `--keys=key_id=${keyId.toString("hex")}:key=${key.toString("hex")}`,
    "--segment_duration=2",
  ]);
  const segments = readdirSync(folder)
    .filter((name) => name.endsWith(".m4s"))
    .sort();
  assert.equal(segments.length, 6);
  const clearKeyUri = `data:text/plain;base64,${keyId.toString("base64")}`;
  const playlist = [
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    "#EXT-X-TARGETDURATION:2",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="${clearKeyUri}",KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1"`,
    `#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="/key/${keyId.toString("hex")}",KEYFORMAT="identity"`,
    '#EXT-X-MAP:URI="init.mp4"',
    "#EXT-X-PROGRAM-DATE-TIME:2026-02-25T14:30:00.000Z",
    ...segments.flatMap((name) => ["#EXTINF:2.0,", name]),
    "#EXT-X-ENDLIST",
  ];
  writeFileSync(join(folder, "index.m3u8"), playlist.join("\n") + "\n");
}

before(async () => {
  site = await PlayerSite.open("control", keys, fill);
});

after(() => site?.close());

for (const player of ["hls", "shaka"]) {
  test(`${player} plays a packaged film`, async () => {
    const state = await provePlays(site.browser, site.address(player, "index.m3u8"), { audio: false });
    const route = player === "hls" ? "POST /license" : `GET /key/${keyId.toString("hex")}`;
    assert.ok(site.server.requests.includes(route), `no ${route} among the requests`);
    const at = state.utcMs! - Date.parse("2026-02-25T14:30:00Z");
    assert.ok(Math.abs(at - state.currentTime * 1000) < 100, `${at} ms is not the play position`);
    site.server.requests.length = 0;
  });
}

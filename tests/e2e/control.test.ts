// The harness itself: Shaka Packager's encrypted segments, listed as Aircheck lists its own, play in both players.
// When this fails the browser or the harness is at fault, not Aircheck.
import { strict as assert } from "node:assert";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./harness/browser.ts";
import { makeFilm, pageFolder, shakaPackager } from "./harness/media.ts";
import { provePlays } from "./harness/play.ts";
import { runOk } from "./harness/process.ts";
import { clearKeyLicences, rawKeys, StaticServer } from "./harness/static_server.ts";

const keyId = Buffer.from("11223344556677889900aabbccddeeff", "hex");
const key = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const keys = { [keyId.toString("hex")]: key.toString("hex") };
let folder: string;
let server: StaticServer;
let browser: Browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "aircheck-control-"));
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
  test(`${player} plays a packaged film`, async () => {
    const query = new URLSearchParams({ src: `${server.url}/media/index.m3u8`, license: `${server.url}/license` });
    const state = await provePlays(browser, `${server.url}/pages/${player}.html?${query}`, { audio: false });
    const route = player === "hls" ? "POST /license" : `GET /key/${keyId.toString("hex")}`;
    assert.ok(server.requests.includes(route), `no ${route} among the requests`);
    const at = state.utcMs! - Date.parse("2026-02-25T14:30:00Z");
    assert.ok(Math.abs(at - state.currentTime * 1000) < 100, `${at} ms is not the play position`);
    server.requests.length = 0;
  });
}

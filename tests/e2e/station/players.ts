// Players other than the page: hls.js by the licence route, ffmpeg, mpv, and VLC on the AES-128 form.
import { strict as assert } from "node:assert";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openPage, startChromium } from "../harness/browser.ts";
import { mpvPlays } from "../harness/mpv.ts";
import { provePlays, readState, untilPlaying } from "../harness/play.ts";
import { run, runOk, until } from "../harness/process.ts";
import { kProgrammeSeconds, kSegmentSeconds, type Station } from "../harness/station.ts";

/** ffmpeg decodes `seconds` of a stream and stops at the first thing that is wrong. */
async function ffmpegPlays(url: string, seconds: number): Promise<void> {
  const played = await runOk(
    "ffmpeg",
    [
      "-nostdin",
      "-v",
      "error",
      "-xerror",
      "-i",
      url,
      "-t",
      String(seconds),
      "-map",
      "0:v:0",
      "-map",
      "0:a:0",
      "-f",
      "framecrc",
      "-",
    ],
    { seconds: 90 },
  );
  assert.equal(played.stderr, "");
  const frames = played.stdout.split("\n").filter((line) => line.startsWith("0,")).length;
  assert.ok(frames >= seconds * 25 - 5, `${frames} frames of ${seconds} s`);
}

/** VLC gets ten seconds of pictures. How long it runs is by the wall clock, and it may take long to begin. */
async function vlcPlays(url: string): Promise<void> {
  const wanted = 10 * 25;
  const first = await vlcFrames(url, 14);
  if (first >= wanted) return;
  const again = await vlcFrames(url, 60);
  assert.ok(again >= wanted, `VLC got ${first} frames in 14 s and ${again} in 60 s`);
}

/** VLC, which refuses to run as root, copies the decrypted stream to a file that ffmpeg then decodes. */
async function vlcFrames(url: string, seconds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "aircheck-vlc-"));
  chmodSync(folder, 0o777);
  try {
    const file = join(folder, "out.ts");
    const words = [
      "cvlc",
      "-I",
      "dummy",
      "--no-media-library",
      "--run-time",
      String(seconds),
      "--sout",
      `#std{access=file,mux=ts,dst=${file}}`,
      url,
      "vlc://quit",
    ];
    const asNobody =
      process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : [];
    const [program, ...rest] = [...asNobody, ...words];
    const vlc = await run(program!, rest, {
      seconds: seconds * 3 + 60,
      env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder },
    });
    assert.ok(existsSync(file), `VLC wrote nothing: ${vlc.stderr.slice(-2000)}`);
    const counted = await runOk("ffprobe", [
      "-v",
      "error",
      "-count_frames",
      "-select_streams",
      "v:0",
      "-show_entries",
      "stream=nb_read_frames",
      "-of",
      "csv=p=0",
      file,
    ]);
    const decoded = await runOk("ffmpeg", ["-nostdin", "-v", "error", "-i", file, "-map", "0:v:0", "-f", "null", "-"]);
    assert.equal(decoded.stderr, "");
    return Number(counted.stdout.trim().split("\n")[0]?.replace(",", ""));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function withQuery(url: string, name: string, value: string): string {
  const changed = new URL(url);
  changed.searchParams.set(name, value);
  return changed.href;
}

/** In the page: what hls.js made of the playlists that it has taken so far. */
function hlsDetails(): { details: { deltaUpdateFailed: boolean; fragments: string[] }; playlist: string } {
  const { details } = (window as any).hls.levels[0];
  const fragments = details.fragments.map((fragment: { url: string }) => fragment.url);
  return {
    details: { deltaUpdateFailed: details.deltaUpdateFailed === true, fragments },
    playlist: details.url.replace(/[?&]_HLS_skip=\w+/, ""),
  };
}

export function playerTests(station: () => Station): void {
  /** The page of a player that takes its keys from the licence route, as the viewer. */
  const playerPage = async (player: string, src: string) => {
    const query = new URLSearchParams({
      src: new URL(src, station().url).href,
      license: `${station().url}/api/v1/drm/license`,
      bearer: await station().token(station().viewer),
    });
    return `${station().pages.url}/pages/${player}.html?${query}`;
  };

  describe("players", () => {
    test("hls.js plays with a key from the licence route", async () => {
      const browser = await startChromium();
      try {
        const state = await provePlays(browser, await playerPage("hls", await station().liveUrl("ch1")), { frames: 100 });
        assert.ok(state.licenceUrls.length > 0, "no licence was asked for");
      } finally {
        await browser.close();
      }
    });

    for (const player of ["hls", "shaka"]) {
      test(`${player} begins a start-over at its beginning by itself`, async () => {
        const offered = await station().startOver("ch1");
        const url = await playerPage(player, offered.startover_url);
        const browser = await startChromium();
        try {
          const { page, log } = await openPage(browser, { width: 640, height: 360 });
          const asked = Date.now();
          await page.goto(url);
          const state = await untilPlaying(page, log, 5);
          const position = (state.utcMs! - Date.parse(offered.programme.start)) / 1000;
          const most = 2 + (Date.now() - asked) / 1000;
          assert.ok(position > -1 && position < most, `${position} s into the programme after ${most - 2} s`);
        } finally {
          await browser.close();
        }
      });
    }

    test("hls.js takes the updates of a start-over as deltas and misses nothing", async () => {
      // Early, since deltas begin when the playlist is longer than its skip boundary of six target durations.
      const offered = await station().startOver("ch1", { from: 1, to: 8 });
      const browser = await startChromium();
      try {
        const { page, log } = await openPage(browser, { width: 640, height: 360 });
        const deltas: string[] = [];
        page.on("response", (response) => {
          if (!response.url().includes("_HLS_skip=")) return;
          void response.text().then((text) => text.includes("#EXT-X-SKIP:") && deltas.push(text));
        });
        await page.goto(await playerPage("hls", offered.startover_url));
        await untilPlaying(page, log, 5);
        const known = await until("two deltas", kProgrammeSeconds, async () => {
          const { details, playlist } = await page.evaluate(hlsDetails);
          return deltas.length >= 2 && { ...details, playlist };
        });
        assert.ok(!known.deltaUpdateFailed, "hls.js could not merge a delta");
        const whole = (await (await fetch(known.playlist)).text()).split("\n").filter((line) => line.endsWith(".m4s"));
        const names = (urls: string[]) => urls.map((url) => url.replace(/.*\//, ""));
        assert.deepEqual(names(known.fragments), names(whole).slice(0, known.fragments.length));
        assert.ok(known.fragments.length > 6, `${known.fragments.length} segments`);
        const position = (await readState(page)).currentTime;
        await until("it plays on", 30, async () => (await readState(page)).currentTime > position + 2);
        assert.equal((await readState(page)).error, "");
      } finally {
        await browser.close();
      }
    });

    test("a live playlist is fresh for less than half a target duration", async () => {
      const answer = await fetch(await station().liveUrl("ch1"));
      const age = /max-age=(\d+)/.exec(answer.headers.get("Cache-Control") ?? "")?.[1];
      assert.ok(Number(age) < kSegmentSeconds / 2, `max-age=${age}`);
    });

    test("ffmpeg plays live", async () => ffmpegPlays(await station().liveUrl("ch1"), 10));
    test("mpv plays live", async () => mpvPlays(await station().liveUrl("ch1"), 10));

    test("ffmpeg and mpv play a past programme", async () => {
      const programme = await station().pastProgramme("ch1");
      const url = new URL(programme.catchup_url, station().url).href;
      await ffmpegPlays(url, Math.min(10, kProgrammeSeconds));
      await mpvPlays(url, Math.min(10, kProgrammeSeconds));
    });

    test("ffmpeg plays live and catch-up from the M3U playlist of a device", async () => {
      const { viewer } = station();
      const added = await station().request("POST", "/api/v1/devices", { as: viewer, json: { name: "Kodi" } });
      assert.equal(added.status, 201, added.text);
      const past = await station().pastProgramme("ch1");
      const lines = (await (await fetch(added.json.playlist_url)).text()).split("\n");
      const at = lines.findIndex((line) => line.includes('tvg-id="ch1"'));
      const template = /catchup-source="([^"]*)"/.exec(lines[at]!)![1]!;
      const start = Date.parse(past.start) / 1000;
      const url = template
        .replace("{utc}", String(start))
        .replace("{duration}", String(Date.parse(past.end) / 1000 - start));
      await ffmpegPlays(url, Math.min(10, kProgrammeSeconds));
      await ffmpegPlays(lines[at + 1]!, 5);
      // The guide that the playlist names knows the same channel and programme.
      const guide = await (await fetch(/url-tvg="([^"]*)"/.exec(lines[0]!)![1]!)).text();
      const stamp = past.start.replace(/[^0-9]/g, "");
      assert.match(guide, new RegExp(`<programme start="${stamp} \\+0000" stop="\\d{14} \\+0000" channel="ch1">`));
    });

    test("VLC plays the AES-128 form", async () => {
      await vlcPlays(await station().protectedUrl("ch1", "aes-128"));
    });
  });
}

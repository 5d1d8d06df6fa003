// What a running station refuses, and what fails under it: the reason and the remedy are in the channel's status, the
// other channel plays on, earlier segments stay, and what can come back by itself does.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { makeFilm } from "./harness/media.ts";
import { runOk, until } from "./harness/process.ts";
import { Station, type Answer } from "./harness/station.ts";

interface Status {
  cdn_channel_key: string;
  state: string;
  reason: string | null;
  pid: number | null;
  failures: number;
  segments: number;
}

let station: Station;
let sources: string;
let bystander: Status;
let kept: Map<string, string>; // ch2's first segments and what is in them
let keptFromMs: number;
let keptToMs: number;

const segmentFolder = (channel: string) => join(station.state, "state", "segments", channel);
const digest = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

function segmentsOf(channel: string): Map<string, string> {
  const names = readdirSync(segmentFolder(channel)).filter((name) => name.endsWith(".m4s"));
  return new Map(names.sort().map((name) => [name, digest(join(segmentFolder(channel), name))]));
}

function assertKept(channel: string, expected: Map<string, string>): void {
  const now = segmentsOf(channel);
  for (const [name, content] of expected) assert.equal(now.get(name), content, `${channel}/${name} is another file`);
}

async function statusOf(channel: string): Promise<Status> {
  const answer = await station.get("/api/v1/admin/simlive/status", station.admin);
  return answer.json.items.find((item: Status) => item.cdn_channel_key === channel);
}

const untilState = (channel: string, wanted: RegExp, seconds = 60) =>
  until(`${channel} to be ${wanted}`, seconds, async () => {
    const status = await statusOf(channel);
    return wanted.test(status.state) && status;
  });

const untilSegments = (channel: string, more: number, seconds = 60) =>
  statusOf(channel).then(({ segments }) =>
    until(`${more} more segments of ${channel}`, seconds, async () => {
      const now = await statusOf(channel);
      return now.segments >= segments + more && now;
    }),
  );

async function order(channel: string, what: "start" | "stop" | "restart"): Promise<void> {
  const answer = await station.request("POST", `/api/v1/admin/simlive/${channel}/${what}`, { as: station.admin });
  assert.equal(answer.status, 200, answer.text);
}

async function change(channel: string, variables: Record<string, unknown>): Promise<Answer> {
  return station.request("PATCH", `/api/v1/admin/channels/${channel}`, {
    as: station.admin,
    headers: { "If-Match": "*" },
    json: { variables },
  });
}

/** A signed-in viewer's playlist; problems are answers, too. */
const playlist = (channel: string, query: string, file = "main.m3u8") =>
  station.get(`/hls/${channel}/${file}?${query}`, station.viewer);

before(async () => {
  station = await Station.start();
  sources = join(station.state, "state", "sources");
  await makeFilm(join(sources, "good.mp4"), 4);
  for (const channel of ["ch2", "ch3"]) {
    const changed = await change(channel, { source: "good.mp4", width: 320, height: 180, "video-bitrate": 200 });
    assert.equal(changed.status, 200, changed.text);
  }
  bystander = await statusOf("ch1");
  await order("ch2", "start");
  await untilSegments("ch2", 3);
  kept = segmentsOf("ch2");
  assert.ok(kept.size >= 3);
  const media = (await playlist("ch2", "kind=live")).text;
  const dates = [...media.matchAll(/#EXT-X-PROGRAM-DATE-TIME:(\S+)/g)].map((match) => Date.parse(match[1]!));
  [keptFromMs, keptToMs] = [dates.at(-2)!, dates.at(-1)! + 100];
});

after(async () => {
  await station?.stop();
});

describe("sources that are refused", () => {
  const table: { name: string; source?: string; make?: (path: string) => void; says: RegExp }[] = [
    { name: "missing.mp4", says: /no such file in .*; put it there or change the channel's source$/ },
    { name: "empty.mp4", make: (path) => writeFileSync(path, ""), says: /is empty; copy it again$/ },
    {
      name: "cut.mp4",
      make: (path) => {
        copyFileSync(join(sources, "good.mp4"), path);
        truncateSync(path, 60_000);
      },
      says: /is damaged or cut short .*; copy it again$/,
    },
    { name: "notes.mp4", make: (path) => writeFileSync(path, "no film\n"), says: /is not a film .*; give a media file/ },
    { name: "page.html", make: (path) => writeFileSync(path, "<!doctype html>\n"), says: /is not a film .*; give/ },
    { name: "folder.mp4", make: (path) => mkdirSync(path), says: /is not a file; give a media file$/ },
    { name: "pipe.mp4", make: (path) => spawnSync("mkfifo", [path]), says: /is not a file; give a media file$/ },
    { name: "device.mp4", make: (path) => symlinkSync("/dev/zero", path), says: /leads out of .*: put the film itself/ },
    { name: "station.db", source: "../station.db", says: /leads out of .*: put the film itself there$/ },
    { name: "passwd", source: "/etc/passwd", says: /leads out of .*: put the film itself there$/ },
  ];
  for (const { name, source = name, make, says } of table) {
    test(source, async () => {
      make?.(join(sources, name));
      assert.equal((await change("ch2", { source })).status, 200);
      await order("ch2", "restart");
      // Not backoff: trying again by itself would change nothing.
      const { reason, segments } = await untilState("ch2", /^(failed|backoff)$/);
      assert.equal((await statusOf("ch2")).state, "failed", reason ?? "");
      assert.match(reason!, says);
      assert.ok(reason!.includes(name) && !reason!.includes("\n"), reason!);
      assert.ok(segments >= kept.size);
      assertKept("ch2", kept);
    });
  }

  test("a name with a line break is refused at once", async () => {
    const answer = await change("ch2", { source: "good.mp4\n" });
    assert.equal(answer.status, 400);
    assert.match(answer.headers.get("Content-Type")!, /^application\/problem\+json/);
    assert.match(answer.json.detail, /"variables\.source" has to be a string of one line/);
  });

  test("nobody begins to watch a channel that is off air, and what was on air plays", async () => {
    const off = await until("the live playlist to hold nothing", 60, async () => {
      const answer = await playlist("ch2", "kind=live", "index.m3u8");
      return answer.status !== 200 && answer;
    });
    assert.equal(off.status, 503, off.text);
    assert.equal(off.json.code, "not_on_air");
    assert.ok(Number(off.headers.get("Retry-After")) > 0);
    const running = await playlist("ch2", "kind=live");
    assert.equal(running.status, 200, "who watches already waits in the hole");
    assert.match(running.text, /#EXT-X-GAP/);
    const [start, end] = [keptFromMs, keptToMs].map((ms) => new Date(ms).toISOString());
    const past = await playlist("ch2", `kind=startover&start=${start}&end=${end}`);
    assert.equal(past.status, 200, past.text);
    const names = past.text.split("\n").filter((line) => line.endsWith(".m4s"));
    assert.ok(names.length >= 2, past.text);
    for (const name of names) assert.equal((await station.get(`/hls/ch2/${name}`)).status, 200, name);
  });

  test("a good one plays again", async () => {
    assert.equal((await change("ch2", { source: "good.mp4" })).status, 200);
    await order("ch2", "restart");
    const { reason } = await untilState("ch2", /^running$/);
    assert.equal(reason, null);
    await untilSegments("ch2", 1);
    assert.equal((await playlist("ch2", "kind=live", "index.m3u8")).status, 200);
  });
});

describe("a source that goes away while it plays", () => {
  const good = () => join(sources, "good.mp4");
  const away = () => join(sources, "away.mp4");
  const ways: { what: string; harm: () => void; says: RegExp }[] = [
    { what: "vanishes", harm: () => renameSync(good(), away()), says: /good\.mp4: no such file; put it there/ },
    {
      what: "is cut short where it lies",
      harm: () => {
        copyFileSync(good(), away());
        truncateSync(good(), 20_000);
      },
      says: /good\.mp4: .*(copy it again|restart the channel)/,
    },
  ];
  for (const { what, harm, says } of ways) {
    test(what, async () => {
      const { pid, failures } = await untilState("ch2", /^running$/);
      harm();
      const told = await until("the status to say it", 60, async () => {
        const status = await statusOf("ch2");
        return status.reason !== null && status;
      });
      assert.equal(told.state, "running", "black and silence are on air");
      assert.match(told.reason!, says);
      await untilSegments("ch2", 2);
      renameSync(away(), good());
      const again = await until("the source to play again", 60, async () => {
        const status = await statusOf("ch2");
        return status.reason === null && status;
      });
      assert.deepEqual([again.state, again.pid, again.failures], ["running", pid, failures], "without a restart");
      assertKept("ch2", kept);
    });
  }
});

describe("a disk that takes nothing", () => {
  test("a file stands where the channel's folder should be", async () => {
    rmSync(segmentFolder("ch4"), { recursive: true, force: true });
    writeFileSync(segmentFolder("ch4"), "");
    await order("ch4", "start");
    const { reason } = await untilState("ch4", /^(failed|backoff)$/);
    assert.match(reason!, /segments\/ch4 exists and is not a directory: give a directory that user \d+ can write/);
    await order("ch4", "stop");
  });

  test("it fills up, and is emptied again", async (context: TestContext) => {
    const disk = segmentFolder("ch3");
    mkdirSync(disk, { recursive: true });
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
    if (mounted.status !== 0) {
      const why = `NOT TESTED: a full disk under a running station, because nobody may mount here: ${mounted.stderr}`;
      console.error(`\n*** ${why}\n`);
      context.diagnostic(why);
      return;
    }
    try {
      await order("ch3", "start");
      await untilSegments("ch3", 2);
      const before = segmentsOf("ch3");
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, "filler"), Buffer.alloc(Math.max(0, bavail - 2) * bsize));
      const { pid } = await statusOf("ch3");
      const { state, reason } = await until("the full disk to be told", 60, async () => {
        const status = await statusOf("ch3");
        return status.reason !== null && status;
      });
      assert.equal(state, "running", "the channel stays on air: it loses segments only");
      assert.match(reason!, /segments\/ch3\/.*No space left on device; free space on that disk/);
      assertKept("ch3", before);
      rmSync(join(disk, "filler"));
      await untilSegments("ch3", 2, 90);
      assertKept("ch3", before);
      await until("the trouble to be over", 60, async () => (await statusOf("ch3")).reason === null);
      assert.equal((await statusOf("ch3")).pid, pid, "the worker is the same");
      assert.deepEqual(
        readdirSync(disk).filter((name) => name.endsWith(".part") && !name.startsWith(".")),
        [],
      );
      const media = (await playlist("ch3", "kind=live")).text;
      assert.match(media, /#EXT-X-GAP[^]*#EXT-X-DISCONTINUITY\n/, "the hole is in the playlist");
    } finally {
      await order("ch3", "stop");
      await untilState("ch3", /^stopped$/);
      await runOk("umount", [disk]);
    }
  });
});

test("the other channel has noticed nothing", async () => {
  const now = await statusOf("ch1");
  assert.deepEqual([now.state, now.pid, now.failures, now.reason], ["running", bystander.pid, 0, null]);
  const media = (await playlist("ch1", `kind=startover&start=${new Date(station.onAirMs).toISOString()}`)).text;
  assert.doesNotMatch(media, /#EXT-X-GAP/);
  assert.equal(media.split("#EXT-X-DISCONTINUITY\n").length - 1, 0);
  const numbers = media.split("\n").filter((line) => line.endsWith(".m4s"));
  assert.ok(numbers.length > bystander.segments, `${numbers.length} segments`);
  const dates = [...media.matchAll(/#EXT-X-PROGRAM-DATE-TIME:(\S+)/g)].map((match) => Date.parse(match[1]!));
  const lengths = [...media.matchAll(/#EXTINF:([\d.]+)/g)].map((match) => Number(match[1]) * 1000);
  for (let i = 1; i < dates.length; ++i) {
    assert.ok(Math.abs(dates[i - 1]! + lengths[i - 1]! - dates[i]!) <= 1, `a hole before ${media.split("\n")[i]}`);
  }
});

// The daemon is killed again and again while a channel is on the air: no segment, no row and no number is lost.
import { strict as assert } from "node:assert";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildRoot } from "./harness/media.ts";
import { run, runOk, until } from "./harness/process.ts";
import { Station, kSegmentSeconds } from "./harness/station.ts";

const kKills = Number(process.env.AIRCHECK_TEST_KILLS ?? 20);

interface Row {
  name: string;
  sequence: number;
  startNs: bigint;
  durationNs: bigint;
}

let station: Station;
before(async () => {
  station = await Station.start();
});
after(async () => {
  await station?.stop();
});

async function status(): Promise<any> {
  const answer = await station.get("/api/v1/admin/simlive/status", station.admin);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.items.find((item: { cdn_channel_key: string }) => item.cdn_channel_key === "ch1");
}

const folder = () => join(station.state, "state", "segments", "ch1");
const segmentFiles = () => readdirSync(folder()).filter((name) => /^ch1-\d{14}.*\.m4s$/.test(name)).sort();

/** What the files themselves say, read by aircheck-inspect. */
async function rowsOfFiles(names: string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of names) {
    const program = join(buildRoot(), "plugins", "core", "aircheck-inspect");
    const { stdout } = await runOk(program, ["--json", join(folder(), name)]);
    const segment = JSON.parse(stdout).segment;
    rows.push({
      name,
      sequence: segment.sequence,
      startNs: BigInt(segment.start_ns),
      durationNs: BigInt(segment.duration_ns),
    });
  }
  return rows;
}

/** The rows that the daemon offers, from an event playlist over everything. */
async function listedNames(): Promise<string[]> {
  const first = segmentFiles()[0]!;
  const [, y, mo, d, h, mi, s] = /-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(first)!;
  const start = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)) / 1000;
  const live = new URL(await station.liveUrl("ch1"));
  live.pathname = live.pathname.replace("index.m3u8", "main.m3u8");
  const answer = await station.get("/api/v1/tstv/startover/ch1", station.viewer);
  const url = new URL(answer.json.startover_url ?? live.href, station.url);
  url.pathname = live.pathname;
  url.searchParams.delete("programme");
  url.searchParams.set("kind", "startover");
  url.searchParams.set("start", String(start));
  const playlist = await fetch(url);
  const text = await playlist.text();
  assert.equal(playlist.status, 200, `${url.pathname}: ${text}`);
  assert.ok(!text.includes("#EXT-X-GAP"), `a hole while the worker ran:\n${text}`);
  return text.split("\n").filter((line) => line.endsWith(".m4s")).map((line) => line.slice(line.lastIndexOf("/") + 1));
}

test(`${kKills} SIGKILLs of the daemon cost nothing`, { timeout: 600_000 }, async () => {
  await until("two segments", 60, () => segmentFiles().length >= 2);
  const pid = (await status()).pid;
  assert.ok(pid > 0, "the worker's process id");

  // A fixed sequence of moments, so that a failure can be repeated.
  let random = 12345;
  for (let kill = 0; kill < kKills; ++kill) {
    random = (random * 1103515245 + 12345) % 2147483648;
    await new Promise((resolve) => setTimeout(resolve, (random / 2147483648) * 1000));
    await station.kill();
    await station.launch();
    const now = await until("the worker's re-adoption", 20, async () => {
      const found = await status();
      return found.state === "running" && found;
    });
    assert.equal(now.pid, pid, `after kill ${kill + 1} another worker runs`);
  }
  assert.equal((await run("kill", ["-0", String(pid)])).code, 0);

  const settled = segmentFiles().length + 2;
  await until("two more segments", 30, () => segmentFiles().length >= settled);
  const files = segmentFiles();
  const rows = await rowsOfFiles(files);
  for (let i = 1; i < rows.length; ++i) {
    assert.equal(rows[i]!.sequence, rows[i - 1]!.sequence + 1, `numbers between ${rows[i - 1]!.name} and ${rows[i]!.name}`);
    assert.equal(rows[i]!.startNs, rows[i - 1]!.startNs + rows[i - 1]!.durationNs, `time before ${rows[i]!.name}`);
  }
  const whole = rows.at(-1)!.startNs + rows.at(-1)!.durationNs - rows[0]!.startNs;
  assert.equal(rows.reduce((sum, row) => sum + row.durationNs, 0n), whole);
  assert.ok(rows.every((row) => Number(row.durationNs) <= (kSegmentSeconds + 0.5) * 1e9));

  await until("every file to be listed", 20, async () => {
    const listed = await listedNames();
    return files.every((name) => listed.includes(name));
  });
  const listed = await listedNames();
  assert.equal(new Set(listed).size, listed.length, "a row twice");
  assert.deepEqual(listed.slice(0, files.length), files);
});

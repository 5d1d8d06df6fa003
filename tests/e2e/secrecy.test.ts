// After a run at full debug level, no key in any form stands anywhere outside secrets/.
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { until } from "./harness/process.ts";
import { Station } from "./harness/station.ts";

let station: Station;
let dots: string;
before(async () => {
  dots = mkdtempSync(join(tmpdir(), "aircheck-dots-"));
  station = await Station.start({
    G_MESSAGES_DEBUG: "all",
    G_DBUS_DEBUG: "all", // would print each message between daemon and worker, keys included
    GST_DEBUG: "*:5,*cenc*:9,*fmp4*:9,GST_CAPS:9",
    GST_DEBUG_DUMP_DOT_DIR: dots,
  });
});
after(async () => {
  await station?.stop();
  rmSync(dots, { recursive: true, force: true });
});

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

function formsOf(key: Buffer): { form: string; bytes: Buffer }[] {
  const hex = key.toString("hex");
  const dashed = hex.replace(/(..)(?=.)/g, "$1 ");
  return [
    { form: "raw", bytes: key },
    { form: "hex", bytes: Buffer.from(hex) },
    { form: "upper-case hex", bytes: Buffer.from(hex.toUpperCase()) },
    { form: "spaced hex", bytes: Buffer.from(dashed) },
    { form: "GVariant text", bytes: Buffer.from(`0x${dashed.replaceAll(" ", ", 0x")}`) },
    { form: "base64", bytes: Buffer.from(key.toString("base64").replace(/=+$/, "")) },
    { form: "base64url", bytes: Buffer.from(key.toString("base64url")) },
  ];
}

/** The process ids of the daemon and of everything that says so in its command line. */
function processes(): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return name === String(station.pid) || readFileSync(`/proc/${name}/cmdline`, "latin1").includes(station.state);
    } catch {
      return false; // it has ended
    }
  });
}

test("no key outside secrets/: state, logs, dot files, /proc", { timeout: 240_000 }, async () => {
  const live = new URL(await station.liveUrl("ch1"));
  live.pathname = live.pathname.replace("index.m3u8", "main.m3u8");
  const media = await until("a live playlist", 60, async () => {
    const answer = await fetch(live);
    const text = await answer.text();
    return answer.ok && text.includes("#EXTINF") && text;
  });
  const keys: Buffer[] = [];
  const aes = await fetch(await station.protectedUrl("ch1", "aes-128"));
  for (const text of [media, await aes.text()]) {
    const uris = [...text.matchAll(/#EXT-X-KEY:[^\n]*URI="(?!data:)([^"]+)"/g)].map((match) => match[1]!);
    assert.ok(uris.length > 0, text);
    for (const uri of uris) {
      const answer = await fetch(new URL(uri, live));
      assert.equal(answer.status, 200);
      keys.push(Buffer.from(await answer.arrayBuffer()));
    }
  }
  assert.equal(new Set(keys.map((key) => key.toString("hex"))).size, 2, "AES-128 has a key of its own");

  const state = join(station.state, "state");
  const needles = keys.flatMap(formsOf);
  const found: string[] = [];
  let searched = 0;
  const search = (name: string, bytes: Buffer) => {
    ++searched;
    for (const { form, bytes: needle } of needles) {
      if (bytes.includes(needle)) found.push(`${name}: a key as ${form}`);
    }
  };
  // The search itself must be able to find.
  search("bait", Buffer.concat([Buffer.from("x"), keys[0]!]));
  assert.equal(found.length, 1);
  found.length = 0;

  for (const path of filesBelow(station.state)) {
    if (relative(state, path).startsWith("secrets/")) continue;
    search(relative(station.state, path), readFileSync(path));
  }
  for (const path of filesBelow(dots)) search(relative(dots, path), readFileSync(path));
  const pids = processes();
  assert.ok(pids.length >= 2, "the daemon and a worker");
  for (const pid of pids) {
    for (const name of ["cmdline", "environ"]) search(`/proc/${pid}/${name}`, readFileSync(`/proc/${pid}/${name}`));
  }
  assert.ok(searched > 10);
  const log = readFileSync(join(state, "logs", "ch1.log"), "utf8");
  assert.match(log, /cencenc/, "the worker's log was not at debug level, so the search proves nothing");
  assert.deepEqual(found, []);
  assert.equal(statSync(join(state, "secrets")).mode & 0o777, 0o700);
  for (const path of filesBelow(join(state, "secrets"))) assert.equal(statSync(path).mode & 0o077, 0, path);
});

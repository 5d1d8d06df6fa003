import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRoute, parseRoute, type Route } from "../src/route.ts";
import { duration, localDay, utcClock } from "../src/time.ts";

test("durations read like a player's", () => {
  const table: [number, string][] = [
    [0, "0:00"],
    [9.9, "0:09"],
    [75, "1:15"],
    [600, "10:00"],
    [3675, "1:01:15"],
    [-4, "0:00"],
  ];
  for (const [seconds, words] of table) assert.equal(duration(seconds), words);
});

test("the clock is UTC wherever the viewer is", () => {
  assert.equal(utcClock(new Date("2026-02-25T14:30:05.999Z")), "14:30:05");
});

test("days are named from the viewer's own midnight", () => {
  const noon = new Date(2026, 1, 25, 12).getTime();
  const at = (day: number, hour: number) => new Date(2026, 1, day, hour).toISOString();
  assert.equal(localDay(at(25, 0), noon), "Today");
  assert.equal(localDay(at(24, 23), noon), "Yesterday");
  assert.match(localDay(at(23, 23), noon), /23/);
});

test("an address says what is on the screen and is read back", () => {
  const routes: Route[] = [
    { channel: "ch1", kind: "live" },
    { channel: "ch1", kind: "startover" },
    { channel: "ch1", kind: "catchup", programme: "0b54a1f2-5d0f-4c1e-9f4e-2f6b1a7d3c55" },
    { channel: "a/b %", kind: "live" },
  ];
  for (const route of routes) assert.deepEqual(parseRoute(formatRoute(route)), route);
  assert.equal(parseRoute(""), null);
  assert.deepEqual(parseRoute("#/100%"), { channel: "100%", kind: "live" });
  assert.deepEqual(parseRoute("#/ch1/catchup"), { channel: "ch1", kind: "live" });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../src/api/client.ts";
import { Session } from "../src/api/session.ts";
import { PageViewing, Viewing, type Heartbeat } from "../src/api/viewing.ts";

interface Asked {
  method: string;
  path: string;
  body: Record<string, unknown> | null;
}

/** A signed-in client of a station that answers `answer`, and what it asked. */
function station(answer: (asked: Asked) => [number, object]) {
  const asked: Asked[] = [];
  const request: typeof fetch = async (input, init) => {
    if (String(input).endsWith("/auth/refresh"))
      return Response.json({ access_token: "a", expires_in: 900, refresh_token: "r" });
    const body = typeof init?.body === "string" ? (JSON.parse(init.body) as Record<string, unknown>) : null;
    const one = { method: init?.method ?? "GET", path: String(input), body };
    asked.push(one);
    const [status, json] = answer(one);
    return Response.json(json, { status });
  };
  const store = { getItem: () => "r", setItem: () => undefined, removeItem: () => undefined };
  return { asked, client: new Client(new Session(store, request), request) };
}

const viewed = { channel_id: "ch1", schedule_entry_id: "p", kind: "catchup" } as const;
const beat = (position_seconds: number): Heartbeat => ({ position_seconds, stalls: 0, bitrate: null, dropped_frames: 0 });
const started = (id: string): [number, object] => [201, { id, heartbeat_seconds: 0.001 }];

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("starts, tells and stops", async () => {
  const { asked, client } = station(({ method }) => (method === "POST" ? started("s") : [200, {}]));
  let position = 0;
  const viewing = new Viewing(client, viewed, () => beat(++position));
  await viewing.start();
  viewing.failed("no picture");
  await until(() => asked.filter(({ method }) => method === "PUT").length >= 2);
  viewing.stop();
  await until(() => asked.at(-1)?.method === "DELETE");
  const [first, second, third] = asked;
  assert.deepEqual(first?.body, { ...viewed, position_seconds: 1 });
  assert.equal(second?.path, "/api/v1/tstv/sessions/s");
  assert.equal(second?.body?.["error"], "no picture");
  assert.equal(third?.body?.["error"], undefined);
  assert.equal(asked.at(-1)?.path, "/api/v1/tstv/sessions/s");
});

test("a session that the station ended is begun anew", async () => {
  let sessions = 0;
  const { asked, client } = station(({ method, path }) => {
    if (method === "POST") return started(`s${++sessions}`);
    return path.endsWith("s1") ? [409, { code: "session_ended" }] : [200, {}];
  });
  const viewing = new Viewing(client, viewed, () => beat(5));
  await viewing.start();
  await until(() => asked.some(({ method, path }) => method === "PUT" && path.endsWith("s2")));
  viewing.stop();
  await until(() => asked.at(-1)?.method === "DELETE");
  assert.equal(sessions, 2);
});

test("a player that is gone before the session began ends it", async () => {
  const { asked, client } = station(() => started("s"));
  const viewing = new Viewing(client, viewed, () => null);
  const starting = viewing.start();
  viewing.stop();
  await starting;
  await until(() => asked.at(-1)?.method === "DELETE");
  assert.deepEqual(
    asked.map(({ method }) => method),
    ["POST", "DELETE"],
  );
});

test("what the station refuses does not reach the player", async () => {
  const { asked, client } = station(() => [403, { code: "window_expired" }]);
  const viewing = new Viewing(client, viewed, () => beat(5));
  await viewing.start();
  viewing.stop();
  assert.equal(asked.length, 1);
});

test("a page that goes away waits for no answer", async () => {
  const { asked, client } = station(({ method }) => {
    if (method === "PUT") throw new TypeError("nobody is there for it");
    return method === "POST" ? [201, { id: "s", heartbeat_seconds: 30 }] : [200, {}];
  });
  const viewing = new Viewing(client, viewed, () => beat(5));
  await viewing.start();
  viewing.stop(true);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(
    asked.map(({ method }) => method),
    ["POST", "PUT", "DELETE"],
  );
});

test("a page that comes back begins another session", async () => {
  let sessions = 0;
  const { asked, client } = station(({ method }) => (method === "POST" ? started(`s${++sessions}`) : [200, {}]));
  const told = (method: string, id: string) => asked.some((one) => one.method === method && one.path.endsWith(id));
  const page = new EventTarget();
  const show = (persisted: boolean) => page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted }));
  const viewing = new PageViewing(() => new Viewing(client, viewed, () => beat(5)), page);
  await until(() => told("PUT", "s1"));
  show(false);
  page.dispatchEvent(new Event("pagehide"));
  await until(() => told("DELETE", "s1"));
  assert.equal(sessions, 1, "the page was there all the time");
  show(true);
  await until(() => told("PUT", "s2"));
  viewing.stop();
  await until(() => told("DELETE", "s2"));
  show(true);
  page.dispatchEvent(new Event("pagehide"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sessions, 2, "another player has the page now");
  assert.equal(asked.filter(({ method }) => method === "DELETE").length, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../src/api/client.ts";
import { Problem } from "../src/api/problem.ts";
import { Session, type TokenStore } from "../src/api/session.ts";

class MemoryStore implements TokenStore {
  readonly values = new Map<string, string>();
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => void this.values.set(name, value);
  removeItem = (name: string) => void this.values.delete(name);
}

type Answer = { status?: number; body: unknown; type?: string; headers?: Record<string, string> };
interface Seen {
  path: string;
  authorization: string | null;
  body: unknown;
}

/** A station that gives its answers in order and remembers what it was asked. */
function station(...answers: Answer[]) {
  const seen: Seen[] = [];
  const request: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    const body = typeof init?.body === "string" ? (JSON.parse(init.body) as unknown) : null;
    seen.push({ path: String(input), authorization: headers.get("Authorization"), body });
    const answer = answers.shift();
    if (!answer) throw new TypeError("fetch failed");
    return new Response(JSON.stringify(answer.body), {
      status: answer.status ?? 200,
      headers: { "Content-Type": answer.type ?? "application/json", ...answer.headers },
    });
  };
  return { seen, request };
}

const signedIn = (n: number): Answer => ({
  body: { access_token: `access-${n}`, expires_in: 900, refresh_token: `refresh-${n}` },
});
const problem = (status: number, fields: object, headers?: Record<string, string>): Answer => ({
  status,
  body: fields,
  type: "application/problem+json",
  ...(headers ? { headers } : {}),
});

test("signing in keeps the access token out of the store", async () => {
  const store = new MemoryStore();
  const { seen, request } = station(signedIn(1));
  const session = new Session(store, request);
  assert.equal(session.signedIn, false);
  await session.signIn("viewer@example.org", "secret");
  assert.equal(session.signedIn, true);
  assert.deepEqual([...store.values.values()], ["refresh-1"]);
  assert.equal(await session.token(), "access-1");
  assert.deepEqual(
    seen.map(({ path }) => path),
    ["/api/v1/auth/login"],
  );
});

test("a refusal is the station's own sentence", async () => {
  const { request } = station(
    problem(401, { code: "wrong_password", title: "Sign-in failed", detail: "E-mail or password is wrong." }),
  );
  const refused = new Session(new MemoryStore(), request).signIn("a@b", "c");
  await assert.rejects(
    refused,
    (error: Problem) => error.status === 401 && error.message === "E-mail or password is wrong.",
  );
});

test("without a detail the title is shown, without both the status", async () => {
  const { request } = station(problem(403, { title: "Not allowed" }), { status: 502, body: "x", type: "text/html" });
  const session = new Session(new MemoryStore(), request);
  await assert.rejects(session.signIn("a@b", "c"), { message: "Not allowed" });
  await assert.rejects(session.signIn("a@b", "c"), { message: "The station answered with status 502." });
});

test("a station that does not answer is named as such", async () => {
  const session = new Session(new MemoryStore(), station().request);
  await assert.rejects(session.signIn("a@b", "c"), { message: /cannot be reached/ });
});

test("an old access token is renewed once for all who ask, and the refresh token rotates", async () => {
  let nowMs = 0;
  const store = new MemoryStore();
  const { seen, request } = station(signedIn(1), signedIn(2));
  const session = new Session(store, request, () => nowMs);
  await session.signIn("a@b", "c");
  nowMs = 880_000;
  assert.deepEqual(await Promise.all([session.token(), session.token()]), ["access-2", "access-2"]);
  assert.deepEqual(seen[1]?.body, { refresh_token: "refresh-1" });
  assert.deepEqual([...store.values.values()], ["refresh-2"]);
  assert.equal(seen.length, 2);
});

test("a refused renewal signs out, an unreachable station does not", async () => {
  const store = new MemoryStore();
  store.setItem("aircheck.refresh_token", "refresh-0");
  let told = 0;
  const session = new Session(
    store,
    station(problem(503, { title: "Busy" }), problem(401, { title: "Expired" })).request,
  );
  session.subscribe(() => ++told);
  await assert.rejects(session.token(), { message: "Busy" });
  assert.equal(session.signedIn, true);
  await assert.rejects(session.token(), { message: "Expired" });
  assert.equal(session.signedIn, false);
  assert.equal(session.expired, true);
  assert.equal(told, 1);
});

test("a renewal that answers after signing out does not sign in again", async () => {
  const store = new MemoryStore();
  store.setItem("aircheck.refresh_token", "refresh-0");
  const { request } = station(signedIn(1), { body: {} });
  const session = new Session(store, request);
  const renewal = session.token();
  const out = session.signOut();
  await assert.rejects(renewal, { status: 401 });
  await out;
  assert.equal(session.signedIn, false);
  assert.equal(session.expired, false);
});

test("a call whose token is not taken is made again with a new one", async () => {
  const { seen, request } = station(signedIn(1), problem(401, { title: "Expired" }), signedIn(2), {
    body: { available: false, programme: null, elapsed_seconds: 0, startover_url: null },
  });
  const session = new Session(new MemoryStore(), request);
  await session.signIn("a@b", "c");
  assert.equal((await new Client(session, request).startOver("ch1")).available, false);
  assert.deepEqual(
    seen.map(({ path, authorization }) => [path, authorization]),
    [
      ["/api/v1/auth/login", null],
      ["/api/v1/tstv/startover/ch1", "Bearer access-1"],
      ["/api/v1/auth/refresh", null],
      ["/api/v1/tstv/startover/ch1", "Bearer access-2"],
    ],
  );
});

test("a second refusal is final", async () => {
  const { seen, request } = station(signedIn(1), problem(401, {}), signedIn(2), problem(401, { title: "No" }));
  const session = new Session(new MemoryStore(), request);
  await session.signIn("a@b", "c");
  await assert.rejects(new Client(session, request).startOver("ch1"), { message: "No" });
  assert.equal(seen.length, 4);
});

test("lists are read to their last page", async () => {
  const { seen, request } = station(
    signedIn(1),
    { body: { items: [{ id: "a" }], next_cursor: "n 1" } },
    { body: { items: [{ id: "b" }], next_cursor: null } },
  );
  const session = new Session(new MemoryStore(), request);
  await session.signIn("a@b", "c");
  const channels = await new Client(session, request).channels();
  assert.deepEqual(
    channels.map(({ id }) => id),
    ["a", "b"],
  );
  assert.equal(seen[2]?.path, "/api/v1/channels?limit=500&cursor=n+1");
});

test("only what may change by itself is worth waiting for", () => {
  const table: [number, number | null, number | null][] = [
    [503, 2, 2],
    [409, null, 4],
    [503, 0, 1],
    [503, 3600, 30],
    [403, 5, null],
    [404, null, null],
  ];
  for (const [status, retryAfter, seconds] of table) {
    assert.equal(new Problem(status, "code", "Sentence.", retryAfter).worthWaitingSeconds, seconds);
  }
});

test("Retry-After is kept", async () => {
  const { request } = station(
    signedIn(1),
    problem(409, { code: "not_complete", detail: "Not yet." }, { "Retry-After": "6" }),
  );
  const session = new Session(new MemoryStore(), request);
  await session.signIn("a@b", "c");
  await assert.rejects(new Client(session, request).catchUp("ch1"), { code: "not_complete", retryAfterSeconds: 6 });
});

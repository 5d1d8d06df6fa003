// Who gets no key: the wrong token, one that ran out, and one of another channel.
import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import type { Station } from "../harness/station.ts";
import { withQuery } from "./players.ts";

interface Streams {
  multivariant: string;
  media: string;
  keyUrl: string;
  keyId: string;
  token: string;
}

/** What a player finds on its way from the live address to the key. */
async function follow(station: Station): Promise<Streams> {
  const multivariant = await station.liveUrl("ch1");
  const line = (await (await fetch(multivariant)).text()).split("\n").find((text) => text && !text.startsWith("#"));
  const media = new URL(line!, multivariant).href;
  const playlist = await (await fetch(media)).text();
  const uri = /#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="([^"]+)"[^\n]*KEYFORMAT="identity"/.exec(playlist)?.[1];
  assert.ok(uri, `no identity key in\n${playlist}`);
  const keyUrl = new URL(uri, media).href;
  const keyId = /\/drm\/key\/([0-9a-f]{32})/.exec(keyUrl)![1]!;
  return { multivariant, media, keyUrl, keyId, token: new URL(keyUrl).searchParams.get("token")! };
}

/** The same grant with another end, signed with the station's own key: expired, but genuine. */
function expired(token: string, secret: Buffer): string {
  const bytes = Buffer.from(token, "base64url");
  const grant = Buffer.from(bytes.subarray(0, -32));
  grant.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000) - 60), 3);
  return Buffer.concat([grant, createHmac("sha256", secret).update(grant).digest()]).toString("base64url");
}

async function assertNoKey(what: string, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  assert.ok(response.status === 401 || response.status === 403, `${what}: ${response.status}`);
  assert.match(response.headers.get("Content-Type") ?? "", /^application\/problem\+json/, what);
  assert.ok(JSON.parse(body.toString("utf8")).code, `${what}: no code`);
}

const licenceRequest = (keyId: string) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ kids: [Buffer.from(keyId, "hex").toString("base64url")], type: "temporary" }),
});

export function refusalTests(station: () => Station): void {
  describe("no key", () => {
    test("without a token, with a wrong, an expired or a foreign one", async () => {
      const streams = await follow(station());
      const good = await fetch(streams.keyUrl);
      assert.equal(good.status, 200);
      assert.equal((await good.arrayBuffer()).byteLength, 16);
      assert.equal(good.headers.get("Cache-Control"), "no-store");

      const foreign = new URL(await station().liveUrl("ch2")).searchParams.get("token")!;
      const last = streams.token.at(-1) === "A" ? "B" : "A";
      const bad: Record<string, string> = {
        "an empty token": "",
        "a made-up token": "AAAA",
        "a token with one letter changed":
          streams.token.slice(0, 8) + (streams.token[8] === "A" ? "B" : "A") + streams.token.slice(9),
        "a token with a changed signature": streams.token.slice(0, -1) + last,
        "an expired token": expired(streams.token, station().secret("playback-token.key")),
        "another channel's token": foreign,
      };
      const licence = `${station().url}/api/v1/drm/license`;
      for (const [what, token] of Object.entries(bad)) {
        await assertNoKey(`key, ${what}`, await fetch(withQuery(streams.keyUrl, "token", token)));
        await assertNoKey(
          `licence, ${what}`,
          await fetch(withQuery(licence, "token", token), licenceRequest(streams.keyId)),
        );
        const playlist = await fetch(withQuery(streams.media, "token", token));
        assert.ok(playlist.status === 401 || playlist.status === 403, `playlist, ${what}: ${playlist.status}`);
      }
      const bare = new URL(streams.keyUrl);
      bare.search = "";
      await assertNoKey("key, nothing at all", await fetch(bare));
      await assertNoKey("licence, nothing at all", await fetch(licence, licenceRequest(streams.keyId)));
      const bearer = { headers: { Authorization: "Bearer not.a.token" } };
      await assertNoKey("key, a wrong Bearer", await fetch(bare, bearer));
    });

    test("an unknown key is refused in the same words as a forbidden one", async () => {
      const streams = await follow(station());
      const other = new URL(streams.keyUrl.replace(streams.keyId, "0".repeat(32)));
      const unknown = await fetch(other);
      const foreignToken = new URL(await station().liveUrl("ch2")).searchParams.get("token")!;
      const forbidden = await fetch(withQuery(streams.keyUrl, "token", foreignToken));
      assert.equal(unknown.status, 403);
      assert.equal(forbidden.status, 403);
      const words = async (response: Response) => {
        const { code, title, detail } = (await response.json()) as Record<string, string>;
        return { code, title, detail };
      };
      assert.deepEqual(await words(unknown), await words(forbidden));
    });

    test("each protection has a key of its own", async () => {
      const streams = await follow(station());
      const address = await station().protectedUrl("ch1", "aes-128");
      const playlist = await (await fetch(address)).text();
      const uri = /#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"/.exec(playlist)?.[1];
      assert.ok(uri, `no AES-128 key in\n${playlist}`);
      const keyUrl = new URL(uri, address).href;
      const good = await fetch(keyUrl);
      assert.equal(good.status, 200);
      const key = Buffer.from(await good.arrayBuffer());
      assert.equal(key.length, 16);
      const other = await fetch(withQuery(keyUrl, "token", streams.token));
      assert.notDeepEqual(Buffer.from(await other.arrayBuffer()), key, "one key for both protections");
      const bare = new URL(keyUrl);
      bare.searchParams.delete("token");
      await assertNoKey("AES-128 key, no token", await fetch(bare));
      const clear = await station().get("/hls/ch1/index.m3u8?protection=clear", station().viewer);
      assert.equal(clear.status, 403, "this channel is not given out unencrypted");
    });
  });
}

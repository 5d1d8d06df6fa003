// Real answers of the daemon against schemas/openapi.yaml.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { parse } from "yaml";
import { sourceRoot } from "../harness/media.ts";
import { until } from "../harness/process.ts";
import type { Account, Answer, Station } from "../harness/station.ts";

type Operation = { responses: Record<string, { $ref?: string; content?: Record<string, unknown> }> };
interface Document {
  paths: Record<string, Record<string, Operation>>;
}

const escape = (part: string) => part.replace(/~/g, "~0").replace(/\//g, "~1");

/** Finds what the document says of an answer, and holds the answer against it. */
class Contract {
  readonly seen = new Set<string>();
  private readonly document: Document;
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(file: string) {
    this.document = parse(readFileSync(file, "utf8")) as Document;
    formats.default(this.ajv);
    this.ajv.addSchema(this.document as object, "aircheck");
  }

  check(method: string, path: string, answer: Answer): void {
    const bare = path.split("?")[0]!;
    const template = this.template(bare);
    assert.ok(template, `${bare} is not in openapi.yaml`);
    const name = `${method} ${template}`;
    const operation = this.document.paths[template]![method.toLowerCase()];
    assert.ok(operation, `${name} is not in openapi.yaml`);
    this.seen.add(name);
    const { pointer, response } = this.response(template, method, operation, answer.status);
    const type = (answer.headers.get("Content-Type") ?? "").split(";")[0]!;
    if (!response.content) return assert.equal(answer.text, "", `${name} ${answer.status} has a body`);
    assert.ok(
      type in response.content,
      `${name} ${answer.status}: ${type} is not one of ${Object.keys(response.content)}`,
    );
    if (!/json/.test(type)) return;
    const validate = this.ajv.getSchema(`aircheck#${pointer}/content/${escape(type)}/schema`);
    assert.ok(validate, `${name} ${answer.status} has no schema`);
    assert.ok(
      validate(answer.json),
      `${name} ${answer.status}: ${this.ajv.errorsText(validate.errors)}\n${answer.text.slice(0, 2000)}`,
    );
  }

  private template(path: string): string | undefined {
    if (path in this.document.paths) return path;
    const parts = path.split("/");
    return Object.keys(this.document.paths).find((template) => {
      const wanted = template.split("/");
      return (
        wanted.length === parts.length && wanted.every((part, index) => part.includes("{") || part === parts[index])
      );
    });
  }

  private response(template: string, method: string, operation: Operation, status: number) {
    const key = String(status) in operation.responses ? String(status) : "default";
    const found = operation.responses[key];
    assert.ok(found, `${method} ${template} does not say that it answers ${status}`);
    if (!found.$ref)
      return { pointer: `/paths/${escape(template)}/${method.toLowerCase()}/responses/${key}`, response: found };
    const pointer = found.$ref.slice(1);
    const at = (node: any, part: string) => node[part.replace(/~1/g, "/").replace(/~0/g, "~")];
    return { pointer, response: pointer.split("/").slice(1).reduce(at, this.document) as typeof found };
  }
}

export function openapiTests(station: () => Station): void {
  describe("answers and openapi.yaml", () => {
    let contract: Contract;
    before(() => {
      contract = new Contract(join(sourceRoot(), "schemas/openapi.yaml"));
    });

    async function ask(method: string, path: string, status: number, as?: Account, json?: unknown): Promise<Answer> {
      const answer = await station().request(method, path, {
        ...(as ? { as } : {}),
        ...(json === undefined ? {} : { json }),
      });
      assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 500)}`);
      contract.check(method, path, answer);
      assert.ok(answer.headers.get("X-Request-Id"), `${method} ${path} has no X-Request-Id`);
      return answer;
    }

    test("health", async () => {
      await ask("GET", "/health", 200);
      await ask("GET", "/ready", 200);
    });

    test("sign-in", async () => {
      const { viewer } = station();
      const signedIn = await ask("POST", "/api/v1/auth/login", 200, undefined, viewer);
      await ask("POST", "/api/v1/auth/login", 401, undefined, { ...viewer, password: "no" });
      await ask("POST", "/api/v1/auth/login", 400, undefined, { ...viewer, more: 1 });
      const renewed = await ask("POST", "/api/v1/auth/refresh", 200, undefined, {
        refresh_token: signedIn.json.refresh_token,
      });
      await ask("POST", "/api/v1/auth/refresh", 401, undefined, { refresh_token: "made up" });
      await ask("GET", "/api/v1/me", 200, viewer);
      await ask("GET", "/api/v1/me", 401);
      const out = await station().request("POST", "/api/v1/auth/logout", {
        json: { refresh_token: renewed.json.refresh_token },
      });
      contract.check("POST", "/api/v1/auth/logout", out);
    });

    test("what a viewer sees", async () => {
      const { viewer } = station();
      const hour = 3_600_000;
      const instant = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
      const channels = await ask("GET", "/api/v1/channels", 200, viewer);
      const { id } = channels.json.items[0];
      await ask("GET", "/api/v1/channels", 401);
      const span = `from=${instant(Date.now() - hour)}&to=${instant(Date.now() + hour)}`;
      await ask("GET", `/api/v1/epg?channel_id=${id}&${span}`, 200, viewer);
      await ask("GET", "/api/v1/epg?channel_id=ch1&from=never", 400, viewer);
      await ask("GET", "/api/v1/tstv/channels", 200, viewer);
      await ask("GET", "/api/v1/tstv/startover/ch1", 200, viewer);
      await ask("GET", "/api/v1/tstv/startover/nosuch", 404, viewer);
      // A programme that begins this moment is not in the archive before its first segment is.
      const manifest = await until("the running programme to be in the archive", 60, async () => {
        const { json } = await station().request("GET", "/api/v1/tstv/startover/ch1", { as: viewer });
        const path = `/api/v1/tstv/startover/ch1/manifest?schedule_entry_id=${json.programme.id}`;
        return (await station().request("GET", path, { as: viewer })).status === 200 && path;
      });
      await ask("GET", manifest, 200, viewer);
      const past = await station().pastProgramme("ch1");
      await ask("GET", "/api/v1/tstv/catchup/ch1", 200, viewer);
      await ask("GET", "/api/v1/tstv/catchup", 200, viewer);
      await ask("GET", `/api/v1/tstv/catchup/ch1/manifest?schedule_entry_id=${past.id}`, 200, viewer);
      await ask(
        "GET",
        "/api/v1/tstv/catchup/ch1/manifest?schedule_entry_id=00000000-0000-4000-8000-000000000000",
        404,
        viewer,
      );
    });

    test("viewing sessions", async () => {
      const { viewer, admin } = station();
      const past = await station().pastProgramme("ch1");
      const wanted = { channel_id: "ch1", schedule_entry_id: past.id, kind: "catchup" };
      const path = `/api/v1/tstv/sessions/${(await ask("POST", "/api/v1/tstv/sessions", 201, viewer, wanted)).json.id}`;
      await ask("POST", "/api/v1/tstv/sessions", 400, viewer, { ...wanted, kind: "live" });
      await ask("PUT", path, 200, viewer, { position_seconds: 1.5, stalls: 1, bitrate: 2_000_000, error: "HTTP 503" });
      await ask("PUT", path, 400, viewer, { position_seconds: -1 });
      await ask("PUT", path, 404, admin, { position_seconds: 1 });
      await ask("DELETE", path, 200, viewer);
      await ask("PUT", path, 409, viewer, { position_seconds: 2 });
      await ask("GET", "/api/v1/admin/sessions?channel_id=ch1&kind=catchup", 200, admin);
      await ask("GET", "/api/v1/admin/sessions", 403, viewer);
    });

    test("devices, and what apps read with them", async () => {
      const { viewer } = station();
      const added = await ask("POST", "/api/v1/devices", 201, viewer, { name: "Set-top box", expires_in_days: 1 });
      await ask("POST", "/api/v1/devices", 400, viewer, {});
      await ask("GET", "/api/v1/devices", 200, viewer);
      await ask("GET", `/playlist.m3u?token=${added.json.token}`, 200);
      await ask("GET", `/api/v1/epg.xml?token=${added.json.token}`, 200);
      const revoked = await station().request("DELETE", `/api/v1/devices/${added.json.id}`, { as: viewer });
      contract.check("DELETE", `/api/v1/devices/${added.json.id}`, revoked);
      await ask("GET", `/playlist.m3u?token=${added.json.token}`, 401);
    });

    test("a schedule by hand and from a listing", async () => {
      const { viewer, admin } = station();
      const soon = (hours: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + hours * 3_600_000).toISOString();
      const channel = await station().get("/api/v1/admin/channels/ch2", admin);
      const sourced = async (schedule_source: string) =>
        station().request("PATCH", "/api/v1/admin/channels/ch2", {
          as: admin,
          json: { schedule_source },
          headers: { "If-Match": "*" },
        });
      const entry = { channel_id: "ch2", title: "Film", start: soon(1), end: soon(2), categories: ["Film"] };
      await ask("POST", "/api/v1/admin/schedule", 409, admin, entry);
      assert.equal((await sourced("manual")).status, 200);
      try {
        const made = await ask("POST", "/api/v1/admin/schedule", 201, admin, entry);
        await ask("POST", "/api/v1/admin/schedule", 409, admin, entry);
        await ask("GET", `/api/v1/admin/schedule/${made.json.id}`, 200, admin);
        await ask("GET", "/api/v1/admin/schedule?channel_id=ch2", 200, admin);
        await ask("GET", "/api/v1/admin/schedule", 403, viewer);
        await ask("PATCH", `/api/v1/admin/schedule/${made.json.id}`, 428, admin, { title: "x" });
        const epg = await ask("GET", "/api/v1/epg?channel_id=ch2", 200, viewer);
        const items: { start: string; title: string }[] = epg.json.items;
        const later = items.filter((item) => Date.parse(item.start) > Date.now()).map((item) => item.title);
        assert.deepEqual(later, ["Film"], "what was generated for later is gone");
        // This machine is no public address: nothing is fetched from it unless the operator lists it.
        const source = await ask("POST", "/api/v1/admin/schedule/sources", 201, admin, {
          name: "Listing",
          url: `${station().url}/api/v1/epg.xml`,
          channels: { ch1: "ch2" },
        });
        await ask("GET", "/api/v1/admin/schedule/sources", 200, admin);
        const report = await ask("POST", `/api/v1/admin/schedule/sources/${source.json.id}/import`, 200, admin);
        assert.equal(report.json.ok, false);
        assert.match(report.json.error, /not public/);
        const removed = await station().request("DELETE", `/api/v1/admin/schedule/sources/${source.json.id}`, {
          as: admin,
          headers: { "If-Match": "*" },
        });
        contract.check("DELETE", `/api/v1/admin/schedule/sources/${source.json.id}`, removed);
      } finally {
        await sourced(channel.json.schedule_source);
      }
    });

    test("what only an operator may do", async () => {
      const { viewer, admin } = station();
      await ask("GET", "/api/v1/admin/simlive/status", 200, admin);
      await ask("GET", "/api/v1/admin/simlive/status", 403, viewer);
      const storage = await ask("GET", "/api/v1/admin/storage", 200, admin);
      assert.ok(storage.json.bytes_per_hour > 0 && (storage.json.hours_left ?? 1) > 0, storage.text);
      await ask("GET", "/api/v1/admin/storage", 403, viewer);
      await ask("POST", "/api/v1/admin/simlive/ch2/stop", 200, admin);
      await ask("POST", "/api/v1/admin/simlive/nosuch/stop", 404, admin);
    });
  });
}

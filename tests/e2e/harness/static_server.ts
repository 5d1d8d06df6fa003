import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".m4s": "video/mp4",
  ".mp4": "video/mp4",
};

export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A file server as plain as they come: folders by URL prefix, and a few handlers for keys and licences. */
export class StaticServer {
  readonly requests: string[] = [];
  private server: Server;

  private constructor(
    private folders: Record<string, string>,
    private handlers: Record<string, Handler>,
  ) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  static async start(folders: Record<string, string>, handlers: Record<string, Handler> = {}): Promise<StaticServer> {
    const self = new StaticServer(folders, handlers);
    await new Promise<void>((resolve) => self.server.listen(0, "127.0.0.1", resolve));
    return self;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname));
    this.requests.push(`${request.method} ${path}`);
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Headers", "authorization, content-type, range");
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    const handler = Object.entries(this.handlers).find(([prefix]) => path.startsWith(prefix));
    if (handler) {
      const body: Buffer[] = [];
      request.on("data", (chunk: Buffer) => body.push(chunk));
      request.on("end", () => handler[1](request, response, Buffer.concat(body)));
      return;
    }
    const folder = Object.entries(this.folders).find(([prefix]) => path.startsWith(prefix));
    if (!folder) return void response.writeHead(404).end();
    this.file(join(folder[1], path.slice(folder[0].length)), request, response);
  }

  private file(file: string, request: IncomingMessage, response: ServerResponse): void {
    const info = statSync(file, { throwIfNoEntry: false });
    if (!info?.isFile()) return void response.writeHead(404).end();
    response.setHeader("Content-Type", types[extname(file)] ?? "application/octet-stream");
    response.setHeader("Accept-Ranges", "bytes");
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const start = range ? Number(range[1]) : 0;
    const end = Math.min(range?.[2] ? Number(range[2]) : info.size - 1, info.size - 1);
    response.setHeader("Content-Length", end - start + 1);
    if (range) response.setHeader("Content-Range", `bytes ${start}-${end}/${info.size}`);
    response.writeHead(range ? 206 : 200);
    if (info.size === 0) return void response.end();
    createReadStream(file, { start, end }).pipe(response);
  }
}

export type Keys = Record<string, string>; // key id to key, hexadecimal

/** The W3C ClearKey answer for those of the keys that are asked for. Nothing but unknown key ids: 403. */
export function clearKeyLicences(keys: Keys): Handler {
  return (_request, response, body) => {
    const asked = (JSON.parse(body.toString("utf8")) as { kids: string[] }).kids;
    const answer = Object.entries(keys)
      .map(([kid, key]) => [kid, key].map((hex) => Buffer.from(hex, "hex").toString("base64url")) as [string, string])
      .filter(([kid]) => asked.includes(kid))
      .map(([kid, k]) => ({ kty: "oct", kid, k }));
    if (answer.length === 0) return void response.writeHead(403).end();
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ keys: answer, type: "temporary" }));
  };
}

/** The identity key route, `.../KID`: 16 raw bytes. */
export function rawKeys(keys: Keys): Handler {
  return (request, response) => {
    const key = keys[(request.url ?? "").split("/").pop() ?? ""];
    if (!key) return void response.writeHead(404).end();
    response.setHeader("Content-Type", "application/octet-stream");
    response.end(Buffer.from(key, "hex"));
  };
}

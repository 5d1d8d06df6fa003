// A daemon of our own for the tests: private state, a free port, stopped by its process id.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRoot, makeFilm, pageFolder, sourceRoot } from "./media.ts";
import { until } from "./process.ts";
import { StaticServer } from "./static_server.ts";

export const kSegmentSeconds = 2;
export const kProgrammeSeconds = 30;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: any; // eslint-disable-line -- whatever the station says; the OpenAPI test tells whether it is right
}

export interface Account {
  email: string;
  password: string;
}

export class Station {
  readonly admin: Account = { email: "admin@localhost", password: "an e2e password" };
  /** UTC of the first picture of the archive, in ms: nothing before it can be played. */
  onAirMs = 0;
  private tokens = new Map<string, { text: string; untilMs: number }>();

  private child!: ChildProcess;

  private constructor(
    readonly state: string,
    public url: string,
    private readonly logFile: string,
    /** The player pages, on an origin of their own, as a customer's site would be. */
    readonly pages: StaticServer,
    private readonly environment: Record<string, string>,
  ) {}

  /** `environment` is added to the daemon's. */
  static async start(environment: Record<string, string> = {}): Promise<Station> {
    const state = mkdtempSync(join(tmpdir(), "aircheck-station-"));
    await makeFilm(join(state, "film.mp4"), 20);
    const pages = await StaticServer.start({ "/pages/": pageFolder() });
    const station = new Station(state, "", join(state, "daemon.log"), pages, environment);
    try {
      await station.launch();
      await station.keepOnly("ch1");
      station.onAirMs = await until("the first segments", 90, () => station.firstPicture("ch1"));
    } catch (error) {
      const words = `${String(error)}\n${station.log().slice(-6000)}`;
      await station.stop();
      throw new Error(words);
    }
    return station;
  }

  /** Starts the daemon on this station's state, on the port that it had, and waits until it is ready. */
  async launch(): Promise<void> {
    const { state } = this;
    const film = join(state, "film.mp4");
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const log = openSync(this.logFile, "a");
    const child = spawn(
      join(buildRoot(), "daemon", "aircheckd"),
      ["--demo", "--demo-source", film, "--state", join(state, "state"), "--port", port, "--workers-on-exit", "stop"],
      {
        stdio: ["ignore", log, log],
        env: {
          ...process.env,
          AIRCHECK_ADMIN_PASSWORD: "an e2e password",
          AIRCHECK_CHANNEL_PROGRAM: join(buildRoot(), "daemon", "worker", "aircheck-channel"),
          AIRCHECK_CORS_ORIGINS: this.pages.url,
          AIRCHECK_DEMO_PROGRAMME_DURATION: String(kProgrammeSeconds),
          AIRCHECK_PIPELINE_DIR: join(sourceRoot(), "pipelines"),
          AIRCHECK_RUN_DIR: join(state, "run"),
          AIRCHECK_WEB_DIR: join(buildRoot(), "webui", "site"),
          HLS_SEGMENT_DURATION: String(kSegmentSeconds),
          ...this.environment,
        },
      },
    );
    closeSync(log);
    this.child = child;
    await until("the station to be ready", 60, async () => {
      if (child.exitCode !== null) throw new Error(`aircheckd ended with ${child.exitCode}`);
      this.url = /listening on (http:\/\/[\d.]+:\d+)/.exec(this.log())?.[1] ?? "";
      return this.url !== "" && (await fetch(`${this.url}/ready`)).ok;
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** As a power cut would: no handler runs. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await ended;
  }

  /** Two cores are for one channel and a browser: the other demo channels go off the air. */
  private async keepOnly(key: string): Promise<void> {
    const list = await this.get("/api/v1/channels", this.admin);
    for (const channel of list.json.items) {
      if (channel.cdn_channel_key === key) continue;
      const path = `/api/v1/admin/simlive/${channel.cdn_channel_key}/stop`;
      const answer = await this.request("POST", path, { as: this.admin });
      if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    }
  }

  get viewer(): Account {
    const password = readFileSync(join(this.state, "state", "secrets", "viewer-password"), "utf8").trim();
    return { email: "viewer@localhost", password };
  }

  secret(name: string): Buffer {
    return readFileSync(join(this.state, "state", "secrets", name));
  }

  log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  async request(
    method: string,
    path: string,
    options: { as?: Account; json?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.as) headers["Authorization"] = `Bearer ${await this.token(options.as)}`;
    if (options.json !== undefined) headers["Content-Type"] ??= "application/json";
    const response = await fetch(new URL(path, this.url), {
      method,
      headers,
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  }

  get(path: string, as?: Account): Promise<Answer> {
    return this.request("GET", path, as ? { as } : {});
  }

  async token(account: Account): Promise<string> {
    const known = this.tokens.get(account.email);
    if (known && Date.now() < known.untilMs) return known.text;
    const answer = await this.request("POST", "/api/v1/auth/login", { json: account });
    if (answer.status !== 200) throw new Error(`sign-in of ${account.email}: ${answer.status} ${answer.text}`);
    this.tokens.set(account.email, {
      text: answer.json.access_token,
      untilMs: Date.now() + (answer.json.expires_in - 60) * 1000,
    });
    return answer.json.access_token;
  }

  /** The tokenised address that the station gives this viewer for live viewing. */
  async liveUrl(channel: string): Promise<string> {
    const list = await this.get("/api/v1/tstv/channels", this.viewer);
    const found = list.json.items.find((item: { cdn_channel_key: string }) => item.cdn_channel_key === channel);
    return new URL(found.live_url, this.url).href;
  }

  /** The tokenised media playlist in another protection, which a signed-in player has to ask for. */
  async protectedUrl(channel: string, protection: string): Promise<string> {
    const path = `/hls/${channel}/index.m3u8?kind=live&protection=${protection}`;
    const answer = await this.get(path, this.viewer);
    const line = answer.text.split("\n").find((text) => text && !text.startsWith("#"));
    if (answer.status !== 200 || !line) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return new URL(line, new URL(path, this.url)).href;
  }

  /** UTC of the first row of the live playlist, once it has the three rows that players want to begin with. */
  private async firstPicture(channel: string): Promise<number | undefined> {
    const url = await this.liveUrl(channel);
    const multivariant = await fetch(url);
    const line = (await multivariant.text()).split("\n").find((text) => text && !text.startsWith("#"));
    if (!multivariant.ok || !line) return undefined;
    const playlist = await (await fetch(new URL(line, url))).text();
    if (playlist.split("#EXTINF").length <= 3) return undefined;
    return Date.parse(/#EXT-X-PROGRAM-DATE-TIME:(\S+)/.exec(playlist)![1]!);
  }

  /** The running programme, once the archive has its beginning and so many seconds of it are over. */
  async startOver(
    channel: string,
    elapsed = { from: kProgrammeSeconds / 2, to: kProgrammeSeconds - 8 },
  ): Promise<any> {
    // As a rule so late that the beginning is far from the newest picture, and not so late that the next programme begins
    // before a player has asked.
    return until("a programme that can be started over", 2 * kProgrammeSeconds, async () => {
      const answer = await this.get(`/api/v1/tstv/startover/${channel}`, this.viewer);
      const whole = answer.json.available && Date.parse(answer.json.programme.start) >= this.onAirMs;
      const seconds = answer.json.elapsed_seconds;
      return whole && seconds > elapsed.from && seconds < elapsed.to && answer.json;
    });
  }

  /** The newest past programme that the archive holds from beginning to end, once there is one. */
  async pastProgramme(channel: string): Promise<any> {
    return until("a programme that is over and complete", 3 * kProgrammeSeconds, async () => {
      const list = await this.get(`/api/v1/tstv/catchup/${channel}`, this.viewer);
      for (const item of list.json.items) {
        if (!item.catchup_url || Date.parse(item.start) < this.onAirMs) continue;
        const playlist = await fetch(new URL(item.catchup_url, this.url));
        await playlist.arrayBuffer();
        if (playlist.ok) return item;
      }
      return undefined;
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      this.child.kill("SIGTERM");
      const timer = setTimeout(() => this.child.kill("SIGKILL"), 20_000);
      await ended;
      clearTimeout(timer);
    }
    await this.pages.stop();
    rmSync(this.state, { recursive: true, force: true, maxRetries: 3 });
  }
}

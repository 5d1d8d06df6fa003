import shaka from "shaka-player";
import { Problem } from "../api/problem.ts";
import type { Session } from "../api/session.ts";
import type { Heartbeat, Viewed } from "../api/viewing.ts";

/** What the page shows about a player; taken as one value several times a second. */
export interface Playing {
  /** UTC of the picture on the screen, from PROGRAM-DATE-TIME; null until something plays. */
  onAir: Date | null;
  /** Seconds since 1970 of the first and last picture that can be chosen, and of the one being shown. */
  from: number;
  to: number;
  at: number;
  paused: boolean;
  waiting: boolean;
  /** The stream is still growing. */
  live: boolean;
  atLiveEdge: boolean;
  ended: boolean;
}

/** What to play. */
export interface Stream {
  url: string;
  /** Where to begin; null: where the playlist says, which for live is the newest picture. */
  from: Date | null;
  /** What the station is told about, and where its programme starts; null: nothing. */
  viewed: { what: Viewed; start: Date } | null;
}

/** Nearer to the newest picture than this counts as live. */
const kLiveEdgeSeconds = 6;

export const nothingPlaying: Playing = {
  onAir: null,
  from: 0,
  to: 0,
  at: 0,
  paused: true,
  waiting: true,
  live: false,
  atLiveEdge: false,
  ended: false,
};

/** Shaka Player on one video element. */
export class Engine {
  private readonly player = new shaka.Player();
  private loaded = false;
  private live = false;
  private startsAt = 0;
  private reloadedAtMs = Number.NEGATIVE_INFINITY;

  /** `stream` says what to play; it is asked again when the station stops taking the first one's token. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly session: Session,
    private readonly stream: () => Promise<Stream>,
    private readonly onError: (error: Error) => void,
  ) {}

  async start(): Promise<void> {
    const { RequestType } = shaka.net.NetworkingEngine;
    this.player.getNetworkingEngine()?.registerRequestFilter(async (type, request) => {
      if (type === RequestType.SEGMENT || !isApi(request.uris[0])) return;
      request.headers["Authorization"] = `Bearer ${await this.session.token()}`;
    });
    this.player.addEventListener("error", (event) => {
      const error = (event as unknown as { detail: shaka.util.Error }).detail;
      if (this.loaded && error.severity === shaka.util.Error.Severity.CRITICAL) void this.recover(error);
    });
    await this.player.attach(this.video);
    await this.open(await this.stream());
    this.loaded = true;
  }

  private async open({ url, from, viewed }: Stream): Promise<void> {
    this.startsAt = (viewed?.start.getTime() ?? 0) / 1000;
    try {
      await this.player.load(new URL(url, document.baseURI).href, from);
    } catch (error) {
      throw explain(error);
    }
    this.live = from === null && this.player.isLive();
    // A browser that wants a gesture first leaves the player paused with its button showing.
    await this.video.play().catch(() => undefined);
  }

  /** A token that ran out in the middle of a programme is replaced, at most once a minute. */
  private async recover(error: shaka.util.Error): Promise<void> {
    const status = httpStatus(error);
    const now = performance.now();
    if ((status !== 401 && status !== 403) || now - this.reloadedAtMs < 60_000)
      return this.onError(this.restartable(explain(error)));
    this.reloadedAtMs = now;
    try {
      const playhead = this.atLiveEdge() ? undefined : this.video.currentTime;
      await this.open(await this.stream());
      if (playhead !== undefined) this.video.currentTime = playhead;
    } catch (failure) {
      this.onError(this.restartable(explain(failure)));
    }
  }

  /** Only live may begin again by itself: anything else would lose the viewer's place. */
  private restartable(error: Error): Error {
    return this.live ? error : new Error(error.message);
  }

  private atLiveEdge(): boolean {
    return this.player.isLive() && this.player.seekRange().end - this.video.currentTime < kLiveEdgeSeconds;
  }

  async stop(): Promise<void> {
    await this.player.destroy();
  }

  read(): Playing {
    const { video } = this;
    const known = this.player.getPlayheadTimeAsDate();
    if (!known || Number.isNaN(known.getTime())) return { ...nothingPlaying, paused: video.paused };
    const range = this.player.seekRange();
    const time = video.currentTime;
    // While it plays, Shaka takes the date at the nearest time that can be chosen, which lags behind at the live edge.
    const dated = video.paused ? time : Math.min(Math.max(time, range.start), range.end);
    const onAir = new Date(known.getTime() + (time - dated) * 1000);
    const at = onAir.getTime() / 1000;
    const zero = at - time;
    return {
      onAir,
      from: zero + range.start,
      to: zero + Math.max(range.end, time),
      at,
      paused: video.paused,
      waiting: video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA,
      live: this.player.isLive(),
      atLiveEdge: this.atLiveEdge(),
      ended: video.ended,
    };
  }

  /** Null until something plays. */
  heartbeat(): Heartbeat | null {
    const { onAir, at } = this.read();
    if (!onAir) return null;
    const { stallsDetected, streamBandwidth, droppedFrames } = this.player.getStats();
    const count = (value: number) => (Number.isFinite(value) ? Math.max(Math.round(value), 0) : 0);
    return {
      position_seconds: Math.max(Math.round((at - this.startsAt) * 1000) / 1000, 0),
      stalls: count(stallsDetected),
      bitrate: count(streamBandwidth) || null,
      dropped_frames: count(droppedFrames),
    };
  }

  /** Jumps to a time in seconds since 1970, within what can be chosen. */
  seek(seconds: number): void {
    const now = this.read();
    if (!now.onAir) return;
    const target = Math.min(Math.max(seconds, now.from), now.to);
    this.video.currentTime += target - now.at;
  }

  goToLive(): void {
    this.player.goToLive();
    void this.video.play().catch(() => undefined);
  }
}

function isApi(address: string | undefined): boolean {
  if (!address) return false;
  const url = new URL(address, document.baseURI);
  return url.origin === location.origin && url.pathname.startsWith("/api/");
}

function httpStatus(error: shaka.util.Error): number | null {
  if (error.code !== shaka.util.Error.Code.BAD_HTTP_STATUS) return null;
  return Number((error.data as unknown[])[1]);
}

/** Shaka's numbered errors as a sentence. What the station itself says in problem+json comes first. */
function explain(error: unknown): Error {
  if (!(error instanceof shaka.util.Error)) return error instanceof Error ? error : new Error(String(error));
  const { Category, Code } = shaka.util.Error;
  const status = httpStatus(error);
  const type = (error.data as unknown[])[4];
  if (status === 404 && type === shaka.net.NetworkingEngine.RequestType.SEGMENT) return stopped();
  if (status !== null) {
    const said = problemSentence(String((error.data as unknown[])[2] ?? ""));
    const headers = (error.data as unknown[])[3] as Record<string, string> | undefined;
    const retryAfter = Number(headers?.["retry-after"] ?? Number.NaN);
    const sentence = said || `The station answered with status ${status}.`;
    return new Problem(status, "playback", sentence, Number.isFinite(retryAfter) ? retryAfter : null);
  }
  switch (error.code) {
    case Code.HTTP_ERROR:
    case Code.TIMEOUT:
      return Problem.unreachable();
    case Code.HLS_EMPTY_MEDIA_PLAYLIST:
    case Code.SEGMENT_MISSING:
      return stopped();
    case Code.REQUESTED_KEY_SYSTEM_CONFIG_UNAVAILABLE:
      return new Error(
        window.isSecureContext
          ? "This browser cannot play protected television."
          : "Browsers play protected television only on this machine itself or over HTTPS.",
      );
    case Code.CONTENT_UNSUPPORTED_BY_BROWSER:
      return new Error("This browser cannot play the channel's video or audio format.");
    default:
      break;
  }
  if (error.category === Category.DRM) return new Error(`The picture could not be decrypted (error ${error.code}).`);
  return new Error(`The player stopped (error ${error.code}).`);
}

/** Where gaps are all that a playlist lists, Shaka Player fails in one of several ways. */
function stopped(): Problem {
  return new Problem(503, "not_on_air", "This channel is not on air right now.");
}

function problemSentence(body: string): string {
  try {
    const { detail, title } = JSON.parse(body) as { detail?: unknown; title?: unknown };
    return [detail, title].find((text): text is string => typeof text === "string") ?? "";
  } catch {
    return "";
  }
}

import type { Client } from "./client.ts";
import { Problem } from "./problem.ts";

/** What is watched: a programme as start-over or catch-up. */
export interface Viewed {
  channel_id: string;
  schedule_entry_id: string;
  kind: "startover" | "catchup";
}

/** What the player did since it began; seconds from the programme's start, bits per second. */
export interface Heartbeat {
  position_seconds: number;
  stalls: number;
  bitrate: number | null;
  dropped_frames: number;
}

interface Started {
  id: string;
  heartbeat_seconds: number;
}

/**
 * Tells the station how the viewer's player gets on. Whatever the station answers, the picture goes on: a report that
 * fails is not sent again, as the next one says everything.
 */
export class Viewing {
  private id = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private everyMs = 30_000;
  private error = "";
  private stopped = false;

  constructor(
    private readonly client: Client,
    private readonly viewed: Viewed,
    private readonly read: () => Heartbeat | null,
  ) {}

  async start(): Promise<void> {
    try {
      const started = await this.client.send<Started>("POST", "/api/v1/tstv/sessions", {
        ...this.viewed,
        position_seconds: this.read()?.position_seconds ?? 0,
      });
      this.id = started.id;
      this.everyMs = started.heartbeat_seconds * 1000;
    } catch {
      // It is tried again with the next heartbeat.
    }
    if (this.stopped) return this.end();
    this.timer = setTimeout(() => void this.beat(), this.everyMs);
  }

  /** Goes out with the next heartbeat. */
  failed(sentence: string): void {
    this.error = sentence;
  }

  /** `leaving`: the page goes away, and nobody will be there when an answer comes. */
  stop(leaving = false): void {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.timer);
    const told = this.tell();
    if (leaving) void this.end();
    else void told.then(() => this.end());
  }

  private async beat(): Promise<void> {
    if (this.id === "") return this.start();
    await this.tell();
    if (!this.stopped) this.timer = setTimeout(() => void this.beat(), this.everyMs);
  }

  private async tell(): Promise<void> {
    const heartbeat = this.read();
    if (this.id === "" || !heartbeat) return;
    const { error } = this;
    this.error = "";
    try {
      await this.client.send("PUT", this.path, { ...heartbeat, ...(error ? { error } : {}) });
    } catch (failure) {
      if (failure instanceof Problem && failure.code === "session_ended") this.id = "";
    }
  }

  private async end(): Promise<void> {
    if (this.id !== "") await this.client.send("DELETE", this.path).catch(() => undefined);
  }

  private get path(): string {
    return `/api/v1/tstv/sessions/${encodeURIComponent(this.id)}`;
  }
}

/**
 * What one player shows for as long as the page is there: the session ends when the page goes away, and another begins
 * when the browser takes the page out of its back/forward cache, in which nothing of it ran.
 */
export class PageViewing {
  private viewing: Viewing;
  private readonly leave = () => this.viewing.stop(true);
  private readonly comeBack = (event: Event) => {
    if (!(event as PageTransitionEvent).persisted) return;
    this.viewing.stop(true);
    this.viewing = this.begin();
  };

  constructor(
    private readonly make: () => Viewing,
    private readonly page: EventTarget = window,
  ) {
    this.viewing = this.begin();
    this.page.addEventListener("pagehide", this.leave);
    this.page.addEventListener("pageshow", this.comeBack);
  }

  /** Goes out with the next heartbeat. */
  failed(sentence: string): void {
    this.viewing.failed(sentence);
  }

  stop(): void {
    this.page.removeEventListener("pagehide", this.leave);
    this.page.removeEventListener("pageshow", this.comeBack);
    this.viewing.stop();
  }

  private begin(): Viewing {
    const viewing = this.make();
    void viewing.start();
    return viewing;
  }
}

import { Problem } from "./problem.ts";
import type { Session } from "./session.ts";
import type { CatchUp, Channel, List, StartOver, TstvChannel } from "./types.ts";

/** The viewer's routes. Every call answers with data or throws a `Problem`. */
export class Client {
  constructor(
    readonly session: Session,
    private readonly request: typeof fetch = (...parameters) => fetch(...parameters),
  ) {}

  channels(signal?: AbortSignal): Promise<Channel[]> {
    return this.all<Channel>("/api/v1/channels", {}, signal);
  }

  tstvChannels(signal?: AbortSignal): Promise<TstvChannel[]> {
    return this.all<TstvChannel>("/api/v1/tstv/channels", {}, signal);
  }

  startOver(channel: string, signal?: AbortSignal): Promise<StartOver> {
    return this.get<StartOver>(`/api/v1/tstv/startover/${encodeURIComponent(channel)}`, signal);
  }

  /** Past programmes, newest first; one page is plenty for a list on the screen. */
  async catchUp(channel: string, signal?: AbortSignal): Promise<CatchUp[]> {
    const path = `/api/v1/tstv/catchup/${encodeURIComponent(channel)}?limit=100`;
    return (await this.get<List<CatchUp>>(path, signal)).items;
  }

  private async all<T>(path: string, query: Record<string, string>, signal?: AbortSignal): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const search = new URLSearchParams({ limit: "500", ...query, ...(cursor === null ? {} : { cursor }) });
      const page: List<T> = await this.get<List<T>>(`${path}?${search}`, signal);
      items.push(...page.items);
      cursor = page.next_cursor ?? null;
    } while (cursor !== null);
    return items;
  }

  private get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.ask<T>(path, signal ? { signal } : {});
  }

  /** Also while the page goes away. */
  send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<T> {
    const content = body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {};
    return this.ask<T>(path, { method, keepalive: true, ...content });
  }

  /** With the access token; a token that was not taken is renewed once. */
  private async ask<T>(path: string, options: RequestInit): Promise<T> {
    for (let attempt = 1; ; ++attempt) {
      const token = await this.session.token();
      const headers = { ...options.headers, Accept: "application/json", Authorization: `Bearer ${token}` };
      const response = await this.request(path, { ...options, headers }).catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "AbortError") throw error;
        throw Problem.unreachable();
      });
      if (response.ok) return (await response.json()) as T;
      this.session.rejected(response.status === 401 ? token : "");
      if (response.status !== 401 || attempt > 1) throw await Problem.from(response);
    }
  }
}

import { Problem } from "./problem.ts";
import type { SignedIn } from "./types.ts";

/** What this module needs of `sessionStorage`. */
export interface TokenStore {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

const kRefreshToken = "aircheck.refresh_token";
const kRenewBeforeSeconds = 30;

/**
 * Who is signed in. The access token lives in memory only. The refresh token lives in the tab's session storage: it
 * survives a reload, dies with the tab, is not shared with other tabs and rotates with each use.
 */
export class Session {
  private accessToken = "";
  private renewAtMs = 0;
  private renewal: Promise<string> | null = null;
  private listeners = new Set<() => void>();
  private ended = false;

  constructor(
    private readonly store: TokenStore,
    private readonly request: typeof fetch = (...parameters) => fetch(...parameters),
    private readonly nowMs: () => number = Date.now,
  ) {}

  get signedIn(): boolean {
    return this.store.getItem(kRefreshToken) !== null;
  }

  /** The station, not the viewer, ended the last session. */
  get expired(): boolean {
    return this.ended;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async signIn(email: string, password: string): Promise<void> {
    this.keep(await this.post("/api/v1/auth/login", { email, password }));
  }

  async signOut(): Promise<void> {
    const refreshToken = this.store.getItem(kRefreshToken);
    const accessToken = this.accessToken;
    this.forget();
    if (refreshToken === null) return;
    // The tab is signed out whatever the station answers.
    await this.request("/api/v1/auth/logout", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(accessToken ? { Authorization: `Bearer ${accessToken}` } : {}),
      },
      body: JSON.stringify({ refresh_token: refreshToken }),
    }).catch(() => undefined);
  }

  /** An access token that is still good for a while. One renewal serves all who ask at the same time. */
  token(): Promise<string> {
    if (this.accessToken && this.nowMs() < this.renewAtMs) return Promise.resolve(this.accessToken);
    this.renewal ??= this.renew().finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  /** The station did not take `token`: the next one who asks gets a new one. */
  rejected(token: string): void {
    if (token === this.accessToken) this.accessToken = "";
  }

  private async renew(): Promise<string> {
    const refreshToken = this.store.getItem(kRefreshToken);
    if (refreshToken === null) throw new Problem(401, "signed_out", "Please sign in.");
    try {
      const answer = await this.post("/api/v1/auth/refresh", { refresh_token: refreshToken });
      // Signed out while the answer was under way: it must not sign in again.
      if (this.store.getItem(kRefreshToken) !== refreshToken) throw new Problem(401, "signed_out", "Please sign in.");
      this.keep(answer);
      return answer.access_token;
    } catch (error) {
      const refused =
        error instanceof Problem && (error.status === 400 || error.status === 401 || error.status === 403);
      if (refused && this.store.getItem(kRefreshToken) === refreshToken) {
        this.ended = true;
        this.forget();
      }
      throw error;
    }
  }

  private async post(path: string, body: object): Promise<SignedIn> {
    const response = await this.request(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).catch(() => {
      throw Problem.unreachable();
    });
    if (!response.ok) throw await Problem.from(response);
    return (await response.json()) as SignedIn;
  }

  private keep(answer: SignedIn): void {
    this.ended = false;
    this.accessToken = answer.access_token;
    this.renewAtMs = this.nowMs() + Math.max(answer.expires_in - kRenewBeforeSeconds, 1) * 1000;
    this.store.setItem(kRefreshToken, answer.refresh_token);
    this.tell();
  }

  private forget(): void {
    this.accessToken = "";
    this.store.removeItem(kRefreshToken);
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

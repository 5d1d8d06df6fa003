const kRetrySeconds = 4;
const kLongestRetrySeconds = 30;

/** A refusal in the words of RFC 9457, or a failure to reach the station at all (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    sentence: string,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(sentence);
    this.name = "Problem";
  }

  /** Seconds after which the same request may succeed, or null where it will not by itself. */
  get worthWaitingSeconds(): number | null {
    if (this.status !== 409 && this.status !== 503) return null;
    return Math.min(Math.max(this.retryAfterSeconds ?? kRetrySeconds, 1), kLongestRetrySeconds);
  }

  static unreachable(): Problem {
    return new Problem(0, "unreachable", "The station cannot be reached. Check your connection.");
  }

  static async from(response: Response): Promise<Problem> {
    const type = response.headers.get("Content-Type") ?? "";
    const retry = Number(response.headers.get("Retry-After") ?? Number.NaN);
    const body: unknown = /\bjson\b/.test(type) ? await response.json().catch(() => null) : null;
    const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const text = (name: string) => (typeof fields[name] === "string" ? (fields[name] as string) : "");
    return new Problem(
      response.status,
      text("code"),
      text("detail") || text("title") || `The station answered with status ${response.status}.`,
      Number.isFinite(retry) ? retry : null,
    );
  }
}

/** The sentence to show for anything that was thrown. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : "Something unexpected happened.";
}

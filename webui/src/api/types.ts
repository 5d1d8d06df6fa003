// The answers of schemas/openapi.yaml as far as this page uses them.

export interface Programme {
  id: string;
  title: string;
  description?: string;
  start: string;
  end: string;
}

export interface Channel {
  id: string;
  cdn_channel_key: string;
  number: number;
  name: string;
  logo_url: string | null;
  now: Programme | null;
  next: Programme | null;
  /** A code, where this account may not watch. */
  why_not?: string | null;
}

export interface TstvChannel {
  id: string;
  cdn_channel_key: string;
  tstv_enabled: boolean;
  startover_enabled: boolean;
  catchup_enabled: boolean;
  cutv_window_hours: number;
  live_url: string | null;
}

export interface StartOver {
  available: boolean;
  programme: Programme | null;
  elapsed_seconds: number;
  startover_url: string | null;
  why_not?: string | null;
}

export interface CatchUp extends Programme {
  catchup_url: string | null;
  expires_at: string | null;
  why_not?: string | null;
}

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export interface SignedIn {
  access_token: string;
  expires_in: number;
  refresh_token: string;
}

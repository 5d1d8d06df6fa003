import { useCallback, useEffect, useMemo } from "react";
import type { Client } from "../api/client.ts";
import { formatRoute, parseRoute } from "../route.ts";
import { useHash } from "../useHash.ts";
import { useLoaded } from "../useLoaded.ts";
import { ChannelList } from "./ChannelList.tsx";
import { Viewer } from "./Viewer.tsx";
import { Wordmark } from "./Wordmark.tsx";

const kRefreshSeconds = 15;

export function Station({ client }: { client: Client }) {
  const hash = useHash();
  const route = useMemo(() => parseRoute(hash), [hash]);
  const load = useCallback((signal: AbortSignal) => client.channels(signal), [client]);
  const { value: channels, error } = useLoaded(load, kRefreshSeconds);
  const channel = channels?.find(({ id, cdn_channel_key: key }) => route?.channel === key || route?.channel === id);

  // Opening the page shows the first channel that this account may watch.
  useEffect(() => {
    const first = channels?.find(({ why_not }) => !why_not);
    if (!route && first) location.replace(formatRoute({ channel: first.cdn_channel_key, kind: "live" }));
  }, [channels, route]);

  useEffect(() => {
    if (!channel) document.title = "Aircheck";
  }, [channel]);

  return (
    <div className="station">
      <header>
        <Wordmark />
        <p className="error" role="status">
          {channels && error}
        </p>
        <button type="button" className="quiet" onClick={() => void client.session.signOut()}>
          Sign out
        </button>
      </header>
      <nav aria-label="Channels">
        <h2>Channels</h2>
        {!channels && error && (
          <p className="error" role="alert">
            {error}
          </p>
        )}
        {!channels && !error && <p className="muted">Loading…</p>}
        {channels?.length === 0 && <p className="muted">This station has no channels yet.</p>}
        {channels && <ChannelList channels={channels} current={channel?.id ?? null} />}
      </nav>
      <main>
        {channel && route && <Viewer key={channel.id} client={client} channel={channel} route={route} />}
        {channels && route && !channel && (
          <p className="error" role="alert">
            There is no channel “{route.channel}”. Choose one from the list.
          </p>
        )}
      </main>
    </div>
  );
}

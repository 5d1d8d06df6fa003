import { useCallback, useEffect, useState } from "react";
import type { Client } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Channel, Programme } from "../api/types.ts";
import type { Stream } from "../player/engine.ts";
import { formatRoute, type Route } from "../route.ts";
import { localDay, localTime } from "../time.ts";
import { useLoaded } from "../useLoaded.ts";
import { whyNot } from "../whyNot.ts";
import { Player } from "./Player.tsx";
import { Programmes } from "./Programmes.tsx";

const kPastEverySeconds = 30;
const kStartOverEverySeconds = 10;

/** What plays: fixed when it starts, whatever comes on air meanwhile. */
interface Started {
  stream: Stream;
  programme: Programme | null;
}

/** One channel: the player, its three kinds, and the past programmes. */
export function Viewer({ client, channel, route }: { client: Client; channel: Channel; route: Route }) {
  const key = channel.cdn_channel_key;
  const loadPast = useCallback((signal: AbortSignal) => client.catchUp(key, signal), [client, key]);
  const past = useLoaded(loadPast, kPastEverySeconds);
  const loadStartOver = useCallback((signal: AbortSignal) => client.startOver(key, signal), [client, key]);
  const startOver = useLoaded(loadStartOver, kStartOverEverySeconds);

  const wanted = route.kind === "catchup" ? route.programme : "";
  const chosen = formatRoute(route);
  const [playing, setPlaying] = useState<{ chosen: string; programme: Programme | null } | null>(null);
  const stream = useCallback(async () => {
    const started = await start(client, key, route.kind, wanted);
    setPlaying({ chosen, programme: started.programme });
    return started.stream;
  }, [client, key, route.kind, wanted, chosen]);
  const programme = route.kind === "live" ? channel.now : playing?.chosen === chosen ? playing.programme : null;
  const title = [programme?.title, channel.name, "Aircheck"].filter(Boolean).join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);

  return (
    <>
      <div className="titles">
        <h1>
          <span className="number">{channel.number}</span> {channel.name}
        </h1>
        <p data-testid="programme">
          {programme ? (
            <>
              <strong>{programme.title}</strong>{" "}
              <span>
                {localDay(programme.start)} {localTime(programme.start)}–{localTime(programme.end)}
              </span>
            </>
          ) : (
            "No programme information"
          )}
        </p>
      </div>
      {channel.why_not && (
        <p className="notice" role="status">
          {whyNot(channel.why_not)}.
        </p>
      )}
      {!channel.why_not && (
        <Player
          key={chosen}
          client={client}
          stream={stream}
          label={`${channel.name}: ${programme?.title ?? "live"}`}
          kind={route.kind}
          programme={programme}
        />
      )}
      <div className="kinds" role="group" aria-label="How to watch">
        <a href={formatRoute({ channel: key, kind: "live" })} aria-current={route.kind === "live" ? "page" : undefined}>
          Live
        </a>
        {(startOver.value?.available !== false || route.kind === "startover") && (
          <a
            href={formatRoute({ channel: key, kind: "startover" })}
            aria-current={route.kind === "startover" ? "page" : undefined}
          >
            From the beginning
          </a>
        )}
      </div>
      <Programmes channel={key} items={past.value} error={past.error} current={wanted} />
    </>
  );
}

/** Asks the station for what the viewer chose. Live has no programme: it goes on through all of them. */
async function start(client: Client, key: string, kind: Route["kind"], wanted: string): Promise<Started> {
  if (kind === "live") {
    const channel = (await client.tstvChannels()).find(({ cdn_channel_key }) => cdn_channel_key === key);
    if (!channel?.live_url) throw new Problem(404, "not_found", "This channel cannot be watched live.");
    return { stream: { url: channel.live_url, from: null, viewed: null }, programme: null };
  }
  if (kind === "startover") {
    const { available, startover_url: url, programme } = await client.startOver(key);
    // Shaka Player takes no notice of EXT-X-START with an offset of 0 and would begin at the newest picture.
    if (available && url && programme) {
      const from = new Date(programme.start);
      return { stream: { url, from, viewed: viewedOf(key, kind, programme) }, programme };
    }
    throw new Problem(404, "not_found", "The running programme cannot be watched from the beginning.");
  }
  const programme = (await client.catchUp(key)).find(({ id }) => id === wanted);
  if (!programme) throw new Problem(404, "not_found", "This programme is not available any more.");
  if (!programme.catchup_url) throw new Problem(403, "not_allowed", "This programme cannot be watched again.");
  return { stream: { url: programme.catchup_url, from: null, viewed: viewedOf(key, kind, programme) }, programme };
}

function viewedOf(key: string, kind: "startover" | "catchup", programme: Programme): Stream["viewed"] {
  return { what: { channel_id: key, schedule_entry_id: programme.id, kind }, start: new Date(programme.start) };
}

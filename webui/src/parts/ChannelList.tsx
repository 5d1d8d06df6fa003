import { useEffect, useRef } from "react";
import type { Channel } from "../api/types.ts";
import { formatRoute } from "../route.ts";
import { localTime } from "../time.ts";
import { whyNot } from "../whyNot.ts";

export function ChannelList({ channels, current }: { channels: Channel[]; current: string | null }) {
  // On a narrow screen the list is a strip, and the channel on the screen may stand outside of it.
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);

  return (
    <ul className="channels" ref={list}>
      {channels.map((channel) => (
        <li key={channel.id}>
          <a
            href={formatRoute({ channel: channel.cdn_channel_key, kind: "live" })}
            aria-current={channel.id === current ? "page" : undefined}
            data-testid={`channel-${channel.cdn_channel_key}`}
          >
            <span className="number">{channel.number}</span>
            <span className="what">
              <strong>{channel.name}</strong>
              <span className="now">
                {channel.why_not ? whyNot(channel.why_not) : (channel.now?.title ?? "No programme information")}
              </span>
              {channel.next && (
                <span className="next">
                  {localTime(channel.next.start)} {channel.next.title}
                </span>
              )}
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

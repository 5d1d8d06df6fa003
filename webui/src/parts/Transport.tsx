import { useEffect, useState, type RefObject } from "react";
import type { Programme } from "../api/types.ts";
import type { Engine, Playing } from "../player/engine.ts";
import type { Route } from "../route.ts";
import { duration, utcClock } from "../time.ts";
import { Icon } from "./Icon.tsx";

interface Properties {
  video: RefObject<HTMLVideoElement | null>;
  engine: Engine | null;
  playing: Playing | null;
  kind: Route["kind"];
  programme: Programme | null;
  onTogglePlay: () => void;
  onToggleFullscreen: () => void;
}

/** The controls below the picture. */
export function Transport({ video, engine, playing, kind, programme, onTogglePlay, onToggleFullscreen }: Properties) {
  const known = playing?.onAir ? playing : null;
  const origin = kind !== "live" && programme ? Date.parse(programme.start) / 1000 : (known?.from ?? 0);
  const position = known ? known.at - origin : 0;
  const length = kind !== "live" && programme ? Date.parse(programme.end) / 1000 - origin : (known?.to ?? 0) - origin;
  const words = kind === "live" ? liveWords(known) : `${duration(position)} / ${duration(length)}`;
  return (
    <div className="transport" role="group" aria-label="Player controls">
      <input
        className="seek"
        type="range"
        aria-label="Position"
        aria-valuetext={words}
        min={known?.from ?? 0}
        max={known?.to ?? 1}
        step="any"
        value={known ? (known.atLiveEdge ? known.to : known.at) : 0}
        disabled={!known}
        onChange={(event) => engine?.seek(Number(event.target.value))}
      />
      <div className="row">
        <button
          type="button"
          aria-label={playing?.paused === false ? "Pause" : "Play"}
          onClick={onTogglePlay}
          data-testid="play"
        >
          <Icon name={playing?.paused === false ? "pause" : "play"} />
        </button>
        <Volume video={video} />
        <span className="position" data-testid="position" data-seconds={known ? position.toFixed(3) : ""}>
          {known && words}
        </span>
        <span className="on-air" data-testid="on-air-clock">
          {known?.onAir && (
            <>
              on air <time dateTime={known.onAir.toISOString()}>{utcClock(known.onAir)}</time> UTC
            </>
          )}
        </span>
        {known?.live && (
          <button type="button" className="live" disabled={known.atLiveEdge} onClick={() => engine?.goToLive()}>
            {known.atLiveEdge ? "Live" : "Go to live"}
          </button>
        )}
        <button type="button" aria-label="Full screen" onClick={onToggleFullscreen}>
          <Icon name="fullscreen" />
        </button>
      </div>
    </div>
  );
}

function liveWords(playing: Playing | null): string {
  if (!playing || playing.atLiveEdge) return "";
  return `${duration(playing.to - playing.at)} behind live`;
}

function Volume({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const [sound, setSound] = useState({ muted: false, volume: 1 });
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    const read = () => setSound({ muted: element.muted, volume: element.volume });
    read();
    element.addEventListener("volumechange", read);
    return () => element.removeEventListener("volumechange", read);
  }, [video]);
  const silent = sound.muted || sound.volume === 0;
  return (
    <>
      <button
        type="button"
        aria-label={silent ? "Unmute" : "Mute"}
        onClick={() => {
          const element = video.current;
          if (!element) return;
          element.muted = !silent;
          if (silent && element.volume === 0) element.volume = 1;
        }}
      >
        <Icon name={silent ? "muted" : "sound"} />
      </button>
      <input
        className="volume"
        type="range"
        aria-label="Volume"
        min="0"
        max="1"
        step="0.05"
        value={silent ? 0 : sound.volume}
        onChange={(event) => {
          const element = video.current;
          if (!element) return;
          element.volume = Number(event.target.value);
          element.muted = false;
        }}
      />
    </>
  );
}

import { useEffect, useState, type CSSProperties, type RefObject } from "react";
import type { Programme } from "../api/types.ts";
import type { Engine, Playing } from "../player/engine.ts";
import type { Route } from "../route.ts";
import { duration, localClock, localTime, utcClock } from "../time.ts";
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
  const bar = barOf(known, kind === "live" ? null : programme);
  const position = known ? known.at - bar.start : 0;
  const words = kind === "live" ? liveWords(known) : `${duration(position)} / ${duration(bar.end - bar.start)}`;
  return (
    <div className="transport" role="group" aria-label="Player controls">
      <SeekBar playing={known} bar={bar} words={words} onSeek={(seconds) => engine?.seek(seconds)} />
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
          {known?.onAir && <Clock instant={known.onAir} />}
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

/** When the picture was on air: in the viewer's zone, and in UTC where that differs. */
function Clock({ instant }: { instant: Date }) {
  const [local, utc] = [localClock(instant), utcClock(instant)];
  return (
    <>
      on air <time dateTime={instant.toISOString()}>{local}</time>
      {local === utc ? " UTC" : ` (${utc} UTC)`}
    </>
  );
}

/** What the seek bar spans, in seconds since 1970, and the words at its ends. */
interface Bar {
  start: number;
  end: number;
  startWords: string;
  endWords: string;
}

/** A programme from its start to its end; without one, all that can be chosen. */
function barOf(known: Playing | null, programme: Programme | null): Bar {
  if (programme) {
    const [start, end] = [programme.start, programme.end];
    return {
      start: Date.parse(start) / 1000,
      end: Date.parse(end) / 1000,
      startWords: localTime(start),
      endWords: localTime(end),
    };
  }
  if (!known) return { start: 0, end: 1, startWords: "", endWords: "" };
  const words = (seconds: number) => localClock(new Date(seconds * 1000));
  return { start: known.from, end: known.to, startWords: words(known.from), endWords: words(known.to) };
}

interface SeekBarProperties {
  playing: Playing | null;
  bar: Bar;
  words: string;
  onSeek: (seconds: number) => void;
}

function SeekBar({ playing, bar, words, onSeek }: SeekBarProperties) {
  const at = playing ? (playing.atLiveEdge ? Math.min(playing.to, bar.end) : playing.at) : bar.start;
  const part = (seconds: number) =>
    `${Math.min(Math.max((100 * (seconds - bar.start)) / (bar.end - bar.start || 1), 0), 100).toFixed(2)}%`;
  const parts = playing
    ? { "--from": part(playing.from), "--at": part(at), "--to": part(playing.to) }
    : { "--from": "0%", "--at": "0%", "--to": "0%" };
  const clock = playing ? localClock(new Date(at * 1000)) : "";
  return (
    <div className="timeline">
      <span>{bar.startWords}</span>
      <input
        className="seek"
        type="range"
        aria-label="Position"
        aria-valuetext={words ? `${clock}, ${words}` : clock}
        min={bar.start}
        max={bar.end}
        step="any"
        value={at}
        disabled={!playing}
        style={parts as CSSProperties}
        onChange={(event) => onSeek(Number(event.target.value))}
      />
      <span>{bar.endWords}</span>
    </div>
  );
}

function liveWords(playing: Playing | null): string {
  if (!playing || playing.atLiveEdge) return "";
  return `${duration(playing.to - playing.at)} behind`;
}

/** What the viewer chose last; every channel and kind has a video element of its own. */
let lastSound = { muted: false, volume: 1 };

function Volume({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const [sound, setSound] = useState(lastSound);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    Object.assign(element, lastSound);
    const read = () => {
      lastSound = { muted: element.muted, volume: element.volume };
      setSound(lastSound);
    };
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

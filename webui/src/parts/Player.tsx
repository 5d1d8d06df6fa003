import { useCallback, useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Client } from "../api/client.ts";
import { Problem, sentence } from "../api/problem.ts";
import type { Programme } from "../api/types.ts";
import { PageViewing, Viewing } from "../api/viewing.ts";
import type { Engine, Playing, Stream } from "../player/engine.ts";
import type { Route } from "../route.ts";
import { Transport } from "./Transport.tsx";

const kReadEveryMs = 200;
const kJumpSeconds = 10;

interface Properties {
  client: Client;
  stream: () => Promise<Stream>;
  label: string;
  kind: Route["kind"];
  programme: Programme | null;
}

export function Player({ client, stream, label, kind, programme }: Properties) {
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [attempt, setAttempt] = useState(0);
  const again = useCallback(() => setAttempt((count) => count + 1), []);
  const { engine, playing, error, waiting } = useEngine(video, client, stream, attempt, again);

  function togglePlay() {
    const element = video.current;
    if (element?.paused) void element.play().catch(() => undefined);
    else element?.pause();
  }

  function toggleFullscreen() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void frame.current?.requestFullscreen().catch(() => undefined);
  }

  function onKey(event: KeyboardEvent) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { target } = event;
    // The arrows change the volume and the space bar presses a button; on the seek bar they do what they do elsewhere.
    const onControl =
      target instanceof HTMLButtonElement || (target instanceof HTMLInputElement && target.className !== "seek");
    const jump = (seconds: number) => playing && engine?.seek(playing.at + seconds);
    const keys: Record<string, () => void> = {
      k: togglePlay,
      f: toggleFullscreen,
      m: () => video.current && (video.current.muted = !video.current.muted),
      ...(onControl
        ? {}
        : { " ": togglePlay, ArrowLeft: () => jump(-kJumpSeconds), ArrowRight: () => jump(kJumpSeconds) }),
    };
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  return (
    <div className="player" ref={frame} onKeyDown={onKey}>
      <div className="screen">
        <video ref={video} playsInline tabIndex={0} aria-label={label} onClick={togglePlay} data-testid="video" />
        {error && (
          <div className="cover" role="alert" data-testid="player-error">
            <p>{error}</p>
            {waiting ? (
              <span className="spinner" aria-hidden="true" />
            ) : (
              <button type="button" onClick={again}>
                Try again
              </button>
            )}
          </div>
        )}
        {!error && (!playing?.onAir || playing.waiting) && !playing?.ended && (
          <div className="cover waiting" aria-hidden="true">
            <span className="spinner" />
          </div>
        )}
      </div>
      <Transport
        video={video}
        engine={engine}
        playing={playing}
        kind={kind}
        programme={programme}
        onTogglePlay={togglePlay}
        onToggleFullscreen={toggleFullscreen}
      />
    </div>
  );
}

interface Running {
  engine: Engine | null;
  playing: Playing | null;
  error: string;
  /** It is tried again without being asked: the channel is not on air yet. */
  waiting: boolean;
}

const nothingRuns: Running = { engine: null, playing: null, error: "", waiting: false };

/** Runs one engine on the video element as long as what to play stays the same. */
function useEngine(
  video: React.RefObject<HTMLVideoElement | null>,
  client: Client,
  stream: () => Promise<Stream>,
  attempt: number,
  again: () => void,
): Running {
  const [running, setRunning] = useState(nothingRuns);
  const stopped = useRef<Promise<unknown>>(Promise.resolve());
  useEffect(() => {
    let gone = false;
    let engine: Engine | undefined;
    let viewed: Stream["viewed"] = null;
    let viewing: PageViewing | undefined;
    let timer: number | undefined;
    let retry: number | undefined;
    const update = (change: Partial<Running>) => !gone && setRunning((last) => ({ ...last, ...change }));
    const fail = (failure: unknown) => {
      const seconds = failure instanceof Problem ? failure.worthWaitingSeconds : null;
      viewing?.failed(sentence(failure));
      update({ error: sentence(failure), waiting: seconds !== null });
      if (!gone && seconds !== null) retry = window.setTimeout(again, seconds * 1000);
    };
    const start = async () => {
      // The element is free once the engine before this one has let go of it.
      await stopped.current;
      const module = await import("../player/engine.ts");
      if (gone || !video.current) return;
      const chosen = async () => {
        const what = await stream();
        ({ viewed } = what);
        return what;
      };
      engine = new module.Engine(video.current, client.session, chosen, fail);
      await engine.start();
      if (gone) return;
      if (viewed !== null) viewing = watched(client, engine, viewed);
      update({ error: "", waiting: false });
      const read = () => update({ engine: engine!, playing: engine!.read() });
      timer = window.setInterval(read, kReadEveryMs);
      read();
    };
    setRunning((last) => (last.waiting ? last : nothingRuns));
    start().catch(fail);
    return () => {
      gone = true;
      viewing?.stop();
      window.clearInterval(timer);
      window.clearTimeout(retry);
      stopped.current = Promise.resolve(engine?.stop());
    };
  }, [video, client, stream, attempt, again]);
  return running;
}

function watched(client: Client, engine: Engine, { what }: NonNullable<Stream["viewed"]>): PageViewing {
  return new PageViewing(() => new Viewing(client, what, () => engine.heartbeat()));
}

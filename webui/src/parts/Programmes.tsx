import type { CatchUp } from "../api/types.ts";
import { formatRoute } from "../route.ts";
import { duration, localDay, localTime, localZone } from "../time.ts";
import { whyNot } from "../whyNot.ts";

interface Properties {
  channel: string;
  items: CatchUp[] | null;
  error: string;
  current: string;
}

/** Past programmes, newest first, under a heading for each day. */
export function Programmes({ channel, items, error, current }: Properties) {
  const days = new Map<string, CatchUp[]>();
  for (const item of items ?? []) {
    const day = localDay(item.start);
    days.set(day, [...(days.get(day) ?? []), item]);
  }
  return (
    <section className="programmes" aria-labelledby="programmes-title">
      <header>
        <h2 id="programmes-title">Watch again</h2>
        <p>Times in {localZone()}</p>
      </header>
      {!items && error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      {!items && !error && <p className="muted">Loading…</p>}
      {items?.length === 0 && <p className="muted">Programmes appear here when they are over.</p>}
      {[...days].map(([day, programmes]) => (
        <div key={day}>
          <h3>{day}</h3>
          <ul>
            {programmes.map((programme) => (
              <li key={programme.id}>
                <Entry channel={channel} programme={programme} current={programme.id === current} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function Entry({ channel, programme, current }: { channel: string; programme: CatchUp; current: boolean }) {
  const seconds = (Date.parse(programme.end) - Date.parse(programme.start)) / 1000;
  const words = (
    <>
      <time dateTime={programme.start}>{localTime(programme.start)}</time>
      <span className="title">{programme.title}</span>
      <span className="length">{programme.catchup_url ? duration(seconds) : whyNot(programme.why_not)}</span>
    </>
  );
  if (!programme.catchup_url) return <span className="entry off">{words}</span>;
  return (
    <a
      className="entry"
      href={formatRoute({ channel, kind: "catchup", programme: programme.id })}
      aria-current={current ? "page" : undefined}
      data-testid="past-programme"
    >
      {words}
    </a>
  );
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

/** Hour and minute in the viewer's own zone. */
export const localTime = (instant: string): string => clock.format(new Date(instant));

/** Hour, minute and second in the viewer's own zone. */
export const localClock = (instant: Date): string => clockSeconds.format(instant);

/** The viewer's own zone as the IANA names it: "Europe/Vienna". */
export const localZone = (): string => clock.resolvedOptions().timeZone;

/** "Today", "Yesterday" or the day, in the viewer's own zone. */
export function localDay(instant: string, nowMs: number = Date.now()): string {
  const midnight = (ms: number) => new Date(ms).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(nowMs) - midnight(Date.parse(instant))) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return day.format(new Date(instant));
}

/** 14:30:05 */
export const utcClock = (instant: Date): string => instant.toISOString().slice(11, 19);

/** 75 -> "1:15", 3675 -> "1:01:15"; never negative. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = `${hours ? String(minutes).padStart(2, "0") : minutes}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

// The UTC clock that the channel's picture carries, read with tesseract.
import { readText } from "./picture.ts";

/** Where the clock stands in the picture of pipelines/simlive.pipeline, in ffmpeg's words for crop. */
const kClock = "in_w*0.47:in_h*0.094:in_w*0.504:in_h*0.062";

/** Seconds since midnight UTC on the clock of a screenshot, on which two of three readings agree; null: on none. */
export async function clockSeconds(screenshot: Buffer): Promise<number | null> {
  const readings: number[] = [];
  for (const threshold of [180, 200, 150]) {
    const match = /(\d{2}):(\d{2}):(\d{2})/.exec(await readText(screenshot, kClock, "0123456789:-UTC ", threshold));
    if (!match) continue;
    const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
    if (readings.includes(seconds)) return seconds;
    readings.push(seconds);
  }
  return null;
}

/**
 * How far a time of day is from what a clock without fractions shows, in seconds, around midnight too: such a clock
 * shows 12 from 12.0 until 13.0.
 */
export function offClock(shown: number, secondsOfDay: number): number {
  const ahead = (((secondsOfDay - shown) % 86_400) + 86_400) % 86_400;
  return ahead < 1 ? 0 : Math.min(ahead - 1, 86_400 - ahead);
}

export const secondsOfDay = (utcMs: number): number => (utcMs / 1000) % 86_400;

import assert from "node:assert/strict";
import { run } from "./process.ts";

/** What mpv says of a row that is a hole, whose file it asks for in vain. */
export const ofHoles = /^.*(HTTP error 404|Failed to open segment|Invalid audio PTS).*$/gm;

/**
 * Lets mpv play `seconds` of a stream as fast as it decodes, and wants all of the frames without a complaint other than
 * those `expected`.
 */
export async function mpvPlays(url: string, seconds: number, expected?: RegExp): Promise<void> {
  const played = await run(
    "mpv",
    [
      "--no-config",
      "--no-ytdl",
      "--vo=null",
      "--ao=null",
      "--untimed",
      "--msg-level=all=warn,statusline=status",
      `--length=${seconds}`,
      "--term-status-msg=frame ${estimated-frame-number} of ${time-pos}",
      "--msg-color=no",
      url,
    ],
    { seconds: 60 },
  );
  const output = played.stdout + played.stderr;
  assert.equal(played.code, 0, output.slice(-2000));
  const frames = [...output.matchAll(/frame (\d+)/g)].map((match) => Number(match[1]));
  const most = Math.max(0, ...frames);
  assert.ok(
    most >= (seconds - 1) * 25,
    `mpv showed ${most} frames of ${seconds} s\n${output.slice(-2000)}`,
  );
  assert.doesNotMatch(expected ? output.replaceAll(expected, "") : output, /error|invalid|corrupt|failed/i);
}

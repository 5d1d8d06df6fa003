import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOk } from "./process.ts";

/** A test film: moving pattern with a running frame number, a tone, B-frames, a key frame every two seconds. */
export async function makeFilm(file: string, seconds = 20): Promise<void> {
  await runOk("ffmpeg", [
    "-v",
    "error",
    "-y",
    "-f",
    "lavfi",
    "-i",
    `testsrc2=size=640x360:rate=25:duration=${seconds}`,
    "-f",
    "lavfi",
    "-i",
    `sine=frequency=440:sample_rate=48000:duration=${seconds}`,
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "2",
    "-g",
    "50",
    "-keyint_min",
    "50",
    "-sc_threshold",
    "0",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
    "-b:a",
    "96k",
    "-ac",
    "2",
    file,
  ]);
}

/** shaka-packager's static binary, an oracle that we did not write. */
export function shakaPackager(): string {
  const machine = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
  return join(moduleFolder(), "shaka-packager", "bin", `packager-${machine}`);
}

/** The folder with the npm modules and, beside it, the built player pages. */
export function moduleFolder(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "node_modules");
}

export function pageFolder(): string {
  return join(moduleFolder(), "..", "pages");
}

/** The root of the source tree, as Meson's test environment names it. */
export function sourceRoot(): string {
  return fromEnvironment("AIRCHECK_TEST_SOURCE_ROOT");
}

export function buildRoot(): string {
  return fromEnvironment("AIRCHECK_TEST_BUILD_ROOT");
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the test through meson`);
  return value;
}

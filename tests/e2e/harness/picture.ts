// What a person would see, measured on screenshots: EME video reads back black from a canvas.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOk } from "./process.ts";

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "aircheck-picture-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function statistics(pictures: Buffer[], filter: string): Promise<Record<string, number>> {
  return inFolder(async (folder) => {
    const inputs = pictures.flatMap((picture, index) => {
      const file = join(folder, `${index}.png`);
      writeFileSync(file, picture);
      return ["-i", file];
    });
    const chain = `${filter},signalstats,metadata=print:file=-`;
    const done = await runOk("ffmpeg", ["-v", "error", ...inputs, "-lavfi", chain, "-f", "null", "-"]);
    const values: Record<string, number> = {};
    for (const [, name, value] of done.stdout.matchAll(/lavfi\.signalstats\.(\w+)=([\d.]+)/g))
      values[name!] = Number(value);
    return values;
  });
}

/** Spread between dark and light (10th and 90th percentile of luma): about 0 on a plain or black picture. */
export async function contrast(picture: Buffer): Promise<number> {
  const values = await statistics([picture], "format=yuv444p");
  return values.YHIGH! - values.YLOW!;
}

/** Mean difference of luma between two pictures of one size, 0 to 255. */
export async function difference(one: Buffer, other: Buffer): Promise<number> {
  const filter = "[0]format=yuv444p[a];[1]format=yuv444p[b];[a][b]blend=all_mode=difference";
  return (await statistics([one, other], filter)).YAVG!;
}

/**
 * Reads one line of light text from a part of a picture. `crop` is in ffmpeg's words, `in_w` and `in_h` being the
 * picture's size; what is brighter than `threshold` (luma, 0 to 255) counts as text.
 */
export async function readText(picture: Buffer, crop: string, alphabet: string, threshold: number): Promise<string> {
  return inFolder(async (folder) => {
    const input = join(folder, "in.png");
    const output = join(folder, "out.png");
    writeFileSync(input, picture);
    const dark = `lutyuv=y='if(gt(val,${threshold}),0,255)'`;
    const filter = `crop=${crop},format=gray,scale=iw*3:ih*3:flags=lanczos,${dark},pad=iw+80:ih+80:40:40:white`;
    await runOk("ffmpeg", ["-v", "error", "-y", "-i", input, "-vf", filter, output]);
    const args = [output, "-", "--psm", "7", "-c", `tessedit_char_whitelist=${alphabet}`];
    return (await runOk("tesseract", args, { env: { ...process.env, OMP_THREAD_LIMIT: "1" } })).stdout.trim();
  });
}

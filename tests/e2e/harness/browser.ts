import { chromium, type Browser, type Page } from "playwright-core";

/** Debian's Chromium, with a fresh profile and no traffic of its own. */
export function startChromium(more: string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.AIRCHECK_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      ...more,
    ],
  });
}

/** A page whose console and errors are kept, so that a failed test can show them. */
export async function openPage(
  browser: Browser,
  size = { width: 1280, height: 800 },
): Promise<{ page: Page; log: string[] }> {
  // The certificate of a test's own authority is one that the viewer has accepted.
  const page = await browser.newPage({ viewport: size, ignoreHTTPSErrors: true });
  const log: string[] = [];
  page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => log.push(`exception: ${error.message}`));
  page.on("requestfailed", (request) => log.push(`failed: ${request.url()} ${request.failure()?.errorText ?? ""}`));
  return { page, log };
}

export interface PlayState {
  player: string;
  frames: number;
  audioBytes: number;
  currentTime: number;
  readyState: number;
  error: string;
  keyUrls: string[];
  licenceUrls: string[];
  /** UTC of the picture being shown, in ms since 1970, from PROGRAM-DATE-TIME. */
  utcMs: number | null;
  seekableEnd: number;
}

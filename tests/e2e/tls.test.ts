// ./dev run --tls: HTTPS with a local certificate, and the protected channel in a browser on a host that is not
// localhost.
import { strict as assert } from "node:assert";
import { spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage, startChromium } from "./harness/browser.ts";
import { buildRoot, makeFilm, sourceRoot } from "./harness/media.ts";
import { until } from "./harness/process.ts";
import { proveMoves, untilOnAir } from "./station/page.ts";

const password = "an e2e password";
let root: string;
let child: ChildProcess;
let printed = "";
let port: string;

/** A copy of ./dev beside what is built, which has nothing to build. */
function makeRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), "aircheck-dev-"));
  copyFileSync(join(sourceRoot(), "dev"), join(folder, "dev"));
  symlinkSync(join(sourceRoot(), "pipelines"), join(folder, "pipelines"));
  symlinkSync(buildRoot(), join(folder, "build"));
  mkdirSync(join(folder, "bin"));
  const ninja = join(folder, "bin", "ninja");
  writeFileSync(ninja, "#!/bin/sh\n");
  chmodSync(ninja, 0o755);
  return folder;
}

before(async () => {
  root = makeRoot();
  await makeFilm(join(root, "film.mp4"), 10);
  const words = ["--no-setup", "--tls", "--listen", "127.0.0.1", "--port", "0", "--source", "film.mp4"];
  child = spawn(join(root, "dev"), ["run", ...words, "--state", join(root, "state")], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: `${join(root, "bin")}:${process.env.PATH}`,
      AIRCHECK_ADMIN_PASSWORD: password,
      AIRCHECK_RUN_DIR: join(root, "run"),
      HLS_SEGMENT_DURATION: "2",
    },
  });
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk: Buffer) => (printed += String(chunk)));
  port = await until("the station to listen", 60, () => {
    if (child.exitCode !== null) throw new Error(`./dev run ended with ${child.exitCode}`);
    return /is on air: https:\/\/127\.0\.0\.1:(\d+)\//.exec(printed)?.[1];
  }).catch((error: unknown) => Promise.reject(new Error(`${String(error)}\n${printed}`)));
});

after(async () => {
  if (child && child.exitCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
  rmSync(root, { recursive: true, force: true, maxRetries: 3 });
});

function health(ca: Buffer | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`https://127.0.0.1:${port}/health`, { ca, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    }).on("error", reject);
  });
}

test("the certificate is good for whoever trusts the local authority, and for nobody else", async () => {
  assert.match(printed, /trust \S+\/state\/tls\/ca\.crt on the devices that play/);
  assert.equal(await health(readFileSync(join(root, "state", "tls", "ca.crt"))), 200);
  await assert.rejects(health(undefined), /self.signed|unable to verify|unable to get/i);
});

test("a browser plays the protected channel on a host that is not localhost", { timeout: 200_000 }, async () => {
  // Browsers give keys only on localhost or over HTTPS: this host proves the second.
  const browser = await startChromium(["--host-resolver-rules=MAP tv.test 127.0.0.1"]);
  try {
    const { page, log } = await openPage(browser);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(`https://tv.test:${port}/`);
    assert.equal(await page.evaluate(() => window.isSecureContext), true);
    await page.getByLabel("E-mail").fill("admin@localhost");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByTestId("channel-ch1").click();
    await untilOnAir(page, log);
    await proveMoves(page);
    assert.ok(
      asked.some((url) => url.includes("/drm/key/")),
      "no key was asked for",
    );
    const plain = asked.filter((url) => !/^(https|blob|data):/.test(url));
    assert.deepEqual(plain, [], "everything goes over HTTPS");
    const folder = process.env.AIRCHECK_TEST_PICTURES;
    if (folder) await page.screenshot({ path: join(folder, "tls.png") });
  } finally {
    await browser.close();
  }
});

test("SIGTERM ends it cleanly, workers too", async () => {
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  child.kill("SIGTERM");
  assert.equal(await ended, 0, printed);
});

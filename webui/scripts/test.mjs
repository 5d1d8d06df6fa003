// Bundles the unit tests and runs them on Node's own test runner.
// usage: node test.mjs SOURCE_DIR WORK_DIR   (WORK_DIR holds node_modules)
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [source, work] = process.argv.slice(2).map((path) => resolve(path));
const output = mkdtempSync(join(tmpdir(), "aircheck-webui-"));
const { build } = createRequire(join(work, "package.json"))("esbuild");
try {
  const tests = readdirSync(join(source, "tests")).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: tests.map((name) => join(source, "tests", name)),
    outdir: output,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    logLevel: "warning",
  });
  const bundles = tests.map((name) => join(output, name.replace(/\.ts$/, ".mjs")));
  const done = spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...bundles], { stdio: "inherit" });
  process.exitCode = done.status ?? 1;
} finally {
  rmSync(output, { recursive: true, force: true });
}

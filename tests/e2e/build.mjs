// Checks the types of the tests, then bundles them for Node 18 and the player pages for the browser.
// usage: node build.mjs SOURCE_DIR OUTPUT_DIR   (OUTPUT_DIR holds node_modules; a copy of the sources is made there)
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const output = resolve(process.argv[3]);
const source = join(output, "src");
rmSync(source, { recursive: true, force: true });
cpSync(resolve(process.argv[2]), source, {
  recursive: true,
  filter: (path) => !path.includes("node_modules") && !path.includes("package"),
});

const tsc = join(output, "node_modules", "typescript", "bin", "tsc");
const types = spawnSync(process.execPath, [tsc, "--noEmit", "--project", source], { stdio: "inherit" });
if (types.status !== 0) process.exit(1);

const listed = (folder, suffix) =>
  readdirSync(join(source, folder))
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(source, folder, name));
const { build } = createRequire(join(output, "package.json"))("esbuild");
await build({
  entryPoints: listed(".", ".test.ts"),
  outdir: output,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node18",
  sourcemap: "inline",
  logLevel: "warning",
});
const pages = join(output, "pages");
await build({
  entryPoints: listed("pages", ".ts").filter((path) => !path.endsWith("common.ts")),
  outdir: pages,
  bundle: true,
  platform: "browser",
  format: "iife",
  target: "es2022",
  logLevel: "error",
});
for (const page of listed("pages", ".html")) cpSync(page, join(pages, page.split("/").pop()));
writeFileSync(join(output, "bundles.stamp"), "");

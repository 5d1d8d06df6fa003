// Checks types and builds the page.
// usage: node build.mjs SOURCE_DIR WORK_DIR OUTPUT_DIR   (WORK_DIR holds node_modules; sources are copied there)
import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const [source, work, output] = process.argv.slice(2).map((path) => resolve(path));
for (const name of ["src", "tests", "index.html", "vite.config.ts", "tsconfig.json"]) {
  rmSync(join(work, name), { recursive: true, force: true });
  cpSync(join(source, name), join(work, name), { recursive: true });
}
const steps = [
  ["typescript/bin/tsc", "--noEmit"],
  ["vite/bin/vite.js", "build", "--outDir", output, "--emptyOutDir", "--logLevel", "warn"],
];
for (const [program, ...words] of steps) {
  const done = spawnSync(process.execPath, [join(work, "node_modules", program), ...words], {
    cwd: work,
    stdio: "inherit",
  });
  if (done.status !== 0) process.exit(1);
}

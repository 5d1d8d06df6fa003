import { spawn } from "node:child_process";

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. `seconds` is a limit: the program is killed after it and the promise rejects. */
export function run(
  program: string,
  args: string[],
  options: { seconds?: number; env?: NodeJS.ProcessEnv; cwd?: string; input?: Buffer } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: options.env ?? process.env,
      cwd: options.cwd,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input);
    const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
    const limit = options.seconds ?? 120;
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${program} did not end within ${limit} s\n${text(err).slice(-4000)}`));
    }, limit * 1000);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: text(out), stderr: text(err) });
    });
  });
}

/** As `run`, but anything except exit code 0 rejects with the program's own words. */
export async function runOk(...parameters: Parameters<typeof run>): Promise<Finished> {
  const done = await run(...parameters);
  if (done.code !== 0) {
    const line = [parameters[0], ...parameters[1]].join(" ");
    throw new Error(`${line}\nended with ${done.code ?? done.signal}\n${done.stderr.slice(-4000)}`);
  }
  return done;
}

/** Calls `probe` until it gives something other than undefined or false. */
export async function until<T>(
  what: string,
  seconds: number,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${seconds} s for ${what}` + (lastError ? `: ${String(lastError)}` : ""));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

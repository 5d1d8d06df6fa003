/** What is on the screen stands in the address, so that it can be reloaded, shared and left with the back button. */
export type Route =
  | { channel: string; kind: "live" }
  | { channel: string; kind: "startover" }
  | { channel: string; kind: "catchup"; programme: string };

/** Null for an address that names no channel. */
export function parseRoute(hash: string): Route | null {
  const [channel, kind, programme] = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .map(decode);
  if (!channel) return null;
  if (kind === "startover") return { channel, kind };
  if (kind === "catchup" && programme) return { channel, kind, programme };
  return { channel, kind: "live" };
}

export function formatRoute(route: Route): string {
  const parts = [route.channel, ...(route.kind === "live" ? [] : [route.kind])];
  if (route.kind === "catchup") parts.push(route.programme);
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand, and not an escape
  }
}

import { useSyncExternalStore } from "react";
import type { Client } from "./api/client.ts";
import { SignIn } from "./parts/SignIn.tsx";
import { Station } from "./parts/Station.tsx";

export function App({ client }: { client: Client }) {
  const { session } = client;
  const signedIn = useSyncExternalStore(
    (listener) => session.subscribe(listener),
    () => session.signedIn,
  );
  return signedIn ? <Station client={client} /> : <SignIn session={session} />;
}

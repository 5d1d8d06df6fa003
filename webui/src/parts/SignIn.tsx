import { useEffect, useRef, useState, type FormEvent } from "react";
import { sentence } from "../api/problem.ts";
import type { Session } from "../api/session.ts";
import { Wordmark } from "./Wordmark.tsx";

export function SignIn({ session }: { session: Session }) {
  const [error, setError] = useState(session.expired ? "Your session has ended. Please sign in again." : "");
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = "Sign in · Aircheck";
  }, []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setError("");
    try {
      await session.signIn(String(fields.get("email")).trim(), String(fields.get("password")));
    } catch (failure) {
      setError(sentence(failure));
      password.current?.select();
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)} aria-labelledby="sign-in-title">
        <Wordmark />
        <h1 id="sign-in-title">Sign in to watch</h1>
        <label htmlFor="email">E-mail</label>
        <input id="email" name="email" type="email" autoComplete="username" required autoFocus />
        <label htmlFor="password">Password</label>
        <input id="password" name="password" type="password" autoComplete="current-password" required ref={password} />
        <p className="error" role="alert" data-testid="sign-in-error">
          {error}
        </p>
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

import { useEffect, useState } from "react";
import { sentence } from "./api/problem.ts";

export interface Loaded<T> {
  value: T | null;
  error: string;
}

/** Loads a value and loads it again every `seconds`. A failed reload keeps the last value and says why. */
export function useLoaded<T>(load: ((signal: AbortSignal) => Promise<T>) | null, seconds: number): Loaded<T> {
  const [state, setState] = useState<{ of: unknown; loaded: Loaded<T> }>({
    of: null,
    loaded: { value: null, error: "" },
  });
  useEffect(() => {
    if (!load) return;
    const abort = new AbortController();
    let timer: number | undefined;
    const again = async () => {
      try {
        const value = await load(abort.signal);
        if (!abort.signal.aborted) setState({ of: load, loaded: { value, error: "" } });
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((last) => ({
          of: load,
          loaded: { value: last.of === load ? last.loaded.value : null, error: sentence(error) },
        }));
      }
      if (!abort.signal.aborted) timer = window.setTimeout(() => void again(), seconds * 1000);
    };
    void again();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [load, seconds]);
  return state.of === load ? state.loaded : { value: null, error: "" };
}

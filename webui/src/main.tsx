import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Client } from "./api/client.ts";
import { Session } from "./api/session.ts";
import { App } from "./App.tsx";
import "./styles.css";

const client = new Client(new Session(sessionStorage));

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The Content-Security-Policy of the daemon allows its own origin only: nothing is inlined.
export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000, // Shaka Player is one chunk of its own, loaded when the first channel is opened.
  },
});

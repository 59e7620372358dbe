import { defineConfig } from "vite";

// The page is served by the cloud itself: everything it needs is a file beside it, nothing is inlined (the content
// security policy allows scripts and styles from files only) and nothing is fetched from another machine.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../haechi/cloud/event_monitor/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});

// How the console is built: one page, one worker, hashed assets under dist/console.
// In: this folder. Out: static files that the api role serves at `/`.
// Bounds: no CDN and no foreign origin; the development server forwards /graphql to a running Faultline.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  base: "/",
  build: { outDir: "../../dist/console", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 700 },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    proxy: { "/graphql": { target: process.env["FAULTLINE_API_URL"] ?? "http://127.0.0.1:3300", ws: true } },
  },
});

import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const service = process.env.SERVICE ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [
    { ...optimizeLocales.vite({ locales: ["en-US", "de-DE", "es-ES", "fr-FR", "zh-CN"] }), enforce: "pre" },
    react(),
  ],
  build: {
    // An asset in a data: address would be refused by the page's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The notices that the licences of the bundled packages ask for travel with the page.
    license: { fileName: "licences.md" },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": service } },
});

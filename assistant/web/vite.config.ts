import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { defineConfig, type LibraryOptions, type UserConfig } from "vite";

const service = process.env.SERVICE ?? "http://127.0.0.1:8080";

const page: UserConfig = {
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
};

/** One file each for other web sites, beside the page: `vite build --mode widget`. */
const files: Record<string, LibraryOptions> = {
  widget: { entry: "src/widget/widget.ts", formats: ["iife"], name: "widget", fileName: () => "widget.js" },
  recommender: { entry: "src/api/recommender.ts", formats: ["es"], fileName: () => "recommender.js" },
};

export default defineConfig(({ mode }) => {
  const lib = files[mode];
  return lib ? { build: { lib, emptyOutDir: false, copyPublicDir: false, minify: true } } : page;
});

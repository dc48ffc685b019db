import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vitest/config";

/**
 * Writes the Content Security Policy into the built page: scripts are the application's own files and the one inline
 * script of index.html, by its digest. Where the gateway and the OpenID provider are is known at run time only.
 */
function contentSecurityPolicy(): Plugin {
  return {
    name: "lisa-content-security-policy",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html) => {
        const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, body = ""]) => body);
        const digests = scripts.map((body) => `'sha256-${createHash("sha256").update(body).digest("base64")}'`);
        const policy = [
          "default-src 'none'",
          ["script-src 'self'", ...digests].join(" "),
          "style-src 'self' 'unsafe-inline'",
          "img-src 'self' data:",
          "font-src 'self'",
          "connect-src 'self' https: http:",
          "frame-src https: http:",
          "base-uri 'none'",
          "form-action 'self'",
        ].join("; ");
        return html.replace(
          '<meta charset="utf-8" />',
          `<meta charset="utf-8" />\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
        );
      },
    },
  };
}

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [react(), contentSecurityPolicy()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    sourcemap: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
    // Licenses of what is bundled require that their text comes with it.
    license: { fileName: "third-party-licenses.md" },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
  },
});

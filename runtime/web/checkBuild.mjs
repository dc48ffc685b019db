/**
 * Builds the application anew and compares it with dist/, which is committed because compiling needs Python alone.
 * Also holds what a visitor loads first, JavaScript and CSS together, within its limit.
 */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "vite";

const DIST = fileURLToPath(new URL("dist/", import.meta.url));
const LIMIT = 400_000;

const outDir = `${await mkdtemp(join(tmpdir(), "lisa-web-"))}/`;
try {
  await build({ logLevel: "error", build: { outDir, emptyOutDir: true } });
  const [committed, built] = await Promise.all([filesOf(DIST), filesOf(outDir)]);
  const different = [...new Set([...committed.keys(), ...built.keys()])].filter(
    (name) => !(committed.get(name)?.equals(built.get(name) ?? Buffer.of(0)) ?? false),
  );
  if (different.length > 0) {
    fail(`runtime/web/dist is not what the sources build: ${different.join(", ")}. Run \`make web\` and commit it.`);
  }
  const size = firstSize(built);
  console.log(`A visitor loads ${(size / 1000).toFixed(0)} kB first (gzip)`);
  if (size > LIMIT) fail(`A visitor loads ${size} bytes first, more than ${LIMIT}: load a part of it later.`);
} finally {
  await rm(outDir, { recursive: true });
}

async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [path.slice(folder.length), await readFile(path)])));
}

/** Bytes of the scripts and styles that index.html names, each compressed. */
function firstSize(files) {
  const page = [...files].find(([name]) => name.endsWith("index.html"))[1].toString();
  const names = [...page.matchAll(/"\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, name]) => name);
  const contents = names.map((name) => [...files].find(([path]) => path.endsWith(name))[1]);
  return contents.reduce((total, content) => total + gzipSync(content, { level: 9 }).length, 0);
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

// The console as static files, or a page that says how to build it.
// In: the folder of the built console. Out: routes on the server; every page address of the console gives index.html.
// Bounds: files of that folder only; hashed assets are kept for a year, pages are asked for anew.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fastifyStatic } from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Faultline</title>
<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>Faultline</h1>
<p>The API runs. The console is not built yet: run <code>npm run build</code> and reload this page.</p>
<p>GraphQL: POST to <code>/graphql</code>. Health: <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>.</p></html>
`;

/** The folder of the built console, beside the compiled program or in dist/ of the sources; null when there is none. */
export function findConsole(configured: string | null): string | null {
  const candidates =
    configured === null
      ? ["../console/", "../dist/console/"].map((path) => fileURLToPath(new URL(path, import.meta.url)))
      : [configured];
  return candidates.find((folder) => existsSync(join(folder, "index.html"))) ?? null;
}

// Page addresses have no dot in their last part; a missing file must stay a 404, or a browser runs HTML as a script.
function isPage(request: FastifyRequest): boolean {
  const path = request.url.split("?")[0] ?? "";
  const accepts = request.headers.accept ?? "";
  return (
    (request.method === "GET" || request.method === "HEAD") &&
    (path.startsWith("/incidents/") || !/\.[^/]*$/.test(path)) &&
    (accepts.includes("text/html") || accepts.includes("*/*") || accepts === "")
  );
}

/** Serves the console, or the page that tells how to build it; `isReserved` addresses are never pages. */
export async function serveConsole(
  app: FastifyInstance,
  folder: string | null,
  isReserved: (path: string) => boolean,
): Promise<void> {
  if (folder !== null) {
    await app.register(fastifyStatic, {
      root: folder,
      index: false,
      cacheControl: false,
      setHeaders: (reply, path) => {
        const hashed = path.includes("/assets/");
        void reply.header("cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
      },
    });
  }
  const servePage = (reply: FastifyReply): FastifyReply =>
    folder === null
      ? reply.type("text/html; charset=utf-8").header("cache-control", "no-cache").send(NOT_BUILT)
      : reply.sendFile("index.html");
  app.get("/", (_request, reply) => servePage(reply));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    if (isPage(request) && !isReserved(path)) return servePage(reply);
    return reply.code(404).send({ error: "NOT_FOUND", message: `There is nothing at ${request.method} ${path}.` });
  });
}

// GET /metrics/graph: the service graph and the spans as series of the Collector's connectors, for Prometheus to scrape.
// In: a request, its tenant by token, the form by Accept. Out: text, compressed where the scraper takes gzip.
// Bounds: series by the limit of each family; one scrape a tenant at a time in this process, those meanwhile share its answer.
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { emitEvent } from "../../model/events.ts";
import { reasonOf } from "../../model/errors.ts";
import { isStorageUnavailable, type Storage } from "../../storage/client.ts";
import type { ReadAccess } from "../read-access.ts";
import { advanceCounters, type Counters } from "./advance.ts";
import { CONTENT_TYPES, expositionOf, writeExposition } from "./exposition.ts";
import { seriesFamilies } from "./families.ts";

/** What the route needs; `now` is unix ms, `maxSeries` the limit of each family. */
export interface SeriesParts {
  readonly storage: Storage;
  readonly access: ReadAccess;
  readonly now: () => number;
  readonly maxSeries: number;
}

/** Where it is served. */
export const SERIES_PATH = "/metrics/graph";

/** Registers the route. */
export function addSeriesRoute(app: FastifyInstance, { storage, access, now, maxSeries }: SeriesParts): void {
  const running = new Map<string, Promise<Counters>>();
  const countersOf = (tenant: string): Promise<Counters> => {
    const known = running.get(tenant);
    if (known !== undefined) return known;
    const counters = advanceCounters(storage, tenant, now, maxSeries).finally(() => running.delete(tenant));
    running.set(tenant, counters);
    return counters;
  };
  app.get(SERIES_PATH, async (request, reply) => {
    const reader = await access.admit(request.headers.authorization);
    if (!reader.ok) {
      void reply.header("www-authenticate", "Bearer");
      return reply.code(reader.status).send({ error: "FORBIDDEN", message: reader.detail });
    }
    let counters: Counters;
    try {
      counters = await countersOf(reader.tenant);
    } catch (error) {
      if (!isStorageUnavailable(error)) throw error;
      emitEvent("api.failed", { code: "STORAGE_UNAVAILABLE" }, `${request.id}: ${reasonOf(error)}`);
      return reply.code(503).send({ error: "STORAGE_UNAVAILABLE", message: "The counters cannot be read now." });
    }
    const form = expositionOf(request.headers.accept);
    const text = Readable.from(writeExposition(seriesFamilies(counters, maxSeries), form));
    void reply.header("content-type", CONTENT_TYPES[form]).header("cache-control", "no-store").header("vary", "accept");
    if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return reply.send(text);
    const gzip = createGzip();
    text.on("error", (error) => gzip.destroy(error));
    return reply.header("content-encoding", "gzip").send(text.pipe(gzip));
  });
}

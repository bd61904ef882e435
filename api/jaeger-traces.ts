// Jaeger's queries for traces, as its UI and Grafana's data source ask them: services, operations, a search, one trace (v1 and v3).
// In: a request and the tenant it may read. Out: Jaeger's own answers, errors in its own form.
// Bounds: MAX_FOUND_SPANS spans a search and MAX_FOUND_A_TRACE of one trace, MAX_TRACE_SPANS of a trace by its id; a search covers
// `maxRangeSeconds`; MAX_RUNNING of these requests at once, others are told to come again; what storage needs too long for is 503.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { emitEvent } from "../model/events.ts";
import { reasonOf } from "../model/errors.ts";
import { MAX_TRACE_SPANS } from "../model/trace/span.ts";
import type { Storage } from "../storage/client.ts";
import { isStorageUnavailable } from "../storage/unavailable.ts";
import {
  readSpanOperations,
  readSpanServices,
  readWholeTrace,
  searchTraces,
  type TraceSearch,
  type WholeTrace,
} from "../storage/whole-traces.ts";
import { currentRefusal, currentTraces, legacyAnswer, legacyRefusal, legacyTrace } from "./jaeger-forms.ts";
import { type QueryValues, readCurrentSearch, readLegacySearch, readTime } from "./jaeger-search.ts";
import type { ReadAccess } from "./read-access.ts";

/** What the routes need; `now` is unix ms. */
export interface JaegerTraceParts {
  readonly storage: Storage;
  readonly access: ReadAccess;
  readonly now: () => number;
  readonly maxRangeSeconds: number;
}

const MAX_FOUND_SPANS = 20_000;
const MAX_FOUND_A_TRACE = 2_000;
const MAX_RUNNING = 8;
/** Traces named by id in one v1 search. */
const MAX_IDS = 20;
const KINDS: Readonly<Record<string, string>> = {
  internal: "Internal",
  server: "Server",
  client: "Client",
  producer: "Producer",
  consumer: "Consumer",
};

/** An answer's body, or a refusal. */
type Outcome =
  | { readonly ok: true; readonly body: object }
  | { readonly ok: false; readonly status: number; readonly message: string };

interface Asked {
  readonly tenant: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: QueryValues;
}

const refused = (status: number, message: string): Outcome => ({ ok: false, status, message });
const told = (body: object): Outcome => ({ ok: true, body });

/** Registers the routes. */
export function addJaegerTraceRoutes(app: FastifyInstance, parts: JaegerTraceParts): void {
  const { storage, access, now, maxRangeSeconds } = parts;
  let running = 0;

  async function admitted(request: FastifyRequest, reply: FastifyReply, work: (asked: Asked) => Promise<Outcome>) {
    const reader = await access.admit(request.headers.authorization);
    if (!reader.ok) {
      void reply.header("www-authenticate", "Bearer");
      return refused(reader.status, reader.detail);
    }
    if (running >= MAX_RUNNING) {
      void reply.header("retry-after", "1");
      return refused(503, `${MAX_RUNNING} such requests are running already; ask again`);
    }
    running++;
    try {
      return await work({ tenant: reader.tenant, params: textsOf(request.params), query: valuesOf(request.query) });
    } catch (error) {
      if (!isStorageUnavailable(error)) throw error;
      emitEvent("api.failed", { code: "UNAVAILABLE" }, `${request.id}: ${reasonOf(error)}`);
      void reply.header("retry-after", "5");
      return refused(503, "storage cannot answer this now, or needs longer than it may: ask for less, or later");
    } finally {
      running--;
    }
  }

  const serve = (
    path: string,
    refusal: (status: number, message: string) => object,
    work: (asked: Asked) => Promise<Outcome>,
  ): void => {
    app.get(path, async (request, reply) => {
      const outcome = await admitted(request, reply, work);
      return outcome.ok ? outcome.body : reply.code(outcome.status).send(refusal(outcome.status, outcome.message));
    });
  };
  const nowSeconds = (): number => now() / 1000;
  const bounds = () => ({ nowMs: now(), maxRangeSeconds });

  const operationsOf = async (tenant: string, service: string, kindText: string) => {
    const kind = KINDS[kindText.toLowerCase()];
    if (kindText !== "" && kind === undefined) return null;
    const found = await readSpanOperations(storage, { tenant, service, kind: kind ?? "", nowSeconds: nowSeconds() });
    return found.map((one) => ({
      name: one.name,
      spanKind: one.kind === "Unspecified" ? "" : one.kind.toLowerCase(),
    }));
  };
  const search = (asked: TraceSearch): Promise<WholeTrace[]> =>
    searchTraces(storage, asked, { perTrace: MAX_FOUND_A_TRACE, inAll: MAX_FOUND_SPANS });
  /** One trace by its id; a text where the id or a time is none. */
  const byId = async (
    { tenant, query }: Asked,
    id: string,
    names: readonly [string, string],
  ): Promise<WholeTrace | null | string> => {
    if (!/^[0-9a-f]{1,32}$/i.test(id)) return "a trace id has up to 32 hexadecimal digits";
    const times = names.map((name) => readTime(name, query[name]?.at(-1)));
    const known: bigint[] = [];
    for (const time of times) {
      if (typeof time === "string") return time;
      if (time !== null) known.push(time);
    }
    const middle = known.length === 0 ? null : known.reduce((sum, ns) => sum + ns, 0n) / BigInt(known.length);
    const lookup = {
      tenant,
      traceId: id.toLowerCase().padStart(32, "0"),
      aroundSeconds: middle === null ? null : Number(middle / 1_000_000_000n),
      nowSeconds: nowSeconds(),
    };
    return readWholeTrace(storage, lookup, MAX_TRACE_SPANS);
  };

  serve("/api/services", legacyRefusal, async ({ tenant }) =>
    told(legacyAnswer(await readSpanServices(storage, tenant, nowSeconds()))),
  );
  serve("/api/services/:service/operations", legacyRefusal, async ({ tenant, params }) => {
    const found = await operationsOf(tenant, params["service"] ?? "", "");
    return told(legacyAnswer([...new Set(found?.map(({ name }) => name))]));
  });
  serve("/api/operations", legacyRefusal, async ({ tenant, query }) => {
    const service = query["service"]?.at(-1) ?? "";
    if (service === "") return refused(400, "parameter 'service' is required");
    const found = await operationsOf(tenant, service, query["spanKind"]?.at(-1) ?? "");
    return found === null ? refused(400, "unsupported spanKind") : told(legacyAnswer(found));
  });
  serve("/api/traces", legacyRefusal, async (asked) => {
    const ids = asked.query["traceID"] ?? [];
    if (ids.length > MAX_IDS) return refused(400, `more than ${MAX_IDS} trace ids`);
    if (ids.length > 0) {
      const traces: WholeTrace[] = [];
      for (const id of ids) {
        const trace = await byId(asked, id, ["start", "end"]);
        if (typeof trace === "string") return refused(400, trace);
        if (trace !== null) traces.push(trace);
      }
      return told(legacyAnswer(traces.map(legacyTrace)));
    }
    const wanted = readLegacySearch(asked.query, bounds());
    if (!wanted.ok) return refused(400, wanted.reason);
    const traces = await search({ ...wanted.search, tenant: asked.tenant });
    return told(legacyAnswer(traces.map(legacyTrace)));
  });
  serve("/api/traces/:id", legacyRefusal, async (asked) => {
    const trace = await byId(asked, asked.params["id"] ?? "", ["start", "end"]);
    if (typeof trace === "string") return refused(400, trace);
    return trace === null ? refused(404, "trace not found") : told(legacyAnswer([legacyTrace(trace)]));
  });

  serve("/api/v3/services", currentRefusal, async ({ tenant }) =>
    told({ services: await readSpanServices(storage, tenant, nowSeconds()) }),
  );
  serve("/api/v3/operations", currentRefusal, async ({ tenant, query }) => {
    const service = query["service"]?.at(-1) ?? "";
    if (service === "") return refused(400, "missing required parameter: service");
    const found = await operationsOf(tenant, service, (query["span_kind"] ?? query["spanKind"])?.at(-1) ?? "");
    return found === null ? refused(400, "malformed parameter span_kind") : told({ operations: found });
  });
  serve("/api/v3/traces", currentRefusal, async (asked) => {
    const wanted = readCurrentSearch(asked.query, bounds());
    if (!wanted.ok) return refused(400, wanted.reason);
    const traces = await search({ ...wanted.search, tenant: asked.tenant });
    return told(currentTraces(traces));
  });
  serve("/api/v3/traces/:id", currentRefusal, async (asked) => {
    const trace = await byId(asked, asked.params["id"] ?? "", ["start_time", "end_time"]);
    if (typeof trace === "string") return refused(400, trace);
    return trace === null ? refused(404, "No traces found") : told(currentTraces([trace]));
  });
}

function textsOf(params: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(params ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function valuesOf(query: unknown): QueryValues {
  return Object.fromEntries(
    Object.entries(query ?? {}).map(([name, value]: [string, unknown]) => [
      name,
      (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === "string"),
    ]),
  );
}

// The HTTP server of the api role: GraphQL, what other tools ask for (Jaeger, Prometheus), health, readiness and the console.
// In: storage, the analyzer's localize if it runs here, options. Out: a fastify server, ready to listen.
// Bounds: body, depth, aliases, cost, sockets and subscriptions by options.ts; errors are masked by error-format.ts; requests
// with a foreign Host or Origin are refused before anything is read.
import { randomUUID } from "node:crypto";
import { fastifyWebsocket } from "@fastify/websocket";
import { metrics, SpanStatusCode, trace } from "@opentelemetry/api";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { mercurius } from "mercurius";
import type { ExplainDetection } from "../model/incident-check.ts";
import type { Localize } from "../model/localization.ts";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { Storage } from "../storage/client.ts";
import { readIncidentsSince } from "../storage/incidents.ts";
import { readLocalizations } from "../storage/localizations.ts";
import { findConsole, serveConsole } from "./console-files.ts";
import { formatErrors } from "./error-format.ts";
import type { ApiContext } from "./graphql/builder.ts";
import { IncidentFeed } from "./incident-feed.ts";
import { addJaegerRoutes } from "./jaeger.ts";
import { addJaegerTraceRoutes } from "./jaeger-traces.ts";
import { batchLocalizations } from "./localization-batch.ts";
import { limitOperation, refuseSyntaxTree } from "./operation-limits.ts";
import type { ApiOptions } from "./options.ts";
import { createReadAccess } from "./read-access.ts";
import { type Checks, watchReadiness } from "./readiness.ts";
import { refuse } from "./refusal.ts";
import { corsHeaders, refuseRequest, SECURITY_HEADERS } from "./request-guard.ts";
import { buildApiSchema } from "./schema.ts";
import { addSeriesRoute } from "./series/routes.ts";
import { guardSubscriptions } from "./subscription-guard.ts";
import { fillVariableDefaults } from "./variable-defaults.ts";

/** What the server is made of; `now` is unix ms. */
export interface ServerParts {
  readonly storage: Storage;
  readonly localize: Localize | null;
  readonly explainDetection?: ExplainDetection | null;
  readonly options: ApiOptions;
  readonly checks: Checks;
  readonly version: string;
  readonly now: () => number;
}

const FEED_INTERVAL_MS = 1000;
const KEEP_ALIVE_MS = 20_000;
const GRAPHQL_PATH = "/graphql";
const PROBES = new Set(["/healthz", "/readyz"]);

function pathOf(request: FastifyRequest): string {
  return request.url.split("?")[0] ?? "";
}

// Localizations on demand are heavy: more than a few at once would starve the live cycle.
function admission(limit: number): ApiContext["admitLocalize"] {
  let running = 0;
  return async (work) => {
    if (running >= limit) {
      throw refuse("BUSY", `This process already runs ${running} localizations; try again in a few seconds.`);
    }
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
    }
  };
}

function requestIdOf(context: unknown): string {
  const id = typeof context === "object" && context !== null && "requestId" in context ? context.requestId : "";
  return typeof id === "string" ? id : "";
}

// Each request is a span of ours and a measure of how long it took.
function observe(app: FastifyInstance): void {
  const tracer = trace.getTracer("faultline");
  const duration = metrics.getMeter("faultline").createHistogram("faultline.api.duration_seconds", {
    description: "Time to answer an HTTP request, by route and status",
    unit: "s",
  });
  app.addHook("onRequest", (request, _reply, done) => {
    const span = tracer.startSpan("api/server", { attributes: { "http.route": request.routeOptions.url ?? "" } });
    request.raw.once("close", () => span.end());
    request.raw.once("error", (error) => {
      span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) });
    });
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    duration.record(reply.elapsedTime / 1000, {
      route: request.routeOptions.url ?? "none",
      status: String(reply.statusCode),
    });
    done();
  });
}

/** Builds the server; the caller listens and closes. */
export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const { storage, localize, options, now, version } = parts;
  const { limits, tenant } = options;
  const guard = {
    allowedHosts: [...options.allowedHosts, options.host].map((name) => name.toLowerCase()),
    allowedOrigins: options.allowedOrigins,
  };
  const app = Fastify({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
  });
  // First: its hooks mark upgrade requests and close their sockets, also of those that the guard below refuses.
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: limits.maxBodyBytes,
      verifyClient: ({ req }, answer) => {
        if (app.websocketServer.clients.size >= limits.maxSockets) answer(false, 503, "Too many connections");
        // mercurius speaks these two, and writes to the console about any other.
        else if (!/\bgraphql-(transport-)?ws\b/.test(req.headers["sec-websocket-protocol"] ?? "")) {
          answer(false, 400, "Subprotocol graphql-transport-ws expected");
        } else answer(true);
      },
    },
  });
  observe(app);

  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({ ...SECURITY_HEADERS, "x-request-id": request.id });
    // A probe comes from the node by address; it learns nothing but health.
    if (PROBES.has(pathOf(request))) return;
    const refusal = refuseRequest(request.headers, guard);
    if (refusal !== null) {
      emitEvent("api.refused", { code: "FORBIDDEN" }, refusal);
      return reply.code(403).send({ error: "FORBIDDEN", message: refusal });
    }
    void reply.headers(corsHeaders(request.headers.origin, guard));
    if (request.method === "OPTIONS") return reply.code(204).send();
  });
  app.setErrorHandler((error, request, reply) => {
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
    if (status >= 400 && status < 500) {
      return reply.code(status).send({ error: "BAD_REQUEST", message: reasonOf(error), requestId: request.id });
    }
    emitEvent("api.failed", { code: "INTERNAL" }, `${request.id}: ${reasonOf(error)}`);
    return reply.code(500).send({ error: "INTERNAL", message: "This failed inside Faultline.", requestId: request.id });
  });

  const feed = new IncidentFeed({
    readSince: (revision, limit) => readIncidentsSince(storage, tenant, revision, limit),
    now,
    pollIntervalMs: FEED_INTERVAL_MS,
    maxSubscribers: limits.maxSubscribers,
  });
  const admitLocalize = admission(limits.maxConcurrentLocalizations);
  const makeContext = (request: FastifyRequest, gone: AbortSignal | null): ApiContext => ({
    tenant,
    storage,
    localize,
    explainDetection: parts.explainDetection ?? null,
    limits,
    version,
    now,
    feed,
    gone,
    requestId: request.id,
    localization: batchLocalizations((ids) => readLocalizations(storage, tenant, ids)),
    admitLocalize,
  });

  const schema = buildApiSchema();
  const limitRule = limitOperation(limits);
  await app.register(mercurius, {
    schema,
    path: GRAPHQL_PATH,
    jit: options.jit ? 1 : 0,
    graphiql: false,
    ide: false,
    cache: 256,
    queryDepth: limits.maxDepth,
    validationRules: [limitRule],
    graphql: { parseOptions: { maxTokens: limits.maxTokens } },
    context: (request) => ({ ...makeContext(request, null) }),
    errorFormatter: (execution, context) => {
      const hasData = execution.data !== null && execution.data !== undefined;
      const { statusCode, errors } = formatErrors(execution.errors, hasData, requestIdOf(context));
      return { statusCode, response: { data: execution.data ?? null, errors } };
    },
    subscription: {
      keepAlive: KEEP_ALIVE_MS,
      context: (socket, request) => {
        const gone = new AbortController();
        socket.once("close", () => gone.abort());
        return { ...makeContext(request, gone.signal) };
      },
    },
  });
  app.graphql.addHook("preParsing", (_schema, source) => refuseSyntaxTree(source));
  fillVariableDefaults(app);
  guardSubscriptions(app, schema, limitRule);

  const readiness = watchReadiness(storage, tenant, parts.checks, now);
  app.get("/healthz", () => ({ alive: true, version }));
  app.get("/readyz", async (_request, reply) => {
    const answer = await readiness();
    return reply.code(answer.ready ? 200 : 503).send(answer);
  });
  const access = createReadAccess(storage, tenant, now);
  addJaegerRoutes(app, { storage, access, now });
  addJaegerTraceRoutes(app, { storage, access, now, maxRangeSeconds: limits.maxTraceRangeSeconds });
  addSeriesRoute(app, { storage, access, now, maxSeries: limits.maxSeries });
  const isReserved = (path: string): boolean =>
    path === GRAPHQL_PATH || PROBES.has(path) || /^\/(?:api|metrics)(?:\/|$)/.test(path);
  await serveConsole(app, findConsole(options.consoleDir), isReserved);
  app.addHook("preClose", () => feed.stop());
  return app;
}

// Remedies: the smallest manifest that takes a fault away, checked with the schemas of Istio and of the Gateway API.
import { HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import { DestinationRule, VirtualService } from "@kubernetes-models/istio/networking.istio.io/v1";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { manifestOf, specOf } from "../../../analyzer/remedy/manifest.ts";
import { type RemedyCause, suggestRemedy } from "../../../analyzer/remedy/remedy.ts";
import { desiredState } from "../../../ingest/changes/desired-state.ts";
import { diffFields } from "../../../ingest/changes/field-words.ts";
import { makeEntity } from "../../../model/entity.ts";
import type { Change } from "../../../model/localization.ts";
import type { RouteKind, RouteObject } from "../../../storage/route-objects.ts";

const KINDS = { VirtualService, DestinationRule, HTTPRoute };
const GROUPS = {
  VirtualService: "networking.istio.io",
  DestinationRule: "networking.istio.io",
  HTTPRoute: "gateway.networking.k8s.io",
};

function fieldsOf(kind: RouteKind, spec: object): ReadonlyMap<string, string> {
  const seen = { kind, group: GROUPS[kind], cluster: "east", namespace: "shop", name: "x", uid: "u" };
  return desiredState({ ...seen, object: { spec } } as unknown as Parameters<typeof desiredState>[0]).fields;
}

function known(kind: RouteKind, name: string, spec: object): RouteObject {
  return { kind, cluster: "east", namespace: "shop", name, fields: fieldsOf(kind, spec) };
}

/** The manifest as an object, after the schema of its kind has accepted it. */
function valid(patch: string | null | undefined) {
  const manifest = parse(patch ?? "null") as { kind: RouteKind; metadata: object; spec: Record<string, unknown> };
  const Kind = KINDS[manifest.kind];
  new Kind(manifest as never).validate();
  return manifest;
}

const where = { cluster: "east", namespace: "shop" };
const at = (service: string, kind: "SERVICE" | "VERSION" | "INSTANCE" = "SERVICE", more = {}) =>
  makeEntity(kind, { ...where, service, ...more });
const cause = (faultKind: RemedyCause["faultKind"], entity: RemedyCause["entity"], change: Change | null = null) => ({
  faultKind,
  entity,
  change,
});

const FULL_ROUTES = {
  hosts: ["catalog.shop.svc.cluster.local", "catalog"],
  gateways: ["mesh"],
  http: [
    {
      match: [{ uri: { prefix: "/v2" }, headers: { "x-user.kind": { exact: "beta" } } }],
      route: [
        { destination: { host: "catalog", subset: "v1", port: { number: 8080 } }, weight: 75 },
        { destination: { host: "catalog", subset: "v2" }, weight: 25 },
      ],
      retries: { attempts: 8, perTryTimeout: "2s", backoff: "5ms", retryOn: "5xx,reset" },
      timeout: "5s",
    },
    {
      route: [{ destination: { host: "catalog", subset: "v1" } }],
      fault: { abort: { httpStatus: 503, percentage: { value: 60 } } },
    },
  ],
};

describe("rebuilding a manifest", () => {
  it("gives back the very spec that was seen", () => {
    expect(specOf(fieldsOf("VirtualService", FULL_ROUTES))).toEqual(FULL_ROUTES);
    const rule = {
      host: "catalog",
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 3 }, http: { http1MaxPendingRequests: 1 } },
        outlierDetection: { consecutive5xxErrors: 7, interval: "5s" },
      },
      subsets: [{ name: "v1", labels: { "app.kubernetes.io/version": "1" } }],
    };
    expect(specOf(fieldsOf("DestinationRule", rule))).toEqual(rule);
  });
  it("refuses where a value was cut or the order of named routes is lost", () => {
    expect(specOf(fieldsOf("VirtualService", { hosts: ["x".repeat(400)] }))).toBeNull();
    const named = {
      hosts: ["a"],
      http: [
        { name: "z", timeout: "1s" },
        { name: "a", timeout: "2s" },
      ],
    };
    expect(specOf(fieldsOf("VirtualService", named))).toBeNull();
    expect(specOf(new Map())).toBeNull();
  });
  it("says for which cluster it is", () => {
    const text = manifestOf({ kind: "DestinationRule", cluster: "east", namespace: "shop", name: "a" }, { host: "a" });
    expect(text.startsWith("# cluster: east\n")).toBe(true);
    expect(valid(text).metadata).toEqual({ name: "a", namespace: "shop" });
  });
});

describe("a remedy by route", () => {
  const routes = [known("VirtualService", "catalog", FULL_ROUTES)];
  it("takes an injected fault away and nothing else", () => {
    const entity = makeEntity("EDGE", { ...where, service: "frontend", peer: at("catalog") });
    const { patch } = suggestRemedy(cause("FAULT_INJECTION", entity), routes)!;
    const [first, second] = FULL_ROUTES.http;
    expect(valid(patch).spec).toEqual({ ...FULL_ROUTES, http: [first, { route: second!.route }] });
  });
  it("gives a bad version's share to the others", () => {
    const { summary, patch } = suggestRemedy(cause("LATENCY", at("catalog", "VERSION", { version: "v2" })), routes)!;
    expect(summary).toContain("Send no more requests to catalog v2");
    const [first] = valid(patch).spec["http"] as { route: { weight: number }[] }[];
    expect(first!.route.map((d) => d.weight)).toEqual([100, 0]);
  });
  it("lowers retries that multiply the load", () => {
    const { patch } = suggestRemedy(cause("RETRY_STORM", at("catalog")), routes)!;
    const [first] = valid(patch).spec["http"] as { retries: object }[];
    expect(first!.retries).toEqual({ attempts: 2, perTryTimeout: "2s", retryOn: "5xx,reset" });
  });
  it("shifts the weights of an HTTPRoute's backends", () => {
    const spec = {
      parentRefs: [{ name: "catalog" }],
      rules: [
        {
          backendRefs: [
            { name: "catalog-v1", port: 80, weight: 90 },
            { name: "catalog-v2", port: 80, weight: 10 },
          ],
        },
      ],
    };
    const entity = at("catalog", "VERSION", { version: "v2" });
    const { patch } = suggestRemedy(cause("BAD_RELEASE", entity), [known("HTTPRoute", "catalog", spec)])!;
    const [rule] = valid(patch).spec["rules"] as { backendRefs: { weight: number }[] }[];
    expect(rule!.backendRefs.map((d) => d.weight)).toEqual([100, 0]);
  });
  it("leaves routes to other services alone", () => {
    expect(suggestRemedy(cause("RETRY_STORM", at("cart")), routes)).toBeNull();
  });
  it("takes a change of the route back", () => {
    const before = {
      hosts: ["catalog"],
      http: [{ route: [{ destination: { host: "catalog", subset: "v1" } }], timeout: "3s" }],
    };
    const after = {
      hosts: ["catalog"],
      http: [
        {
          route: [{ destination: { host: "catalog", subset: "v9" } }],
          fault: { delay: { fixedDelay: "5s", percentage: { value: 50 } } },
        },
      ],
    };
    const object = known("VirtualService", "catalog", after);
    const difference = diffFields(fieldsOf("VirtualService", before), object.fields);
    const change: Change = {
      id: "1",
      at: "2026-01-01T00:00:00Z",
      kind: "VirtualService",
      entity: at("catalog"),
      summary: `VirtualService catalog changed: ${difference.headline}`,
      before: difference.before,
      after: difference.after,
    };
    const { summary, patch } = suggestRemedy(cause("ROUTE_CONFIG", at("catalog"), change), [object])!;
    expect(summary).toContain("Take the change back");
    expect(valid(patch).spec).toEqual(before);
  });
});

describe("a remedy by traffic policy", () => {
  const instance = at("inventory", "INSTANCE", { instance: "inventory-1", version: "v1" });
  it("ejects a failing instance with a new rule where there is none", () => {
    const manifest = valid(suggestRemedy(cause("CODE_ERROR", instance), [])!.patch);
    expect(manifest).toMatchObject({
      kind: "DestinationRule",
      metadata: { name: "inventory", namespace: "shop" },
      spec: { host: "inventory.shop.svc.cluster.local", trafficPolicy: { outlierDetection: { interval: "10s" } } },
    });
  });
  it("adds to the rule that there is", () => {
    const rule = { host: "inventory", trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } } };
    const manifest = valid(suggestRemedy(cause("CRASH", instance), [known("DestinationRule", "inv", rule)])!.patch);
    expect(manifest.spec["trafficPolicy"]).toMatchObject({ tls: { mode: "ISTIO_MUTUAL" }, outlierDetection: {} });
  });
  it("doubles the limits of a circuit breaker, and invents none", () => {
    const pool = { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } };
    const rule = known("DestinationRule", "cart", { host: "cart", trafficPolicy: { connectionPool: pool } });
    const manifest = valid(suggestRemedy(cause("CIRCUIT_BREAKER", at("cart")), [rule])!.patch);
    expect(manifest.spec["trafficPolicy"]).toEqual({
      connectionPool: { tcp: { maxConnections: 2 }, http: { http1MaxPendingRequests: 2 } },
    });
    expect(suggestRemedy(cause("CIRCUIT_BREAKER", at("cart")), [])!.patch).toBeNull();
  });
  it("balances by requests in flight", () => {
    const manifest = valid(suggestRemedy(cause("LOAD_IMBALANCE", instance), [])!.patch);
    expect(manifest.spec["trafficPolicy"]).toEqual({ loadBalancer: { simple: "LEAST_REQUEST" } });
  });
});

describe("a remedy in words", () => {
  it("takes a rollout back", () => {
    const change: Change = {
      id: "1",
      at: "2026-01-01T00:00:00Z",
      kind: "Deployment",
      entity: at("pricing"),
      summary: "Deployment pricing-v2 changed: image pricing:2.3.0 → pricing:2.3.1",
      before: null,
      after: null,
    };
    const remedy = suggestRemedy(cause("BAD_RELEASE", at("pricing"), change), [])!;
    expect(remedy.summary).toContain("kubectl rollout undo deployment/pricing-v2 -n shop");
    expect(remedy.patch).toBeNull();
  });
  it("says nothing where it knows nothing", () => {
    expect(suggestRemedy(cause("UNKNOWN", at("pricing")), [])).toBeNull();
  });
});

// The endpoints for delivery tools: what they store, what they leave out, whom they refuse.
// In: webhooks as CDEvents, Argo CD, Flux and GitHub send them. Out: answers and rows of `changes`.
// Bounds: storage lives in this process; docs.test.ts sends them over HTTP.
import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import {
  CHANGE_HOOK_DEFAULTS,
  type ChangeHookOptions,
  createChangeEndpoints,
} from "../../../ingest/changes/endpoints.ts";
import type { EndpointAnswer } from "../../../ingest/http-endpoint.ts";
import { createObjectStore, OBSERVED_MS, type ObjectStore } from "../../fixtures/kubernetes.ts";

const ROOT = resolve(fileURLToPath(new URL("../../..", import.meta.url)));
const SAMPLE = join(
  process.env["FAULTLINE_DATA_DIR"] ?? join(ROOT, "../shared/data"),
  "mesh-samples/cdevents/service_deployed.json",
);

let store: ObjectStore;
beforeEach(() => {
  store = createObjectStore();
});

async function send(
  source: string,
  body: unknown,
  headers: Record<string, string> = {},
  options: Partial<ChangeHookOptions> = {},
): Promise<EndpointAnswer & { told: Record<string, unknown> }> {
  const endpoints = createChangeEndpoints(store.storage, { ...CHANGE_HOOK_DEFAULTS, ...options }, () => OBSERVED_MS);
  const endpoint = endpoints.find(({ path }) => path === `/v1/changes/${source}`);
  const answer = await endpoint!.handle({
    tenant: "default",
    headers,
    query: new URLSearchParams(),
    body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  });
  return { ...answer, told: JSON.parse(answer.body ?? "{}") as Record<string, unknown> };
}

const changes = () => store.rows("changes");
const AT = "2026-01-02T03:00:00Z";
const COMMIT = "8c5f2a1e4b7d9c0f3a6e5d4c3b2a19080706f5e4";

describe("CDEvents", () => {
  const event = (predicate: string, more: object = {}, context: object = { specversion: "0.5.0" }) => ({
    context: { ...context, id: "1", source: "/ci", type: `dev.cdevents.${predicate}.0.3.0`, timestamp: AT },
    subject: { id: "shop/pricing", content: { environment: { id: "prod" }, artifactId: "pkg:oci/p?tag=2.3.1" } },
    ...more,
  });

  it.each([
    ["service.deployed", "pricing deployed in prod: pkg:oci/p?tag=2.3.1", "pkg:oci/p?tag=2.3.1"],
    ["service.upgraded", "pricing upgraded in prod: pkg:oci/p?tag=2.3.1", "pkg:oci/p?tag=2.3.1"],
    ["service.rolledback", "pricing rolled back in prod: pkg:oci/p?tag=2.3.1", "pkg:oci/p?tag=2.3.1"],
    ["service.removed", "pricing removed in prod: pkg:oci/p?tag=2.3.1", ""],
  ])("%s is a change", async (predicate, summary, after) => {
    const answer = await send("cdevents", event(predicate));
    expect(answer.status).toBe(200);
    expect(changes()).toMatchObject([
      {
        Summary: summary,
        After: after,
        EntityId: "version:/shop/pricing/2.3.1",
        Origin: "cdevents",
        At: "2026-01-02T03:00:00.000Z",
      },
    ]);
  });

  it.each(["environment.created", "incident.detected", "service.published", "pipelinerun.finished"])(
    "%s is taken and left out",
    async (predicate) => {
      expect(await send("cdevents", event(predicate))).toMatchObject({ status: 202, told: { stored: 0 } });
      expect(changes()).toEqual([]);
    },
  );

  it("0.4 says version, CloudEvents wrap it, a batch holds several, and again is the same", async () => {
    const inner = event("service.deployed", {}, { version: "0.4.1" });
    const structured = { specversion: "1.0", id: "1", source: "/ci", type: inner.context.type, data: inner };
    await send("cdevents", inner);
    await send("cdevents", structured, { "content-type": "application/cloudevents+json" });
    await send("cdevents", inner, { "ce-id": "1", "ce-type": inner.context.type, "ce-specversion": "1.0" });
    expect(changes()).toHaveLength(1);
    const other = { ...inner, context: { ...inner.context, id: "2" } };
    expect(await send("cdevents", [structured, other])).toMatchObject({ status: 200, told: { stored: 2 } });
    expect(new Set(changes().map((row) => row["Id"])).size).toBe(2);
  });

  it.each([
    [{}, "context.type"],
    [{ context: { type: "com.example.thing" } }, "context.type"],
    [{ context: { type: "dev.cdevents.service.deployed.0.3.0" } }, "context.id"],
    [{ context: { type: "dev.cdevents.service.deployed.0.3.0", id: "1" }, subject: {} }, "subject.id"],
  ])("%j is refused in one sentence", async (body, word) => {
    const answer = await send("cdevents", body);
    expect(answer.status).toBe(400);
    expect(answer.told["error"]).toContain(word);
  });

  it.skipIf(!existsSync(SAMPLE))("the specification's sample (mesh-samples/cdevents)", async () => {
    expect(await send("cdevents", readFileSync(SAMPLE, "utf8"))).toMatchObject({ status: 200, told: { stored: 1 } });
    expect(changes()).toMatchObject([
      { EntityId: "version://mySubject123/sha256%3A0b31b1c02ff4", At: "2023-03-20T14:27:05.315Z" },
    ]);
  });

  it("fields may be named", async () => {
    const fields = { cdevents: { cluster: ["subject.content.environment.id"], service: ["subject.content.app.name"] } };
    const body = event("service.deployed", {
      subject: { id: "x", content: { environment: { id: "west" }, app: { name: "cart" } } },
    });
    await send("cdevents", body, {}, { fields });
    expect(changes()).toMatchObject([{ EntityId: "service:west//cart" }]);
  });
});

describe("Argo CD", () => {
  const body = (more: object = {}) => ({
    app: "pricing",
    labels: null,
    cluster: "east",
    namespace: "shop",
    phase: "Succeeded",
    startedAt: AT,
    finishedAt: "2026-01-02T03:00:40Z",
    revision: COMMIT,
    images: ["registry.example:5000/shop/pricing:2.3.1"],
    ...more,
  });

  it("a synchronisation is a change from its start, once", async () => {
    expect((await send("argocd", body())).status).toBe(200);
    expect((await send("argocd", body())).status).toBe(200);
    expect(changes()).toMatchObject([
      {
        Summary: "Application pricing synchronised to 8c5f2a1e4b7d",
        EntityId: "version:east/shop/pricing/2.3.1",
        At: "2026-01-02T03:00:00.000Z",
        After: "8c5f2a1e4b7d, registry.example:5000/shop/pricing:2.3.1",
      },
    ]);
  });

  it("failures count, running ones do not, and other bodies are refused", async () => {
    expect((await send("argocd", body({ phase: "Failed" }))).status).toBe(200);
    expect((await send("argocd", body({ phase: "Running" }))).status).toBe(202);
    expect((await send("argocd", { application: "pricing" })).status).toBe(400);
    expect(changes()).toMatchObject([{ Summary: "Application pricing failed to synchronise to 8c5f2a1e4b7d" }]);
  });

  it("the template of deploy/notifications makes such a body", async () => {
    const map = parse(readFileSync(join(ROOT, "deploy/notifications/argocd.yaml"), "utf8")) as {
      data: Record<string, string>;
    };
    const template = parse(map.data["template.faultline-changed"] ?? "") as {
      webhook: { faultline: { body: string; path: string } };
    };
    const { body: text, path } = template.webhook.faultline;
    const app = {
      metadata: { name: "pricing", labels: { "faultline-service": "prices" } },
      spec: { destination: { name: "east", server: "", namespace: "shop" } },
      status: {
        operationState: { phase: "Succeeded", startedAt: AT, finishedAt: AT, syncResult: { revision: COMMIT } },
        summary: { images: ["a:1", "b:2"] },
      },
    };
    const made = text.replaceAll(/\{\{toJson \.app\.([\w.]+)\}\}/g, (_, names: string) => {
      let value: unknown = app;
      for (const name of names.split(".")) value = (value as Record<string, unknown>)[name];
      return JSON.stringify(value);
    });
    expect(path).toBe("/v1/changes/argocd");
    expect(made).not.toContain("{{");
    expect((await send("argocd", made)).status).toBe(200);
    expect(changes()).toMatchObject([{ EntityId: "service:east/shop/prices" }]);
  });
});

describe("Flux", () => {
  const event = (more: object = {}) => ({
    involvedObject: { kind: "Kustomization", namespace: "flux-system", name: "shop", uid: "u" },
    severity: "info",
    timestamp: AT,
    message: "Reconciliation finished",
    reason: "ReconciliationSucceeded",
    metadata: { "kustomize.toolkit.fluxcd.io/revision": `main@sha1:${COMMIT}`, cluster: "east" },
    ...more,
  });
  const signed = (body: string, secret: string) => ({
    "x-signature": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  });

  it("a revision is a change once, however often it is reconciled", async () => {
    expect((await send("flux", event())).status).toBe(200);
    expect((await send("flux", event({ timestamp: "2026-01-02T03:10:00Z" }))).status).toBe(202);
    const next = { metadata: { revision: "main@sha1:2", cluster: "east" }, timestamp: "2026-01-02T03:20:00Z" };
    expect((await send("flux", event(next))).status).toBe(200);
    // Delivered again after the next one: known, and not the way back.
    expect((await send("flux", event())).status).toBe(202);
    expect((await send("flux", event({ timestamp: "2026-01-02T03:30:00Z" }))).status).toBe(200);
    expect(changes().map((row) => row["After"])).toEqual([
      "main@sha1:8c5f2a1e4b7d",
      "main@sha1:2",
      "main@sha1:8c5f2a1e4b7d",
    ]);
  });

  it("releases of Helm count each time, what only waits does not", async () => {
    const object = { kind: "HelmRelease", namespace: "shop", name: "pricing" };
    expect((await send("flux", event({ involvedObject: object, reason: "UpgradeFailed" }))).status).toBe(200);
    expect((await send("flux", event({ involvedObject: object, reason: "DependencyNotReady" }))).status).toBe(202);
    const source = { kind: "GitRepository", namespace: "flux-system", name: "shop" };
    expect((await send("flux", event({ involvedObject: source, reason: "NewArtifact" }))).status).toBe(202);
    expect(changes()).toMatchObject([
      {
        Kind: "HelmRelease",
        EntityId: "service:east/shop/pricing",
        Summary: "HelmRelease pricing failed to upgrade at main@sha1:8c5f2a1e4b7d",
      },
    ]);
  });

  it("with a secret only what it signed is taken", async () => {
    const body = JSON.stringify(event());
    const options = { fluxSecret: "s3cret" };
    expect((await send("flux", body, {}, options)).status).toBe(401);
    expect((await send("flux", body, signed(body, "other"), options)).status).toBe(401);
    expect((await send("flux", body, signed(`${body} `, "s3cret"), options)).status).toBe(401);
    expect((await send("flux", body, { "x-signature": "sha256=00" }, options)).status).toBe(401);
    expect(changes()).toEqual([]);
    expect((await send("flux", body, signed(body, "s3cret"), options)).status).toBe(200);
    const endpoints = createChangeEndpoints(store.storage, { ...CHANGE_HOOK_DEFAULTS, ...options }, () => OBSERVED_MS);
    expect(endpoints.map(({ path, isSelfAuthenticated }) => [path, isSelfAuthenticated])).toContainEqual([
      "/v1/changes/flux",
      true,
    ]);
  });

  it("deploy/notifications/flux.yaml points here", () => {
    const [provider, alert] = parseAllDocuments(readFileSync(join(ROOT, "deploy/notifications/flux.yaml"), "utf8"));
    expect(provider?.toJS()).toMatchObject({
      spec: { type: "generic-hmac", address: "http://faultline:4318/v1/changes/flux" },
    });
    expect(alert?.toJS()).toMatchObject({ spec: { providerRef: { name: "faultline" } } });
  });
});

describe("GitHub", () => {
  const body = (state: string | null, payload: unknown = { service: "pricing", namespace: "shop" }) => ({
    deployment: { id: 42, sha: COMMIT, ref: "v2.3.1", environment: "production", payload, created_at: AT },
    ...(state === null ? {} : { deployment_status: { state, created_at: "2026-01-02T03:04:00Z" } }),
    repository: { name: "shop", full_name: "example/shop" },
  });
  const event = (name: string) => ({ "x-github-event": name });

  it("a deployment counts when it is asked for, starts and ends, each once", async () => {
    await send("github", body(null), event("deployment"));
    for (const state of ["queued", "in_progress", "success", "success", "inactive"]) {
      await send("github", body(state), event("deployment_status"));
    }
    expect(changes().map((row) => [row["Summary"], row["At"]])).toEqual([
      ["deployment of pricing v2.3.1 to production requested", "2026-01-02T03:00:00.000Z"],
      ["deployment of pricing v2.3.1 to production started", "2026-01-02T03:04:00.000Z"],
      ["deployment of pricing v2.3.1 to production succeeded", "2026-01-02T03:04:00.000Z"],
    ]);
    expect(changes()).toMatchObject([
      { EntityId: "version:/shop/pricing/v2.3.1", After: "v2.3.1 8c5f2a1e4b7d" },
      {},
      {},
    ]);
  });

  it("the payload may be text, or nothing", async () => {
    await send("github", body("success", '{"service":"cart"}'), event("deployment_status"));
    await send(
      "github",
      { ...body("failure", ""), repository: { name: "web", full_name: "example/web" } },
      event("deployment_status"),
    );
    expect(changes()).toMatchObject([{ EntityId: "version://cart/v2.3.1" }, { EntityId: "version://web/v2.3.1" }]);
  });

  it("a ping is answered, other events are left out, bodies that are none refused", async () => {
    const secret = { githubSecret: "s3cret" };
    const text = '{"zen":"Keep it logically awesome."}';
    const signature = `sha256=${createHmac("sha256", "s3cret").update(text).digest("hex")}`;
    expect((await send("github", text, event("ping"), secret)).status).toBe(401);
    expect((await send("github", text, { ...event("ping"), "x-hub-signature-256": signature }, secret)).status).toBe(
      200,
    );
    expect((await send("github", {}, event("push"))).status).toBe(202);
    expect((await send("github", {}, event("deployment"))).status).toBe(400);
    expect((await send("github", body(null))).status).toBe(400);
    expect(changes()).toEqual([]);
  });
});

describe("any endpoint", () => {
  const sources = ["cdevents", "argocd", "flux", "github"];

  it.each(sources)("%s refuses what is no JSON object, and what is too large", async (source) => {
    for (const body of ["", "{", "7", '"text"', "payload=%7B%7D", `{"a":"${"x".repeat(2 ** 20)}"}`]) {
      const { status, told } = await send(source, body, { "x-github-event": "deployment" });
      expect([400, 413]).toContain(status);
      expect(String(told["error"])).toMatch(/^[^.]+$/);
    }
    expect(changes()).toEqual([]);
  });

  it("says when storage is away, so that it is sent again", async () => {
    store.failing = "changes";
    const body = { app: "pricing", phase: "Succeeded" };
    expect((await send("argocd", body)).status).toBe(503);
    store.failing = "";
    expect((await send("argocd", body)).status).toBe(200);
    expect(changes()).toHaveLength(1);
  });
});

// The endpoints that delivery tools tell of their changes: POST /v1/changes/{cdevents,argocd,flux,github}.
// In: webhooks. Out: rows in `changes`: 200 when stored (or stored before), 202 when there is no change in it, 400 with one sentence otherwise.
// Bounds: bodies of at most MAX_BODY_BYTES; where a secret is set a request without its signature is 401, and needs no bearer token.
import { reasonOf } from "../../model/errors.ts";
import { emitEvent } from "../../model/events.ts";
import { writeChanges } from "../../storage/changes.ts";
import { isStorageUnavailable, type Storage } from "../../storage/client.ts";
import { type KnownObject, writeKubernetesObjects } from "../../storage/kubernetes-objects.ts";
import type { EndpointAnswer, EndpointRequest, HttpEndpoint } from "../http-endpoint.ts";
import { readArgoCd } from "./argocd.ts";
import { readCdEvent } from "./cdevents.ts";
import { readFlux } from "./flux.ts";
import { readGitHub } from "./github.ts";
import type { ChangeSource, Hints } from "./hints.ts";
import type { HookReading, HookRevision } from "./hook.ts";
import { isJson, parseJson } from "./json-path.ts";
import { ObjectMemory } from "./object-memory.ts";
import { isSigned } from "./signature.ts";

/** How webhooks are read; an empty secret asks for none. */
export interface ChangeHookOptions {
  readonly fluxSecret: string;
  readonly githubSecret: string;
  /** Where payloads name the place, by source and part; see hints.ts. */
  readonly fields: Readonly<Partial<Record<ChangeSource, Hints>>>;
}

/** No secrets, the fields that each tool writes by itself. */
export const CHANGE_HOOK_DEFAULTS: ChangeHookOptions = { fluxSecret: "", githubSecret: "", fields: {} };

/** GitHub sends at most 25 MB, but a deployment is a few kilobytes. */
const MAX_BODY_BYTES = 1 << 20;
const MAX_EVENTS = 1_000;

interface Source {
  readonly source: ChangeSource;
  readonly secret: string;
  readonly signatureHeader: string;
  readonly read: (body: unknown, request: EndpointRequest, nowMs: number) => readonly HookReading[];
}

/** Makes the endpoints; `clock` in unix ms. */
export function createChangeEndpoints(
  storage: Pick<Storage, "query" | "insertRows">,
  options: ChangeHookOptions,
  clock: () => number,
): readonly HttpEndpoint[] {
  const memory = new ObjectMemory(storage);
  const hints = (source: ChangeSource): Hints => options.fields[source] ?? {};
  const sources: readonly Source[] = [
    {
      source: "cdevents",
      secret: "",
      signatureHeader: "",
      read: (body, { headers }, nowMs) =>
        // A batch of CloudEvents is a list of structured ones.
        (Array.isArray(body) ? body.slice(0, MAX_EVENTS) : [body]).map((event) =>
          readCdEvent(event, headers, hints("cdevents"), nowMs),
        ),
    },
    {
      source: "argocd",
      secret: "",
      signatureHeader: "",
      read: (body, _, nowMs) => [readArgoCd(body, hints("argocd"), nowMs)],
    },
    {
      source: "flux",
      secret: options.fluxSecret,
      signatureHeader: "x-signature",
      read: (body, _, nowMs) => [readFlux(body, hints("flux"), nowMs)],
    },
    {
      source: "github",
      secret: options.githubSecret,
      signatureHeader: "x-hub-signature-256",
      read: (body, { headers }, nowMs) => {
        const event = headers["x-github-event"];
        return [readGitHub(body, typeof event === "string" ? event : "", hints("github"), nowMs)];
      },
    },
  ];

  /** True when the object is at that revision already, or beyond it. */
  async function isKnown(tenant: string, { object, value, atMs }: HookRevision): Promise<boolean> {
    await memory.refresh(tenant, [object]);
    const known = memory.peek(tenant, object);
    return known !== undefined && (known.digest === value || known.observedMs > atMs);
  }

  async function storeReadings(
    tenant: string,
    source: ChangeSource,
    readings: readonly HookReading[],
  ): Promise<EndpointAnswer> {
    const refusal = readings.find((reading) => reading.kind === "refused");
    if (refusal !== undefined) return refuse(source, 400, refusal.reason, refusal.detail);
    const told = readings.filter((reading) => reading.kind === "change");
    const fresh = [];
    for (const reading of told) {
      if (reading.revision === undefined || !(await isKnown(tenant, reading.revision))) fresh.push(reading);
    }
    if (fresh.length === 0) {
      const [first] = readings;
      const why =
        first?.kind === "ignored" ? first.why : told.length > 0 ? "the revision is known" : "there is nothing in it";
      return answer(202, { stored: 0, ignored: why });
    }
    const changes = fresh.map((reading) => reading.change);
    await writeChanges(storage, tenant, source, changes);
    const revisions = fresh.flatMap((reading) => (reading.revision === undefined ? [] : [stateOf(reading.revision)]));
    await writeKubernetesObjects(storage, tenant, revisions);
    for (const state of revisions) memory.remember(tenant, state);
    emitEvent("ingest.changes", { source }, undefined, changes.length);
    return answer(200, { stored: changes.length, ids: changes.map(({ id }) => id) });
  }

  return sources.map(({ source, secret, signatureHeader, read }) => ({
    path: `/v1/changes/${source}`,
    isSelfAuthenticated: secret !== "",
    async handle(request) {
      const { body, headers, tenant } = request;
      if (secret !== "" && !isSigned(headers[signatureHeader], body, secret)) {
        return refuse(source, 401, "signature", `the header ${signatureHeader} is missing or does not fit the body`);
      }
      if (source === "github" && headers["x-github-event"] === "ping") return answer(200, { stored: 0 });
      if (body.length > MAX_BODY_BYTES) {
        return refuse(source, 413, "too_large", `the body is larger than ${MAX_BODY_BYTES} bytes`);
      }
      const json = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
      if (!isJson(json) && !(source === "cdevents" && Array.isArray(json))) {
        return refuse(
          source,
          400,
          "json_syntax",
          "the body is no JSON object; send it with content type application/json",
        );
      }
      try {
        return await storeReadings(tenant, source, read(json, request, clock()));
      } catch (error) {
        if (!isStorageUnavailable(error)) throw error;
        emitEvent("ingest.insert_failed", { signal: "changes", reason: "unavailable" }, reasonOf(error));
        return answer(503, { error: "storage is not available; send it again" });
      }
    },
  }));
}

function stateOf({ object, value, atMs }: HookRevision): KnownObject {
  return {
    id: object,
    uid: "",
    generation: null,
    resourceVersion: 0,
    createdMs: 0,
    digest: value,
    fields: new Map(),
    isDeleted: false,
    observedMs: atMs,
  };
}

function refuse(source: ChangeSource, status: number, reason: string, detail: string): EndpointAnswer {
  emitEvent("ingest.refused", { signal: "changes", source, reason }, detail);
  return answer(status, { error: detail });
}

function answer(status: number, body: object): EndpointAnswer {
  return { status, headers: { "content-type": "application/json" }, body: `${JSON.stringify(body)}\n` };
}

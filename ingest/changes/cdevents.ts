// CDEvents (0.3 to 0.5) as changes: services deployed, upgraded, rolled back, removed.
// In: a CloudEvent in structured or binary mode, or a CDEvent by itself. Out: a change; every other event of the specification is ignored.
// Bounds: pure; the id of the event identifies the change.
import type { IncomingHttpHeaders } from "node:http";
import { hintedEntity, type Hints } from "./hints.ts";
import { hookChange, type HookReading, ignored, refused } from "./hook.ts";
import { child, firstText, isJson, parseJson, text, timeOf } from "./json-path.ts";

const TYPE = /^dev\.cdevents\.([a-z]+)\.([a-z]+)(?:\.\d+\.\d+\.\d+\S*)?$/;
const VERBS: Readonly<Record<string, string>> = {
  deployed: "deployed",
  upgraded: "upgraded",
  rolledback: "rolled back",
  removed: "removed",
};

/** Reads one event. */
export function readCdEvent(body: unknown, headers: IncomingHttpHeaders, hints: Hints, nowMs: number): HookReading {
  const event = dataOf(body);
  const context = child(event, "context");
  const type = firstText(child(context, "type"), headers["ce-type"], child(body, "type"));
  const match = TYPE.exec(type);
  if (match === null) {
    return refused(
      "shape",
      "the body is no CDEvent: context.type must be of the form dev.cdevents.<subject>.<predicate>",
    );
  }
  const [, subject = "", predicate = ""] = match;
  const verb = Object.hasOwn(VERBS, predicate) ? VERBS[predicate] : undefined;
  if (subject !== "service" || verb === undefined) return ignored(`${subject} ${predicate} is no change of a service`);
  const id = firstText(child(context, "id"), headers["ce-id"], child(body, "id"));
  if (id === "") return refused("shape", "the CDEvent has no context.id");
  const artifact = text(child(event, "subject", "content", "artifactId"));
  const entity = hintedEntity("cdevents", event, hints, versionOf(artifact));
  if (entity.service === "") return refused("service", "the CDEvent names no service: subject.id is empty");
  const environment = text(child(event, "subject", "content", "environment", "id"));
  const source = firstText(child(context, "source"), headers["ce-source"], child(body, "source"));
  const time = firstText(child(context, "timestamp"), headers["ce-time"], child(body, "time"));
  return {
    kind: "change",
    change: hookChange({
      source: "cdevents",
      key: [source, id],
      atMs: timeOf(time),
      nowMs,
      kind: "Deployment",
      entity,
      summary: `${entity.service} ${verb}${environment === "" ? "" : ` in ${environment}`}${artifact === "" ? "" : `: ${artifact}`}`,
      after: predicate === "removed" ? "" : artifact,
    }),
  };
}

/** The CDEvent inside a structured CloudEvent, or the body itself. */
function dataOf(body: unknown): unknown {
  const data = child(body, "data");
  if (isJson(data)) return data;
  const encoded = child(body, "data_base64");
  if (typeof encoded === "string") return parseJson(Buffer.from(encoded, "base64").toString("utf8"));
  return typeof data === "string" ? parseJson(data) : body;
}

/** `2.3.1` of `pkg:oci/pricing@sha256%3A…?tag=2.3.1`; without a tag the version after the @, a digest as its first twelve digits. */
function versionOf(purl: string): string {
  if (!purl.startsWith("pkg:")) return "";
  const [path = "", qualifiers = ""] = purl.split("#", 1)[0]?.split("?") ?? [];
  const tag = new URLSearchParams(qualifiers).get("tag");
  if (tag !== null && tag !== "") return tag;
  const at = path.lastIndexOf("@");
  const version = at < 0 ? "" : decode(path.slice(at + 1));
  return version.replace(/^(sha\d+):([0-9a-f]{12})[0-9a-f]*$/, "$1:$2");
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

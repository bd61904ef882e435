// Log payloads without the content of Secrets: a cluster that watches them must not fill the log store with passwords.
// In: an OTLP log payload in protobuf. Out: the same, with the body of each record about a Secret replaced by its name.
// Bounds: pure, so that a replay stores the same rows; payloads that name no Secret are passed on as they are.
import { readLogRecords, replaceBodies } from "../otlp/log-objects.ts";
import { text } from "./json-path.ts";
import { readObject } from "./observed-object.ts";

const MARK = Buffer.from("k8s.resource.name");
const SIGNS = [Buffer.from("Secret"), Buffer.from("secrets")];

/** The payload to store; a malformed one is returned as it is, for it will be refused. */
export function hideSecrets(payload: Uint8Array): Uint8Array {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (!bytes.includes(MARK) || !SIGNS.some((sign) => bytes.includes(sign))) return payload;
  const bodies = new Map<number, string>();
  const records = readLogRecords(payload);
  let next = records.next();
  for (; next.done !== true; next = records.next()) {
    const { attributes, body, from } = next.value;
    const plural = text(attributes.get("k8s.resource.name"));
    if (plural === "") continue;
    const seen = readObject(body, "", 0);
    if (plural !== "secrets" && seen?.kind !== "Secret") continue;
    bodies.set(from, seen === null ? "Secret" : `Secret ${seen.namespace}/${seen.name} ${seen.sighting.toLowerCase()}`);
  }
  return next.value && bodies.size > 0 ? replaceBodies(payload, bodies) : payload;
}

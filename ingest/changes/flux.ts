// Events of Flux (providers generic and generic-hmac) as changes.
// In: an Event of the notification controller. Out: a change when a Kustomization or HelmRelease was applied, or failed half-way.
// Bounds: pure; what is told at every reconciliation counts once a revision (the endpoint remembers it).
import { shortRevision } from "./argocd.ts";
import { hintedEntity, type Hints } from "./hints.ts";
import { hookChange, type HookReading, ignored, refused } from "./hook.ts";
import { child, firstText, nameOf, text, timeOf } from "./json-path.ts";

const APPLIED: Readonly<Record<string, string>> = {
  ReconciliationSucceeded: "applied",
  InstallSucceeded: "installed",
  UpgradeSucceeded: "upgraded",
  RollbackSucceeded: "rolled back",
  UninstallSucceeded: "uninstalled",
  InstallFailed: "failed to install",
  UpgradeFailed: "failed to upgrade",
  RollbackFailed: "failed to roll back",
};
const KINDS = new Set(["Kustomization", "HelmRelease"]);

/** Reads one event. */
export function readFlux(body: unknown, hints: Hints, nowMs: number): HookReading {
  const object = child(body, "involvedObject");
  const kind = nameOf(child(object, "kind"));
  const name = nameOf(child(object, "name"));
  if (kind === "" || name === "") {
    return refused("shape", "the body is no event of Flux: involvedObject has no kind and name");
  }
  const reason = text(child(body, "reason"));
  const done = Object.hasOwn(APPLIED, reason) ? APPLIED[reason] : undefined;
  if (!KINDS.has(kind) || done === undefined) {
    return ignored(`${kind} ${reason === "" ? "without a reason" : reason} is no change`);
  }
  const metadata = plain(child(body, "metadata"));
  const event = { involvedObject: object, metadata };
  const revision = nameOf(metadata["revision"]);
  const timestamp = text(child(body, "timestamp"));
  const namespace = nameOf(child(object, "namespace"));
  const entity = hintedEntity("flux", event, hints);
  const cluster = entity.cluster;
  const change = hookChange({
    source: "flux",
    key: [cluster, kind, namespace, name, firstText(child(object, "uid")), reason, revision, timestamp],
    atMs: timeOf(timestamp),
    nowMs,
    kind,
    entity,
    summary: `${kind} ${name} ${done}${revision === "" ? "" : ` at ${shortRevision(revision)}`}`,
    after: shortRevision(revision) || text(child(body, "message")),
  });
  if (reason !== "ReconciliationSucceeded" || revision === "") return { kind: "change", change };
  return {
    kind: "change",
    change,
    revision: { object: `${cluster}/flux/${kind}/${namespace}/${name}`, value: revision, atMs: Date.parse(change.at) },
  };
}

/** Metadata without the prefix of the controller: `kustomize.toolkit.fluxcd.io/revision` is `revision`. */
function plain(metadata: unknown): Readonly<Record<string, unknown>> {
  const entries = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/^[a-z0-9.-]*\.fluxcd\.io\//, ""), value as unknown]),
  );
}

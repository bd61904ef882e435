// Notifications of Argo CD as changes. Their body is a template that we supply: deploy/notifications/argocd.yaml.
// In: the body that the template makes. Out: a change once an application was synchronised, or failed to be.
// Bounds: pure; application, revision and end of the operation identify the change.
import { hintedEntity, type Hints } from "./hints.ts";
import { hookChange, type HookReading, ignored, refused } from "./hook.ts";
import { child, firstText, list, text, timeOf } from "./json-path.ts";

const PHASES: Readonly<Record<string, string>> = {
  Succeeded: "synchronised",
  Failed: "failed to synchronise",
  Error: "failed to synchronise",
};
const MAX_IMAGES = 5;

/** Reads one notification. */
export function readArgoCd(body: unknown, hints: Hints, nowMs: number): HookReading {
  const app = text(child(body, "app"));
  if (app === "") return refused("shape", "the body is not that of deploy/notifications/argocd.yaml: it names no app");
  const phase = text(child(body, "phase"));
  const done = Object.hasOwn(PHASES, phase) ? PHASES[phase] : undefined;
  if (done === undefined) return ignored(`the phase ${phase === "" ? "(none)" : phase} is no change`);
  const revision = firstText(child(body, "revision"), list(child(body, "revisions"))[0]);
  const images = list(child(body, "images"))
    .map(text)
    .filter((image) => image !== "");
  const entity = hintedEntity("argocd", body, hints, images.length === 1 ? tagOf(images[0] ?? "") : "");
  const finishedAt = text(child(body, "finishedAt"));
  const shown = images.slice(0, MAX_IMAGES).join(" ");
  return {
    kind: "change",
    change: hookChange({
      source: "argocd",
      key: [text(child(body, "server")), text(child(body, "cluster")), app, revision, phase, finishedAt],
      // What was applied took effect while the operation ran.
      atMs: timeOf(child(body, "startedAt")) ?? timeOf(finishedAt),
      nowMs,
      kind: "Application",
      entity,
      summary: `Application ${app} ${done}${revision === "" ? "" : ` to ${shortRevision(revision)}`}`,
      before: shortRevision(text(child(body, "previousRevision"))),
      after: [shortRevision(revision), shown].filter((part) => part !== "").join(", "),
    }),
  };
}

/** The tag of an image; '' when it has none. */
export function tagOf(image: string): string {
  const [name = ""] = image.split("@");
  const last = name.slice(name.lastIndexOf("/") + 1);
  const colon = last.indexOf(":");
  return colon < 0 ? "" : last.slice(colon + 1);
}

/** Commits as their first twelve digits. */
export function shortRevision(revision: string): string {
  return revision.replace(/\b([0-9a-f]{12})[0-9a-f]{20,}\b/g, "$1");
}

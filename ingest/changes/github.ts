// Deployments of GitHub as changes.
// In: the events `deployment` and `deployment_status`, with the name of the event. Out: a change when one is asked for, begins or ends.
// Bounds: pure; repository, deployment and state identify the change, so a redelivery is the same one.
import { hintedEntity, type Hints } from "./hints.ts";
import { hookChange, type HookReading, ignored, refused } from "./hook.ts";
import { child, firstText, isJson, parseJson, text, timeOf } from "./json-path.ts";

const STATES: Readonly<Record<string, string>> = {
  in_progress: "started",
  success: "succeeded",
  failure: "failed",
  error: "failed",
};

/** Reads one event; `event` is the header X-GitHub-Event. */
export function readGitHub(body: unknown, event: string, hints: Hints, nowMs: number): HookReading {
  if (event === "") return refused("shape", "the header X-GitHub-Event is missing");
  if (event !== "deployment" && event !== "deployment_status") return ignored(`${event} is no change`);
  const deployment = child(body, "deployment");
  const id = child(deployment, "id");
  const repository = text(child(body, "repository", "full_name"));
  if (typeof id !== "number" || repository === "") {
    return refused("shape", "the body is no deployment of GitHub: deployment.id or repository.full_name is missing");
  }
  const isStatus = event === "deployment_status";
  const state = isStatus ? text(child(body, "deployment_status", "state")) : "requested";
  const done = state === "requested" ? state : Object.hasOwn(STATES, state) ? STATES[state] : undefined;
  if (done === undefined) return ignored(`the state ${state === "" ? "(none)" : state} is no change`);
  const ref = text(child(deployment, "ref"));
  const sha = text(child(deployment, "sha")).slice(0, 12);
  const payload = child(deployment, "payload");
  // GitHub gives the payload as it was sent to it: an object, or a text with one.
  const read = {
    ...(isJson(body) ? body : {}),
    deployment: {
      ...(isJson(deployment) ? deployment : {}),
      payload: typeof payload === "string" ? parseJson(payload) : payload,
    },
  };
  const entity = hintedEntity("github", read, hints, /^v?\d/.test(ref) ? ref : sha);
  const environment = firstText(child(deployment, "environment"), child(body, "deployment_status", "environment"));
  const time = isStatus
    ? [child(body, "deployment_status", "created_at"), child(body, "deployment_status", "updated_at")]
    : [child(deployment, "created_at")];
  return {
    kind: "change",
    change: hookChange({
      source: "github",
      key: [repository, id, state],
      atMs: timeOf(firstText(...time)),
      nowMs,
      kind: "Deployment",
      entity,
      summary: `deployment of ${entity.service || repository} ${ref}${environment === "" ? "" : ` to ${environment}`} ${done}`,
      after: [ref, sha].filter((part) => part !== "").join(" "),
    }),
  };
}

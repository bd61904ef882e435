// Whether the alert targets of a configuration can work.
// In: targets. Out: nothing, or CONFIG_INVALID with one sentence that names the target and never its URL or secret.
// Bounds: names are kept in storage and counted, so they are short and plain.
import { ServiceError } from "../../model/errors.ts";
import type { AlertTarget } from "./options.ts";
import { signWebhook } from "./webhook.ts";

const NAME_FORM = /^[\w.-]{1,64}$/;

function faultOf(target: AlertTarget): string | null {
  if (!NAME_FORM.test(target.name)) return "needs a name of 1 to 64 letters, digits, dots, dashes or underscores";
  const protocol = URL.canParse(target.url) ? new URL(target.url).protocol : "";
  if (protocol !== "http:" && protocol !== "https:") return "needs an http or https URL";
  if (target.kind === "webhook" && target.secret !== undefined) {
    try {
      signWebhook(target.secret, "msg_check", 0, "{}");
    } catch {
      return "needs a secret in base64, such as whsec_… of the Standard Webhooks";
    }
  }
  return null;
}

/** Throws CONFIG_INVALID for the first target that cannot work. */
export function checkTargets(targets: readonly AlertTarget[]): void {
  const names = new Set<string>();
  for (const target of targets) {
    const fault = names.has(target.name) ? "is there twice" : faultOf(target);
    names.add(target.name);
    if (fault !== null) {
      throw new ServiceError("CONFIG_INVALID", { detail: `The alert target ${JSON.stringify(target.name)} ${fault}.` });
    }
  }
}

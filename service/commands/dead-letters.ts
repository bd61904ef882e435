// `faultline dead-letters list|show|replay|drop`: messages that could not be stored, and what can be done about them.
// In: the setting `tenant`, and which letters: an id, a reason, a time. Out: letters a line each; rows after all; letters removed.
// Bounds: letters are read PAGE at a time, bodies one at a time; a list ends at LIST_MAX unless told otherwise. A replay stores a letter once,
// marks it, and leaves what still fails with its new reason. Drop wants to be told which.
import { randomInt } from "node:crypto";
import { createObjectTaker } from "../../ingest/changes/object-taker.ts";
import { createLetterReplay, type ReplayOne, type ReplayOutcome } from "../../ingest/letter-replay.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { createSenderRules } from "../../ingest/sender-rules.ts";
import { ServiceError, reasonOf } from "../../model/errors.ts";
import { isStorageUnavailable, type Storage } from "../../storage/client.ts";
import {
  deleteDeadLetters,
  type LetterEntry,
  type LetterFilter,
  markDeadLetters,
  readDeadLetters,
  readLetterBody,
} from "../../storage/dead-letters.ts";
import { withStorage } from "../command-storage.ts";
import type { Command, CommandContext } from "../main.ts";
import { readTime } from "../time-argument.ts";

const PAGE = 200;
const LIST_MAX = 100;
const SHOWN_BODY_BYTES = 4_096;

/** Lists letters, oldest first, and how many more there are not shown. */
export const deadLettersList: Command = async (context) => {
  const { parsed, print, tell } = context;
  const limit = readLimit(parsed.options["limit"]);
  const found = await withStorage(context, (storage) =>
    readDeadLetters(storage, readFilter(context, parsed.options["all"] !== undefined), limit + 1),
  );
  const shown = found.slice(0, limit);
  if (parsed.options["json"] !== undefined) print(JSON.stringify(shown, null, 2));
  else for (const letter of shown) print(letterLine(letter));
  if (shown.length === 0) tell("There are no such dead letters.");
  if (found.length > limit) tell(`There are more than these ${limit}; --limit N shows more, --since TIME later ones.`);
  return 0;
};

/** Shows one letter with the beginning of its body, or with --raw the body alone. */
export const deadLettersShow: Command = async (context) => {
  const { config, parsed, print, tell } = context;
  const id = parsed.positionals[0] ?? "";
  const tenant = config.values.tenant;
  return await withStorage(context, async (storage) => {
    const [letter] = await readDeadLetters(storage, { tenant, sinceMs: 0, reason: null, id, withReplayed: true }, 1);
    const found = await readLetterBody(storage, tenant, id);
    if (letter === undefined || found === null) throw new ServiceError("LETTER_UNKNOWN", { id, tenant });
    const { body, isCut } = found;
    if (parsed.options["raw"] !== undefined) {
      process.stdout.write(body);
      if (isCut) tell(`Only the first ${body.length} of ${letter.bodyBytes} bytes were kept.`);
      return 0;
    }
    for (const [name, value] of Object.entries(letter)) {
      const text = Array.isArray(value) ? value.join(", ") : String(value);
      if (text !== "") print(`${name.padEnd(10)} ${text}`);
    }
    print(isCut ? `body       the first ${body.length} bytes were kept` : "body");
    const head = body.subarray(0, SHOWN_BODY_BYTES);
    print(letter.encoding === "json" ? head.toString("utf8") : hexLines(head));
    if (body.length > head.length) tell(`The first ${head.length} of ${body.length} bytes; --raw writes all of them.`);
    return 0;
  });
};

/** Stores letters after all; exit code 1 when some still cannot be. */
export const deadLettersReplay: Command = async (context) => {
  const { config, parsed, now, print, tell } = context;
  const isDry = parsed.options["dry-run"] !== undefined;
  const filter = readFilter(context, false);
  return await withStorage(context, async (storage) => {
    const replayOne = makeReplay(context, storage);
    const counts = { stored: 0, rows: 0, failed: 0 };
    for await (const letter of everyLetter(storage, filter)) {
      const outcome = await replayLetter(storage, filter.tenant, letter, replayOne, isDry);
      print(`${letter.id}  ${letter.origin}  ${outcomeText(outcome, isDry)}`);
      if (outcome.ok) {
        counts.stored++;
        counts.rows += outcome.rows;
      } else counts.failed++;
      if (isDry) continue;
      const mark = outcome.ok
        ? { state: "replayed" as const, reason: "", detail: "", rows: outcome.rows }
        : { state: "failed" as const, reason: outcome.reason, detail: outcome.detail, rows: 0 };
      await markDeadLetters(storage, filter.tenant, now(), [{ id: letter.id, ...mark }]);
    }
    const done = isDry ? "would be stored" : "stored";
    tell(`${counts.stored} dead letters ${done} (${counts.rows} rows), ${counts.failed} still cannot be.`);
    if (counts.stored + counts.failed === 0) tell(`Nothing waits in tenant ${config.values.tenant}.`);
    return counts.failed === 0 ? 0 : 1;
  });
};

/** Removes letters for good. */
export const deadLettersDrop: Command = async (context) => {
  const { parsed, print } = context;
  const { id, reason, since, all, replayed } = parsed.options;
  if ((id ?? reason ?? since ?? all ?? replayed) === undefined)
    throw usage("drop removes letters for good, so it needs --id, --reason, --since, --replayed or --all.");
  const filter = readFilter(context, true);
  const dropped = await withStorage(context, async (storage) => {
    const ids: string[] = [];
    for await (const letter of everyLetter(storage, filter)) {
      if (replayed === undefined || letter.state === "replayed") ids.push(letter.id);
    }
    for (let at = 0; at < ids.length; at += PAGE) {
      await deleteDeadLetters(storage, filter.tenant, ids.slice(at, at + PAGE));
    }
    return ids.length;
  });
  print(`${dropped} dead letters dropped.`);
  return 0;
};

async function* everyLetter(storage: Storage, filter: LetterFilter): AsyncGenerator<LetterEntry> {
  for (let after: LetterEntry | null = null; ;) {
    const page: LetterEntry[] = await readDeadLetters(storage, filter, PAGE, after);
    yield* page;
    after = page.at(-1) ?? null;
    if (page.length < PAGE) return;
  }
}

function makeReplay({ config, now }: CommandContext, storage: Storage): ReplayOne {
  const { values } = config;
  const aliases = new Map(Object.entries(values["identity.aliases"]));
  const seed = randomInt(2 ** 32);
  const rules = createSenderRules({ cardinality: values["ingest.cardinality"], aliases }, seed, now);
  return createLetterReplay({
    storage,
    makeBlock: createRowBlocks(values["ingest.decodeLimits"], rules),
    takeChanges: createObjectTaker(storage, now),
    seed,
  });
}

async function replayLetter(
  storage: Storage,
  tenant: string,
  letter: LetterEntry,
  replayOne: ReplayOne,
  isDry: boolean,
): Promise<ReplayOutcome> {
  const { id, signal, encoding, tables } = letter;
  if (signal === "" || encoding === "")
    return { ok: false, reason: "unknown", detail: "it was set aside by a version that did not keep its signal" };
  const found = await readLetterBody(storage, tenant, id);
  if (found === null) return { ok: false, reason: "gone", detail: "it was dropped meanwhile" };
  const { body, isCut } = found;
  if (isCut) {
    const detail = `only ${body.length} of its ${letter.bodyBytes} bytes were kept; the dead-letter topic has all of them`;
    return { ok: false, reason: "cut", detail };
  }
  try {
    return await replayOne({ id, tenant, signal, encoding, body, atMs: Date.parse(letter.at), tables }, isDry);
  } catch (error) {
    if (!isStorageUnavailable(error)) throw error;
    throw new ServiceError("STORAGE_UNREACHABLE", { url: storage.url, cause: reasonOf(error) }, error);
  }
}

function readFilter({ config, parsed, now }: CommandContext, withReplayed: boolean): LetterFilter {
  const { id, reason, since } = parsed.options;
  return {
    tenant: config.values.tenant,
    sinceMs: since === undefined ? 0 : readTime("since", since, now()),
    reason: reason ?? null,
    id: id ?? null,
    withReplayed,
  };
}

function readLimit(text: string | undefined): number {
  const limit = Number(text ?? LIST_MAX);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) throw usage("--limit needs a number from 1 to 100000.");
  return limit;
}

function letterLine(letter: LetterEntry): string {
  const { id, at, state, signal, encoding, bodyBytes, reason, origin, detail } = letter;
  return [id, at, state, `${signal}/${encoding}`, `${bodyBytes} B`, reason, origin, detail].join("  ");
}

function outcomeText(outcome: ReplayOutcome, isDry: boolean): string {
  if (!outcome.ok) return `failed: ${outcome.reason}, ${outcome.detail}`;
  const left = outcome.rejected > 0 ? `, ${outcome.rejected} rows left out` : "";
  return `${isDry ? "would be stored" : "stored"}: ${outcome.rows} rows${left}`;
}

function hexLines(bytes: Buffer): string {
  return (
    bytes
      .toString("hex")
      .match(/.{1,64}/g)
      ?.join("\n") ?? ""
  );
}

function usage(detail: string): ServiceError {
  return new ServiceError("USAGE", { detail });
}

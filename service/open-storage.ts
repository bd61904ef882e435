// Opens the storage that all roles of a process share: waits until ClickHouse answers, then brings its tables up to date.
// In: connection options and how long to wait. Out: a Storage that is ready.
// Bounds: one try every half second, up to the given time, then STORAGE_UNREACHABLE with the last reason.
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceError, reasonOf } from "../model/errors.ts";
import { type Storage, type StorageOptions, createStorage } from "../storage/client.ts";
import { migrate } from "../storage/migrate.ts";
import { applyRetention, type RetentionOptions } from "../storage/retention.ts";
import type { ConfigValues } from "./config.ts";

const RETRY_MS = 500;
const TRY_TIMEOUT_MS = 5_000;

/** How long to wait for a server that does not answer; `now` is in milliseconds. */
export interface WaitOptions {
  readonly connectTimeoutSeconds: number;
  readonly now: () => number;
  readonly abort: AbortSignal;
}

/** How to open: the wait, and how long data is kept. */
export interface OpenOptions extends WaitOptions {
  readonly retention: RetentionOptions;
}

/** How to connect by the configuration; a user and password inside the URL win over those of their own settings. */
export function connectionOf(values: ConfigValues): StorageOptions {
  const given = values["storage.url"];
  const url = given === "" ? null : new URL(given);
  const user = url?.username ? decodeURIComponent(url.username) : values["storage.user"];
  const password = url?.password ? decodeURIComponent(url.password) : values["storage.password"];
  return {
    url: given === "" ? "" : withoutPassword(given),
    user,
    password,
    database: values["storage.database"],
    requestTimeoutMs: values["storage.requestTimeoutMs"],
  };
}

/** A migrated storage that keeps data as long as it is told; rejects with STORAGE_UNREACHABLE, MIGRATION_CHANGED or MIGRATION_FAILED. */
export async function openStorage(options: StorageOptions, wait: OpenOptions): Promise<Storage> {
  const storage = createStorage(options);
  try {
    await untilReachable(options, wait);
    await migrate(storage);
    await applyRetention(storage, wait.retention);
    return storage;
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Resolves when the server answers and knows the user; rejects with STORAGE_UNREACHABLE after the given time. */
export async function untilReachable(options: StorageOptions, wait: WaitOptions): Promise<void> {
  const deadline = wait.now() + wait.connectTimeoutSeconds * 1_000;
  const probe = createStorage({ ...options, requestTimeoutMs: TRY_TIMEOUT_MS });
  try {
    for (;;) {
      const reason = await reasonOfFailure(probe);
      if (reason === null) return;
      if (wait.now() >= deadline) {
        throw new ServiceError("STORAGE_UNREACHABLE", { url: withoutPassword(options.url), cause: reason });
      }
      await sleep(RETRY_MS, undefined, { signal: wait.abort });
    }
  } finally {
    await probe.close();
  }
}

/** Why ClickHouse does not answer, in one clause; null when it does. */
async function reasonOfFailure(storage: Storage): Promise<string | null> {
  try {
    if (await storage.ping()) return null;
    const answer = await storage.client.ping({ select: true });
    return answer.success ? null : firstClause(reasonOf(answer.error));
  } catch (error) {
    return firstClause(reasonOf(error));
  }
}

function firstClause(text: string): string {
  return (text.split("\n")[0] ?? text).replace(/\.\s.*$|\.$/, "");
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = "";
  parsed.username = "";
  return parsed.href;
}
